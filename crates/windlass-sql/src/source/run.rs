//! One statement, within its time and however its caller leaves.

use std::{
    ops::ControlFlow,
    pin::pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use serde_json::Value;
use tokio::{
    sync::oneshot,
    time::{Instant, sleep_until, timeout},
};
use tokio_util::sync::CancellationToken;
use windlass_core::Deadline;

use super::{Source, SourceError, pool};
use crate::engine::{Access, Argument, Column, EngineError, Query, Ran, Rows};

/// What is to be run.
#[derive(Debug, Clone)]
pub struct Statement {
    /// The text, with the placeholders of the engine.
    pub sql: String,
    /// What they stand for.
    pub arguments: Vec<Argument>,
    /// Whether it may change anything.
    pub access: Access,
}

/// How long it may take, and who may end it.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Time on the server.
    pub timeout: Duration,
    /// When the call itself has to be over.
    pub deadline: Deadline,
    /// Fires when nobody waits for it any more.
    pub cancel: CancellationToken,
}

/// A statement that has ended, and what it left its rows in.
pub struct Ended<R> {
    /// How.
    pub outcome: Result<Ran, SourceError>,
    /// The rows.
    pub rows: R,
    /// How long it took, waiting for a connection included.
    pub took: Duration,
}

/// The server ends a statement itself when its time is over; it gets so long to do so before it is asked to.
const SLACK: Duration = Duration::from_millis(250);
/// How long asking may take; the statement has twice as long to end. After that the caller is answered, and the connection
/// stays taken for as long as the statement goes on.
const GRACE: Duration = Duration::from_secs(2);

impl Source {
    /// Runs a statement. It is ended on the server when its time is over, when its caller cancels, and when the future is
    /// dropped; `reads_nothing` tells whether any row has come, so that a broken connection may be tried anew.
    pub async fn run<R: Rows + 'static>(
        &self,
        statement: Statement,
        limits: Limits,
        rows: R,
        reads_nothing: fn(&R) -> bool,
    ) -> Ended<R> {
        let started = Instant::now();
        let time = limits.timeout.min(self.settings.statement_timeout.0).min(limits.deadline.remaining());
        let until = started + time;
        let pool = self.pool(statement.access).clone();
        // Fires when this future is dropped: the statement's own task outlives it, and ends the statement.
        let gone = CancellationToken::new();
        let guard = gone.clone().drop_guard();
        let (answer, answered) = oneshot::channel();
        let task = Task {
            pool,
            statement,
            until,
            cancel: limits.cancel,
            gone,
            rows: Lent::new(rows),
            answer: Some(answer),
            heedless: self.heedless.clone(),
        };
        let task = tokio::spawn(task.run(reads_nothing));
        let answered = answered.await;
        drop(guard);
        match (answered, task) {
            (Ok((outcome, rows)), _) => Ended { outcome, rows, took: started.elapsed() },
            (Err(_), task) => match task.await {
                Err(panic) => std::panic::resume_unwind(panic.into_panic()),
                Ok(()) => unreachable!("a task that ends has answered"),
            },
        }
    }
}

/// Rows that can be taken back from a statement that does not end.
struct Lent<R>(Arc<Mutex<Option<R>>>);

impl<R> Lent<R> {
    fn new(rows: R) -> Self {
        Self(Arc::new(Mutex::new(Some(rows))))
    }

