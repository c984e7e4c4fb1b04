//! The thread of a connection: everything that blocks.

use std::{
    io, mem,
    path::PathBuf,
    sync::{Arc, mpsc},
    thread,
    time::Duration,
};

use rusqlite::{Connection, InterruptHandle, Row, Statement};
use serde_json::Value;
use tokio::sync::{mpsc::Sender, oneshot};

use super::{
    Access, EngineError, Ran, Shape,
    authorize::Warden,
    failure,
    open::{self, FileId, LONGEST_VALUE},
    turn::{Stop, Turn},
    value,
};
use crate::engine::{Argument, Column};

/// Rows cross to the other side in batches of so many, or of so many bytes: one by one, the crossing would be most of
/// the work.
const BATCH_ROWS: usize = 256;
const BATCH_BYTES: usize = 64 << 10;

/// Steps of SQLite between two looks at the clock; some ten microseconds.
const STEPS: i32 = 1000;

/// How long compiling a statement may wait for a lock.
const DESCRIBE: Duration = Duration::from_secs(5);

/// An expression may be a thousand levels deep, and SQLite walks it by recursion.
const STACK: usize = 8 << 20;

/// Something to do.
pub enum Job {
    Run { sql: String, arguments: Vec<Argument>, access: Access, turn: Arc<Turn>, events: Sender<Event> },
    Describe { sql: String, reply: oneshot::Sender<Result<Shape, EngineError>> },
}

/// What comes of a run; `End` is the last.
pub enum Event {
    Columns(Vec<Column>),
    Rows(Vec<Vec<Value>>),
    End(Result<Ran, EngineError>),
}

/// What the other side has to know of the open file.
pub struct Opened {
    pub id: FileId,
    pub handle: InterruptHandle,
}

/// Opens the file on a thread of its own, which then works until `jobs` has no sender left.
pub fn start(
    file: PathBuf,
    access: Access,
    patience: Duration,
    jobs: mpsc::Receiver<Job>,
    ready: oneshot::Sender<Result<Opened, EngineError>>,
) -> io::Result<()> {
    let work = move || {
        let warden = Arc::new(Warden::default());
        match open::open(&file, access, patience, &warden) {
            Ok((connection, id)) => {
                let opened = Opened { id, handle: connection.get_interrupt_handle() };
                if ready.send(Ok(opened)).is_ok() {
                    Worker { connection, access, warden }.work(&jobs);
                }
            }
            // Whoever asked may have gone away: then nobody needs the answer.
            Err(error) => drop(ready.send(Err(error))),
        }
    };
    thread::Builder::new().name("sqlite".to_owned()).stack_size(STACK).spawn(work).map(drop)
}

struct Worker {
    connection: Connection,
    access: Access,
    warden: Arc<Warden>,
}

impl Worker {
    fn work(mut self, jobs: &mpsc::Receiver<Job>) {
        while let Ok(job) = jobs.recv() {
            match job {
                Job::Run { sql, arguments, access, turn, events } => {
                    let result = self.run(&sql, &arguments, access, &turn, &events);
                    // Both ends of a turn that was given up go here.
                    drop(turn);
                    let _ = events.blocking_send(Event::End(result));
                }
                Job::Describe { sql, reply } => drop(reply.send(self.describe(&sql))),
            }
        }
    }

    fn run(
        &mut self,
        sql: &str,
        arguments: &[Argument],
        access: Access,
        turn: &Arc<Turn>,
        events: &Sender<Event>,
    ) -> Result<Ran, EngineError> {
        let explain = |warden: &Warden, error| failure::explain(error, warden.take_denied(), Some(turn), access);
        self.warden.expect(access);
        self.watch(Some(turn)).map_err(|error| explain(&self.warden, error))?;
        let changes = self.connection.total_changes();
        let outcome = match self.prepare(sql, access, Some(turn)) {
            Ok(mut statement) => bind(&mut statement, arguments).and_then(|()| {
                let reads = statement.readonly();
                hand_over(&mut statement, turn, events, &|error| explain(&self.warden, error))?;
                let changed = self.connection.total_changes() != changes;
                let affected = if changed { self.connection.changes() } else { 0 };
                Ok(Ran { affected: (!reads).then_some(affected) })
            }),
            Err(error) => Err(error),
        };
        self.watch(None).map_err(|error| explain(&self.warden, error))?;
        if !self.connection.is_autocommit() {
            return Err(EngineError::Internal("a transaction was left open".to_owned()));
        }
        outcome
    }

    fn describe(&mut self, sql: &str) -> Result<Shape, EngineError> {
        let turn = Arc::new(Turn::new(DESCRIBE));
        self.warden.expect(self.access);
        let access = self.access;
        self.watch(Some(&turn)).map_err(|error| failure::explain(error, None, None, access))?;
        let statement = self.prepare(sql, self.access, Some(&turn))?;
        Ok(Shape { parameters: vec![String::new(); statement.parameter_count()], columns: columns(&statement, None) })
    }

