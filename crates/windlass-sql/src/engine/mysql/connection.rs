//! One connection.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use futures::FutureExt;
use mysql_async::{Conn, prelude::Queryable};
use tokio::{
    select,
    time::{Instant, sleep, timeout},
};

use super::{
    argument,
    cancel::{Activity, Asked, Ended, MysqlCanceller},
    cell, failure, rights,
    session::{self, Home, Server},
    stream::{self, Done, Work},
};
use crate::engine::{Access, Canceller, Connection, EngineError, Query, Ran, Rights, Rows, Shape};

/// The server's own limit comes first, where it has one that holds: MySQL has it for `SELECT` alone, and MariaDB lets a
/// statement lift it (`SET STATEMENT max_statement_time=0 FOR ...`).
const GRACE: Duration = Duration::from_millis(500);
/// How long a statement may take to notice that it was killed.
const LAST: Duration = Duration::from_secs(5);

pub(super) struct MysqlConnection {
    /// `None` while it is in use, and once it is not usable any more: who drops a run in the middle leaves none.
    link: Option<Conn>,
    access: Access,
    server: Server,
    home: Home,
    activity: Arc<Activity>,
    patience: Duration,
}

impl MysqlConnection {
    pub(super) async fn new(mut link: Conn, access: Access, patience: Duration) -> Result<Self, EngineError> {
        let activity = Arc::new(Activity::new(&link, patience));
        let prepared = async {
            let server = Server::of(&mut link).await?;
            let home = session::begin(&mut link, &server, access, patience, None).await?;
            link.query_drop("ROLLBACK").await?;
            Ok((server, home))
        };
        let prepared = timeout(patience, prepared).await.map_err(|_| failure::too_slow(patience))?;
        let (server, home) = prepared.map_err(failure::connecting)?;
        Ok(Self { link: Some(link), access, server, home, activity, patience })
    }

    fn take(&mut self) -> Result<Busy, EngineError> {
        let link = self.link.take().ok_or_else(|| EngineError::Lost("it was closed".to_owned()))?;
        self.activity.begin();
        Ok(Busy { link: Some(link), activity: self.activity.clone() })
    }

    /// Commits where that is due, leaves nothing behind, and takes the connection back if it is still one.
    async fn settle<T>(
        &mut self,
        mut busy: Busy,
        mut result: Result<T, EngineError>,
        ended: Ended,
        commit: bool,
    ) -> Result<T, EngineError> {
        // What was not seen to be committed is not told as done.
        let mut unsure = commit && result.is_ok();
        let lost = || Err(EngineError::Lost("the commit was not confirmed".to_owned()));
        let link = busy.link();
        if link.is_disconnected() {
            // The server knows, and after a restart its number would be somebody else's.
            busy.give_back();
            return if unsure { lost() } else { result };
        }
        if matches!(result, Err(EngineError::Lost(_))) {
            return result;
        }
        let settled = async {
            if ended.killed {
                // The `KILL` may have come when the statement was over: this is what it hits then.
                match link.query_drop("DO 0").await {
                    Err(error) if !failure::was_interrupted(&error) => return Err(error),
                    _ => (),
                }
            }
            if unsure {
                let committed = link.query_drop("COMMIT").await;
                unsure = false;
                if let Err(error) = committed {
                    result = Err(failure::running(error));
                }
            }
            session::forget(link).await
        };
        if let Ok(Ok(())) = timeout(self.patience, settled).await {
            self.link = busy.give_back();
        }
        if unsure { lost() } else { result }
    }
}

#[async_trait]
impl Connection for MysqlConnection {
    async fn rights(&mut self) -> Result<Rights, EngineError> {
        let mut busy = self.take()?;
        let (server, home, patience) = (&self.server, &self.home, self.patience);
        let asking = async {
            let link = busy.link();
            session::begin(link, server, Access::Read, patience, Some(home)).await?;
            rights::of(link, server).await
        };
        let result = timeout(patience, asking).await;
        let result = result.map_err(|_| EngineError::TimedOut)?.map_err(failure::running);
        let ended = self.activity.end().await;
        self.settle(busy, result, ended, false).await
    }

