use std::{
    pin::Pin,
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use tokio::task::AbortHandle;
use tokio_postgres::{Client, SimpleQueryStream};

use super::{
    super::{Access, Canceller, Connection, EngineError, Query, Ran, Rights, Rows, Shape},
    cancel::Signal,
    capped::Exceeded,
    error::{Ended, Failure, is_over, running, too_large},
    plan::{self, Plans},
    read::{END, as_query, finish},
    rights,
    session::Standing,
};

/// How often the server is asked to roll back. Each time but the last can be hit by what should have ended the statement.
const SETTLING: usize = 3;

/// One session of a server.
pub(super) struct PostgresConnection {
    /// Gone once the session is used up.
    client: Option<Client>,
    link: AbortHandle,
    signal: Arc<Signal>,
    exceeded: Exceeded,
    access: Access,
    pub(super) standing: Standing,
    pub(super) reads: Plans,
    pub(super) writes: Plans,
    /// The end of a transaction, sent and not yet answered. Nobody has to wait for it but what comes next.
    pub(super) closing: Option<Pin<Box<SimpleQueryStream>>>,
    /// Something was begun and has not come to its end: so it is for good where whoever waited for it went away.
    busy: bool,
}

impl PostgresConnection {
    pub(super) fn new(
        client: Client,
        link: AbortHandle,
        signal: Arc<Signal>,
        exceeded: Exceeded,
        access: Access,
        standing: Standing,
    ) -> Self {
        let (reads, writes) = (Plans::default(), Plans::default());
        let (client, closing) = (Some(client), None);
        Self { client, link, signal, exceeded, access, standing, reads, writes, closing, busy: false }
    }

    pub(super) fn client(&self) -> Result<&Client, EngineError> {
        self.client.as_ref().ok_or_else(|| EngineError::Lost("it is closed".to_owned()))
    }

    /// Tells the server to end what runs here. Where that cannot be said, hangs up.
    pub(super) async fn cut(&self) {
        if self.signal.cancel().await.is_err() {
            self.link.abort();
        }
    }

    /// Closes the session: all it holds goes with it.
    pub(super) fn close(&mut self) {
        self.client = None;
    }

    /// Does one thing. What goes wrong is said as what it is, and afterwards the session is in step, or closed.
    async fn step<T>(
        &mut self,
        work: impl AsyncFnOnce(&mut Self) -> Result<T, Failure>,
        timeout: Duration,
    ) -> Result<T, EngineError> {
        if !self.is_usable() {
            return Err(EngineError::Lost("it was left in the middle of something".to_owned()));
        }
        self.busy = true;
        self.closed().await;
        self.signal.begin().await;
        let begun = Instant::now();
        let done = work(self).await;
        let took = begun.elapsed();
        if let Err(Failure::Server(error, _)) = &done
            && is_over(error)
        {
            self.close();
        }
        let asked = self.signal.finish().await;
        if asked {
            self.closed().await;
            self.settle().await;
        }
        self.busy = false;
        // The server counts from when it began, which was later: had its time been over, ours were as well.
        let ended = if asked || took < timeout { Ended::OnRequest } else { Ended::ByTime };
        done.map_err(|failure| match self.exceeded.load(Ordering::Relaxed) {
            true => too_large(),
            false => running(failure, ended),
        })
    }

    /// Waits for the end of the last transaction.
    async fn closed(&mut self) {
        if let Some(closing) = self.closing.take()
            && finish(closing).await.is_err()
        {
            self.settle().await;
        }
    }

    /// Brings the session out of whatever was cancelled, and makes sure that nothing else is.
    pub(super) async fn settle(&mut self) {
        for _ in 0..SETTLING {
            let Some(client) = &self.client else { return };
            if client.batch_execute(END).await.is_ok() {
                return;
            }
        }
        self.close();
    }
}

#[async_trait]
impl Connection for PostgresConnection {
    async fn rights(&mut self) -> Result<Rights, EngineError> {
        let work = async |own: &mut Self| Ok(rights::of(own.client()?).await?);
        self.step(work, super::session::STATEMENT).await
    }

    async fn describe(&mut self, sql: &str) -> Result<Shape, EngineError> {
        let work = async |own: &mut Self| {
            let client = own.client()?;
            let statement = client.prepare(sql).await?;
            if own.access == Access::Read {
                as_query(client, sql, &statement, &plan::forms(&statement)).await?;
            }
            let parameters = statement.params().iter().map(plan::kind).collect();
            Ok(Shape { parameters, columns: plan::columns(&statement) })
        };
        self.step(work, super::session::STATEMENT).await
    }

    async fn run(&mut self, query: &Query<'_>, rows: &mut dyn Rows) -> Result<Ran, EngineError> {
        match (query.access, self.access) {
            (Access::Read, _) => self.step(async |own: &mut Self| own.read(query, rows).await, query.timeout).await,
            (Access::Write, Access::Write) => {
                self.step(async |own: &mut Self| own.write(query, rows).await, query.timeout).await
            }
            (Access::Write, Access::Read) => Err(EngineError::ReadOnly("this session only reads".to_owned())),
        }
    }

    fn canceller(&self) -> Arc<dyn Canceller> {
        Arc::new(self.signal.clone())
    }

    fn is_usable(&self) -> bool {
        !self.busy && self.client.as_ref().is_some_and(|client| !client.is_closed())
    }
}

impl Drop for PostgresConnection {
    /// What still runs is ended on the server: it would not notice by itself until it has rows to send.
    fn drop(&mut self) {
        if !self.busy {
            return;
        }
        let (signal, link, client) = (self.signal.clone(), self.link.clone(), self.client.take());
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                // Without it, hanging up is all that can be done.
                let _ = signal.cancel().await;
                drop(client);
                link.abort();
            });
        }
    }
}