    fn with<T>(&self, look: impl FnOnce(&mut Option<R>) -> T) -> T {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<R: Rows> Rows for Lent<R> {
    fn columns(&mut self, columns: Vec<Column>) {
        self.with(|rows| rows.as_mut().map(|rows| rows.columns(columns)));
    }

    fn row(&mut self, cells: Vec<Value>) -> ControlFlow<()> {
        self.with(|rows| rows.as_mut().map_or(ControlFlow::Break(()), |rows| rows.row(cells)))
    }
}

type Answer<R> = (Result<Ran, SourceError>, R);

struct Task<R> {
    pool: pool::Pool,
    statement: Statement,
    until: Instant,
    cancel: CancellationToken,
    gone: CancellationToken,
    rows: Lent<R>,
    answer: Option<oneshot::Sender<Answer<R>>>,
    heedless: Arc<AtomicUsize>,
}

impl<R: Rows> Task<R> {
    async fn run(mut self, reads_nothing: fn(&R) -> bool) {
        let mut outcome = self.attempt().await;
        // A connection may have broken while nobody used it. What only reads, and has given nothing yet, can be asked again.
        let lost = matches!(outcome, Err(SourceError::Engine(EngineError::Lost(_))));
        let untouched = self.rows.with(|rows| rows.as_ref().is_some_and(reads_nothing));
        if lost && self.statement.access == Access::Read && untouched && Instant::now() < self.until {
            // Then the others broke as well: the server was restarted.
            pool::close_all(&self.pool);
            outcome = self.attempt().await;
        }
        tell(&mut self.answer, &self.rows, outcome);
    }

    async fn attempt(&mut self) -> Result<Ran, SourceError> {
        let Self { pool, statement, until, cancel, gone, rows, answer, heedless } = self;
        let wait = until.saturating_duration_since(Instant::now());
        let mut held = tokio::select! {
            biased;
            held = pool::take(pool, wait) => held?,
            // Had all been in use, that would have been said by now: one is being made.
            () = sleep_until(*until + SLACK) => {
                return Err(EngineError::Unreachable("no connection in time".to_owned()).into());
            }
            () = cancel.cancelled() => return Err(EngineError::Cancelled.into()),
            () = gone.cancelled() => return Err(EngineError::Cancelled.into()),
        };
        let canceller = held.canceller();
        let time = until.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
        let access = statement.access;
        let query = Query { sql: &statement.sql, arguments: &statement.arguments, access, timeout: time };
        let mut taken = Lent(rows.0.clone());
        let (why, how) = {
            let mut running = pin!(held.run(&query, &mut taken));
            let ended = tokio::select! {
                outcome = &mut running => Ok(outcome),
                () = sleep_until(*until + SLACK) => Err(EngineError::TimedOut),
                () = cancel.cancelled() => Err(EngineError::Cancelled),
                () = gone.cancelled() => Err(EngineError::Cancelled),
            };
            let why = match ended {
                Ok(outcome) => return Ok(outcome?),
                Err(why) => why,
            };
            // Together: some ask again and again until the statement has ended, which it only does while it is polled.
            let (asked, how) = tokio::join!(timeout(GRACE, canceller.cancel()), timeout(2 * GRACE, &mut running));
            if let Ok(Err(error)) = asked {
                tracing::warn!(%error, "a statement could not be cancelled on its server");
            }
            if how.is_err() {
                // Nobody waits for it any more. But the server goes on, and as long as it does, nobody else gets this place.
                tell(answer, rows, stopped(access, why.clone(), None));
                tracing::warn!("a statement goes on although its server was told to end it");
                heedless.fetch_add(1, Ordering::Relaxed);
                let _ = (&mut running).await;
                heedless.fetch_sub(1, Ordering::Relaxed);
            }
            (why, how.ok())
        };
        match &how {
            Some(Err(EngineError::Cancelled | EngineError::TimedOut)) => {}
            // It does not heed, or was over before it was asked to end: then the request may still be on its way, and
            // would meet whatever the connection does next.
            _ => drop(pool::Held::take(held)),
        }
        stopped(access, why, how)
    }
}

/// Answers, unless that was done already.
fn tell<R>(answer: &mut Option<oneshot::Sender<Answer<R>>>, rows: &Lent<R>, outcome: Result<Ran, SourceError>) {
    if let (Some(answer), Some(rows)) = (answer.take(), rows.with(Option::take)) {
        // Where nobody is there to hear it, nobody has to.
        let _ = answer.send((outcome, rows));
    }
}

/// What became of a statement that was told to end, and how it ended, if it did.
fn stopped(access: Access, why: EngineError, how: Option<Result<Ran, EngineError>>) -> Result<Ran, SourceError> {
    match how {
        _ if access == Access::Read => Err(why.into()),
        // A change that was made all the same is told as made; whether one was made that is not seen to have ended, nobody
        // knows.
        Some(Ok(ran)) => Ok(ran),
        Some(Err(error @ EngineError::Lost(_))) => Err(error.into()),
        None => Err(EngineError::Lost("the statement did not end when it was told to".to_owned()).into()),
        Some(Err(_)) => Err(why.into()),
    }
}