    async fn describe(&mut self, sql: &str) -> Result<Shape, EngineError> {
        stream::check_text(sql)?;
        let mut busy = self.take()?;
        let (server, home, patience, access) = (&self.server, &self.home, self.patience, self.access);
        let asking = async {
            let link = busy.link();
            session::begin(link, server, access, patience, Some(home)).await?;
            link.prep(sql).await
        };
        let result = timeout(patience, asking).await;
        let result = result.map_err(|_| EngineError::TimedOut)?.map_err(failure::running);
        let ended = self.activity.end().await;
        let statement = self.settle(busy, result, ended, false).await?;
        Ok(Shape {
            parameters: vec![String::new(); statement.num_params().into()],
            columns: statement.columns().iter().map(cell::describe).collect(),
        })
    }

    async fn run(&mut self, query: &Query<'_>, rows: &mut dyn Rows) -> Result<Ran, EngineError> {
        if (self.access, query.access) == (Access::Read, Access::Write) {
            return Err(EngineError::ReadOnly("this connection only reads".to_owned()));
        }
        stream::check_text(query.sql)?;
        let arguments = argument::bind(query.arguments)?;
        let mut busy = self.take()?;
        let begun = Instant::now();
        let work = Work { server: &self.server, home: &self.home, activity: &self.activity, query, arguments };
        let outcome = watched(busy.link(), work, rows).await;
        let ended = self.activity.end().await;
        let reads = query.access == Access::Read;
        let outcome = match outcome {
            // The rows are as good as they would be with the rest refused; the connection goes, and the rest with it.
            Some(Ok(Done { in_step: false, .. })) => return Ok(Ran::default()),
            Some(outcome) => outcome,
            None if reads => return Err(EngineError::TimedOut),
            None => return Err(EngineError::Lost("the statement did not end when it was told to".to_owned())),
        };
        let late = reads && begun.elapsed() >= query.timeout;
        let result = judge(outcome, ended.asked, late);
        self.settle(busy, result, ended, !reads).await
    }

    fn canceller(&self) -> Arc<dyn Canceller> {
        Arc::new(MysqlCanceller(self.activity.clone()))
    }

    fn is_usable(&self) -> bool {
        self.link.as_ref().is_some_and(|link| !link.is_disconnected())
    }
}

/// `None` where the statement does not end, although it was told to.
async fn watched(link: &mut Conn, work: Work<'_>, rows: &mut dyn Rows) -> Option<Result<Done, EngineError>> {
    let (activity, limit) = (work.activity.clone(), work.query.timeout);
    let performed = stream::perform(link, work, rows);
    let alarm = sleep(limit.saturating_add(GRACE));
    tokio::pin!(performed, alarm);
    let mut told = false;
    loop {
        select! {
            // In this order: while rows come, they use up what a task may do at a time, timers included.
            biased;
            () = &mut alarm => {
                if told {
                    return None;
                }
                told = true;
                activity.ask(Asked::Timeout);
                alarm.as_mut().reset(Instant::now() + LAST);
            }
            outcome = &mut performed => return Some(outcome),
        }
    }
}

/// Who asked decides, not what the server says: a `SLEEP` that is killed is a row without an error.
fn judge(outcome: Result<Done, EngineError>, asked: Option<Asked>, late: bool) -> Result<Ran, EngineError> {
    match (outcome, asked) {
        (Ok(done), _) if done.enough => Ok(Ran { affected: done.affected }),
        (_, Some(Asked::Timeout)) => Err(EngineError::TimedOut),
        (_, Some(Asked::Cancel)) => Err(EngineError::Cancelled),
        (Ok(_), _) if late => Err(EngineError::TimedOut),
        (outcome, _) => outcome.map(|done| Ran { affected: done.affected }),
    }
}

/// A connection that is in use. Dropped, as it is with a run that is dropped in the middle, it is ended, here and on
/// the server.
struct Busy {
    link: Option<Conn>,
    activity: Arc<Activity>,
}

impl Busy {
    fn link(&mut self) -> &mut Conn {
        self.link.as_mut().expect("it is there until it is given back, which takes all of this")
    }

    fn give_back(mut self) -> Option<Conn> {
        self.link.take()
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        let Some(mut link) = self.link.take() else { return };
        self.activity.abandon();
        // The driver would read what is on its way to the end, unless it is interrupted in the middle of something.
        let _ = link.ping().now_or_never();
    }
}