    fn prepare(&self, sql: &str, access: Access, turn: Option<&Turn>) -> Result<Statement<'_>, EngineError> {
        if sql.contains('\0') {
            // SQLite would not look beyond it.
            return Err(failure::statement("the statement has a NUL in it", None));
        }
        let statement = self
            .connection
            .prepare(sql)
            .map_err(|error| failure::explain(error, self.warden.take_denied(), turn, access))?;
        if access == Access::Read && !statement.readonly() {
            return Err(EngineError::ReadOnly("the statement would change the database".to_owned()));
        }
        Ok(statement)
    }

    /// Has SQLite ask the turn whether to go on: while it works, and while it waits for a lock.
    fn watch(&mut self, turn: Option<&Arc<Turn>>) -> rusqlite::Result<()> {
        let working = turn.map(Arc::clone).map(|turn| move || turn.over().is_some());
        let waiting = turn.map(Arc::clone).map(|turn| {
            move |times: i32| {
                let go_on = turn.over().is_none();
                if go_on {
                    thread::sleep(Duration::from_millis(1 << times.clamp(0, 4)));
                }
                go_on
            }
        });
        self.connection.progress_handler(STEPS, working)?;
        self.connection.busy_handler(waiting)
    }
}

fn bind(statement: &mut Statement<'_>, arguments: &[Argument]) -> Result<(), EngineError> {
    if statement.parameter_count() != arguments.len() {
        let (wanted, given) = (statement.parameter_count(), arguments.len());
        return Err(EngineError::Argument(format!("placeholders in the statement: {wanted}, values given: {given}")));
    }
    for (place, argument) in (1..).zip(arguments) {
        let value = value::bind(argument, place)?;
        statement
            .raw_bind_parameter(place, value)
            .map_err(|error| EngineError::Argument(format!("argument {place}: {error}")))?;
    }
    Ok(())
}

/// Steps through the statement. `Ok` where it came to its end, or whoever takes the rows has enough.
fn hand_over(
    statement: &mut Statement<'_>,
    turn: &Turn,
    events: &Sender<Event>,
    explain: &dyn Fn(rusqlite::Error) -> EngineError,
) -> Result<(), EngineError> {
    let mut batch = Batch { events, turn, breakable: statement.readonly(), rows: Vec::new(), bytes: 0 };
    let outcome = step_through(statement, &mut batch, explain);
    // What came before an error is the reader's.
    batch.flush();
    match turn.over() {
        Some(Stop::Enough) => Ok(()),
        _ => outcome,
    }
}

fn step_through(
    statement: &mut Statement<'_>,
    batch: &mut Batch<'_>,
    explain: &dyn Fn(rusqlite::Error) -> EngineError,
) -> Result<(), EngineError> {
    // Known after the first step only: where the tables were changed by others, it compiles the statement again.
    let mut json = None;
    let mut rows = statement.raw_query();
    while let Some(row) = rows.next().map_err(explain)? {
        let json = json.get_or_insert_with(|| batch.begin(row.as_ref(), Some(row)));
        let mut cells = Vec::with_capacity(json.len());
        let mut length = 0;
        for (index, json) in json.iter().enumerate() {
            let value = row.get_ref(index).map_err(explain)?;
            length += value::size(value);
            if length > LONGEST_VALUE as usize {
                let hint = Some("ask for fewer columns, or for parts of the values");
                return Err(failure::statement("a row is too long", hint));
            }
            cells.push(value::cell(value, *json));
        }
        if let Some(error) = batch.push(cells, length) {
            return Err(error);
        }
    }
    drop(rows);
    if json.is_none() {
        batch.begin(statement, None);
    }
    Ok(())
}

/// Rows on their way to the other side.
struct Batch<'a> {
    events: &'a Sender<Event>,
    turn: &'a Turn,
    /// Whether the statement may be left in the middle. What writes has done all its work before its first row; SQLite
    /// would keep it, so that it ended early must not be said.
    breakable: bool,
    rows: Vec<Vec<Value>>,
    bytes: usize,
}

impl Batch<'_> {
    /// Tells the columns, and which of them hold JSON.
    fn begin(&mut self, statement: &Statement<'_>, first: Option<&Row<'_>>) -> Vec<bool> {
        self.send(Event::Columns(columns(statement, first)));
        let is_json = |declared: &str| declared.eq_ignore_ascii_case("json");
        statement.columns().map(|column| column.decl_type().is_some_and(is_json)).collect()
    }

    /// Why there should be no more, if so.
    fn push(&mut self, row: Vec<Value>, length: usize) -> Option<EngineError> {
        self.rows.push(row);
        self.bytes += length;
        if self.rows.len() < BATCH_ROWS && self.bytes < BATCH_BYTES {
            return None;
        }
        let gone = !self.flush();
        match self.turn.over() {
            _ if !self.breakable => None,
            Some(Stop::TimedOut) => Some(EngineError::TimedOut),
            // Enough is no error; whoever calls knows.
            Some(Stop::Cancelled | Stop::Enough) => Some(EngineError::Cancelled),
            None => gone.then_some(EngineError::Cancelled),
        }
    }

    fn flush(&mut self) -> bool {
        self.bytes = 0;
        let rows = mem::take(&mut self.rows);
        rows.is_empty() || self.send(Event::Rows(rows))
    }

    fn send(&self, event: Event) -> bool {
        self.events.blocking_send(event).is_ok()
    }
}

/// The columns: as declared, or what the first row has there.
fn columns(statement: &Statement<'_>, first: Option<&Row<'_>>) -> Vec<Column> {
    let found = |index| first.and_then(|row| row.get_ref(index).ok()).map(value::kind);
    let columns = statement.columns().enumerate().map(|(index, column)| {
        let declared = column.decl_type().map(str::to_ascii_lowercase);
        let kind = declared.or_else(|| found(index).map(str::to_owned)).unwrap_or_default();
        Column { name: column.name().to_owned(), kind }
    });
    columns.collect()
}
