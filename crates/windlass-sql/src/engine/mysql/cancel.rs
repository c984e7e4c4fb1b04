//! Ending a statement from elsewhere: `KILL QUERY` over a connection of its own.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use mysql_async::{Conn, Opts, prelude::Queryable};
use tokio::{sync::Notify, task::JoinHandle, time::timeout};

use super::failure;
use crate::engine::{Canceller, EngineError};

/// A `KILL` that finds the connection between two commands does nothing; so it is said again.
const AGAIN: Duration = Duration::from_millis(100);
/// How often. After that the server has its own reasons.
const ATTEMPTS: usize = 50;

/// What a connection is doing, and who wants it to end.
pub(super) struct Activity {
    /// How to get in again: with the login that has a right to kill its own.
    options: Opts,
    id: u32,
    patience: Duration,
    state: Mutex<State>,
    /// Fires when something in `state` has ended.
    ended: Notify,
}

#[derive(Default)]
struct State {
    runs: Option<u64>,
    next: u64,
    asked: Option<Asked>,
    killing: usize,
    killed: bool,
}

/// Why a statement should end. Who asked first is why it did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    /// Somebody wants that.
    Cancel,
    /// Its time is over.
    Timeout,
    /// Nobody wants more rows.
    Enough,
}

/// How a run ended for [`Activity`].
#[derive(Debug, Clone, Copy)]
pub(super) struct Ended {
    pub(super) asked: Option<Asked>,
    /// Whether a `KILL` was sent, which may hit the next command.
    pub(super) killed: bool,
}

impl Activity {
    pub(super) fn new(connection: &Conn, patience: Duration) -> Self {
        let (options, id) = (connection.opts().clone(), connection.id());
        Self { options, id, patience, state: Mutex::default(), ended: Notify::new() }
    }

    /// Something begins. It goes on until [`Activity::end`].
    pub(super) fn begin(&self) {
        let mut state = self.state();
        state.next += 1;
        *state = State { runs: Some(state.next), next: state.next, ..State::default() };
    }

    /// It has ended, and no `KILL` is on its way any more.
    pub(super) async fn end(&self) -> Ended {
        self.state().runs = None;
        self.ended.notify_waiters();
        loop {
            let ended = self.ended.notified();
            tokio::pin!(ended);
            ended.as_mut().enable();
            {
                let state = self.state();
                if state.killing == 0 {
                    return Ended { asked: state.asked, killed: state.killed };
                }
            }
            ended.await;
        }
    }

    pub(super) fn asked(&self) -> Option<Asked> {
        self.state().asked
    }

    /// Asks for the end of what runs; `None` where nothing does. It goes on when the handle is dropped: half a `KILL`
    /// would hit what comes next.
    pub(super) fn ask(self: &Arc<Self>, why: Asked) -> Option<JoinHandle<Result<(), EngineError>>> {
        let run = {
            let mut state = self.state();
            let run = state.runs?;
            state.asked.get_or_insert(why);
            state.killing += 1;
            run
        };
        let this = Arc::clone(self);
        Some(tokio::spawn(async move {
            let killing = Killing(&this);
            let result = this.kill(run).await;
            drop(killing);
            result
        }))
    }

    /// Ends the whole connection, of which nobody waits for anything any more.
    pub(super) fn abandon(self: &Arc<Self>) {
        let this = Arc::clone(self);
        // Outside of a runtime it will be told by the connection's end.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                if let Ok(mut connection) = this.open().await {
                    let _ = connection.query_drop(format!("KILL {}", this.id)).await;
                    let _ = connection.disconnect().await;
                }
            });
        }
    }

    async fn kill(&self, run: u64) -> Result<(), EngineError> {
        let mut connection = self.open().await?;
        for _ in 0..ATTEMPTS {
            let ended = self.ended.notified();
            tokio::pin!(ended);
            ended.as_mut().enable();
            {
                let mut state = self.state();
                if state.runs != Some(run) {
                    break;
                }
                state.killed = true;
            }
            let killed = timeout(self.patience, connection.query_drop(format!("KILL QUERY {}", self.id))).await;
            killed.map_err(|_| failure::too_slow(self.patience))?.map_err(failure::running)?;
            // Whichever comes first; both are looked at above.
            let _ = timeout(AGAIN, ended).await;
        }
        tokio::spawn(connection.disconnect());
        Ok(())
    }

    async fn open(&self) -> Result<Conn, EngineError> {
        let opened = timeout(self.patience, Conn::new(self.options.clone())).await;
        opened.map_err(|_| failure::too_slow(self.patience))?.map_err(failure::connecting)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Killing<'a>(&'a Activity);

impl Drop for Killing<'_> {
    fn drop(&mut self) {
        self.0.state().killing -= 1;
        self.0.ended.notify_waiters();
    }
}

pub(super) struct MysqlCanceller(pub(super) Arc<Activity>);

#[async_trait]
impl Canceller for MysqlCanceller {
    async fn cancel(&self) -> Result<(), EngineError> {
        let Some(task) = self.0.ask(Asked::Cancel) else { return Ok(()) };
        task.await.map_err(|error| EngineError::Internal(error.to_string()))?
    }
}
