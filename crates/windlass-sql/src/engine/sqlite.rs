//! SQLite: a file, opened in this process.
//!
//! SQLite blocks, so each connection has a thread of its own. It ends when the connection is dropped.
//!
//! What keeps a reader from writing, each enough by itself: the file is opened read-only; `query_only` is set; a statement
//! that SQLite itself does not call read-only is refused. The `authorize` hook allows reading and nothing else, but for
//! tables with the names that R-trees give to theirs. What keeps a statement inside its file and its bounds: no `ATTACH`, no extension, no `PRAGMA` but those
//! that describe tables, limits on lengths and memory, and a clock that SQLite asks every thousand steps.

mod authorize;
mod failure;
mod open;
mod turn;
mod value;
mod worker;

use std::{
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
};

use async_trait::async_trait;
use rusqlite::InterruptHandle;
use tokio::sync::oneshot;
use windlass_core::SecretString;

use super::{Access, Address, Canceller, Connection, Engine, EngineError, Query, Ran, Rights, Rows, Shape};
use open::FileId;
use turn::{Stop, Turn};
use worker::{Event, Job};

/// A statement that is inside one step of SQLite cannot be ended before the step is (comparing megabytes with megabytes
/// is one). Its connection is given up, its thread goes on. This many such threads are suffered; then there is no new
/// connection until one of them is done.
const MOST_STUCK: usize = 4;

/// One SQLite database.
#[derive(Debug)]
pub struct Sqlite {
    file: PathBuf,
    address: Address,
    stuck: Arc<AtomicUsize>,
}

impl Sqlite {
    /// The database in the file of that address.
    pub fn new(address: Address) -> Result<Self, EngineError> {
        match &address.file {
            Some(file) if !file.as_os_str().is_empty() => {
                Ok(Self { file: file.clone(), address, stuck: Arc::default() })
            }
            _ => Err(EngineError::Unreachable("no file is named".to_owned())),
        }
    }
}

#[async_trait]
impl Engine for Sqlite {
    async fn connect(
        &self,
        _password: Option<&SecretString>,
        access: Access,
    ) -> Result<Box<dyn Connection>, EngineError> {
        if self.stuck.load(Ordering::Relaxed) >= MOST_STUCK {
            let why = format!("{MOST_STUCK} statements that cannot be interrupted are still running");
            return Err(EngineError::Full(why));
        }
        let (jobs, inbox) = mpsc::channel();
        let (ready, opened) = oneshot::channel();
        let patience = self.address.connect_timeout;
        worker::start(self.file.clone(), access, patience, inbox, ready)
            .map_err(|error| EngineError::Full(format!("no thread could be started: {error}")))?;
        let opened = opened.await.map_err(|_| gone())??;
        Ok(Box::new(SqliteConnection {
            jobs,
            access,
            file: self.file.clone(),
            id: opened.id,
            running: Arc::new(Running { turn: Mutex::default(), handle: opened.handle }),
            stuck: Arc::clone(&self.stuck),
            usable: true,
        }))
    }
}

/// The asynchronous side of a connection.
struct SqliteConnection {
    jobs: mpsc::Sender<Job>,
    access: Access,
    file: PathBuf,
    id: FileId,
    running: Arc<Running>,
    stuck: Arc<AtomicUsize>,
    usable: bool,
}

/// What runs now, if anything does.
struct Running {
    turn: Mutex<Option<Arc<Turn>>>,
    handle: InterruptHandle,
}

impl Running {
    fn set(&self, turn: Option<Arc<Turn>>) {
        *self.turn.lock().unwrap_or_else(PoisonError::into_inner) = turn;
    }

    fn stop(&self, why: Stop) {
        let turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(turn) = turn {
            turn.stop(why);
            self.handle.interrupt();
        }
    }
}

/// Ends a turn whose future was dropped, so that the thread does not work for nobody.
struct Abandon<'a>(&'a Running);

impl Drop for Abandon<'_> {
    fn drop(&mut self) {
        self.0.stop(Stop::Cancelled);
        self.0.set(None);
    }
}

#[async_trait]
impl Connection for SqliteConnection {
    async fn rights(&mut self) -> Result<Rights, EngineError> {
        // There are no logins. That the file is open read-only is the proof, however its permissions are.
        Ok(Rights { server: format!("SQLite {}", rusqlite::version()), ..Rights::default() })
    }

    async fn describe(&mut self, sql: &str) -> Result<Shape, EngineError> {
        let (reply, shape) = oneshot::channel();
        let job = Job::Describe { sql: sql.to_owned(), reply };
        // Who goes away in the middle leaves a thread that is busy with it.
        self.usable = false;
        self.jobs.send(job).map_err(|_| gone())?;
        let shape = shape.await.map_err(|_| gone())?;
        self.usable = true;
        shape
    }

    async fn run(&mut self, query: &Query<'_>, rows: &mut dyn Rows) -> Result<Ran, EngineError> {
        if (query.access, self.access) == (Access::Write, Access::Read) {
            return Err(EngineError::ReadOnly("this connection can only read".to_owned()));
        }
        let turn = Arc::new(Turn::new(query.timeout));
        let (events, mut inbox) = tokio::sync::mpsc::channel(2);
        self.running.set(Some(Arc::clone(&turn)));
        let _abandon = Abandon(&self.running);
        let job = Job::Run {
            sql: query.sql.to_owned(),
            arguments: query.arguments.to_vec(),
            access: query.access,
            turn: Arc::clone(&turn),
            events,
        };
        self.jobs.send(job).map_err(|_| gone())?;
        let overdue = turn.overdue();
        tokio::pin!(overdue);
        let mut enough = false;
        loop {
            let event = tokio::select! {
                biased;
                event = inbox.recv() => event,
                why = &mut overdue => {
                    self.usable = false;
                    turn.give_up(&self.stuck);
                    return Err(match query.access {
                        Access::Read => why,
                        // Its thread goes on, and may commit.
                        Access::Write => EngineError::Lost("the statement could not be ended".to_owned()),
                    });
                }
            };
            match event {
                Some(Event::Columns(columns)) => rows.columns(columns),
                Some(Event::Rows(batch)) if !enough => {
                    enough = batch.into_iter().any(|row| rows.row(row).is_break());
                    // What writes is seen to its end: half of it would be undone, and the answer would say otherwise.
                    if enough && query.access == Access::Read {
                        self.running.stop(Stop::Enough);
                    }
                }
                Some(Event::Rows(_)) => {}
                Some(Event::End(result)) => return result,
                None => {
                    self.usable = false;
                    return Err(gone());
                }
            }
        }
    }

    fn canceller(&self) -> Arc<dyn Canceller> {
        Arc::new(SqliteCanceller(Arc::clone(&self.running)))
    }

    fn is_usable(&self) -> bool {
        // A file that was replaced by another of the same name is another database.
        self.usable && FileId::of(&self.file).is_ok_and(|id| id == self.id)
    }
}

struct SqliteCanceller(Arc<Running>);

#[async_trait]
impl Canceller for SqliteCanceller {
    async fn cancel(&self) -> Result<(), EngineError> {
        self.0.stop(Stop::Cancelled);
        Ok(())
    }
}

fn gone() -> EngineError {
    EngineError::Lost("its thread ended".to_owned())
}
