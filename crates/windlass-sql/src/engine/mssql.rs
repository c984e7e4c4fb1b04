//! SQL Server, and what speaks like it (Azure SQL, RDS).
//!
//! SQL Server has no read-only transaction. What keeps a reader from writing is, in this order:
//!
//! 1. **The login's rights.** They are the boundary, and `rights` lists everything that makes a login more than a
//!    reader, and what could not be found out.
//! 2. The parsed statement (the guard). `sp_executesql` itself would run several.
//! 3. A transaction that is doomed before the statement begins, so that the server refuses to write in it,
//!    and is rolled back. A text of several statements could leave it by `ROLLBACK`: it is no boundary against those.
//! 4. `ApplicationIntent=ReadOnly`, which asks for a readable secondary where there is one.
//!
//! A statement that is ended early is ended on the server, by an attention signal.

mod bind;
mod cell;
mod describe;
mod exchange;
mod failure;
mod login;
mod rights;
mod statement;

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use windlass_core::SecretString;

use super::{Access, Address, Canceller, Connection, Engine, EngineError, Query, Ran, Rights, Rows, Shape};
use exchange::Ended;
use login::Client;

/// How long a server may take to confirm that it stopped.
const CONFIRM: Duration = Duration::from_secs(2);

/// How long what we ask ourselves may take: the catalogue of a large database is slow.
const OWN: Duration = Duration::from_secs(30);

/// A database of a SQL Server.
#[derive(Debug)]
pub struct Mssql {
    address: Address,
}

impl Mssql {
    /// The database of that address.
    pub fn new(address: Address) -> Result<Self, EngineError> {
        if address.host.is_empty() || address.host.starts_with('/') {
            return Err(EngineError::Unreachable("no host is named".to_owned()));
        }
        Ok(Self { address })
    }
}

#[async_trait]
impl Engine for Mssql {
    async fn connect(
        &self,
        password: Option<&SecretString>,
        access: Access,
    ) -> Result<Box<dyn Connection>, EngineError> {
        let patience = self.address.connect_timeout;
        let client = timeout(patience, login::login(&self.address, password, access)).await;
        let client = client.map_err(|_| EngineError::Unreachable(format!("no answer within {patience:?}")))??;
        Ok(Box::new(MssqlConnection { client, access, in_step: true, running: Arc::default() }))
    }
}

struct MssqlConnection {
    client: Client,
    access: Access,
    /// Whether the next answer belongs to the next question.
    in_step: bool,
    running: Arc<Running>,
}

/// What runs now, if anything does.
#[derive(Debug, Default)]
struct Running(Mutex<Option<CancellationToken>>);

impl Running {
    fn set(&self, token: Option<CancellationToken>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = token;
    }
}

struct Clear(Arc<Running>);

impl Drop for Clear {
    fn drop(&mut self) {
        self.0.set(None);
    }
}

#[async_trait]
impl Connection for MssqlConnection {
    async fn rights(&mut self) -> Result<Rights, EngineError> {
        self.in_step = false;
        let rights = timeout(OWN, rights::ask(&mut self.client)).await.map_err(|_| EngineError::TimedOut)?;
        self.in_step = failure::keeps_step(&rights);
        rights.map_err(failure::explain)
    }

    async fn describe(&mut self, sql: &str) -> Result<Shape, EngineError> {
        self.in_step = false;
        let shape = timeout(OWN, describe::ask(&mut self.client, sql)).await.map_err(|_| EngineError::TimedOut)?;
        self.in_step = failure::keeps_step(&shape);
        shape.map_err(failure::explain)?
    }

    async fn run(&mut self, query: &Query<'_>, rows: &mut dyn Rows) -> Result<Ran, EngineError> {
        if (query.access, self.access) == (Access::Write, Access::Read) {
            return Err(EngineError::ReadOnly("this connection can only read".to_owned()));
        }
        let arguments = bind::arguments(query.arguments)?;
        let text = statement::wrap(query.access, query.timeout, &arguments);
        let token = CancellationToken::new();
        self.running.set(Some(token.clone()));
        let _clear = Clear(Arc::clone(&self.running));
        // Until the end is seen: a future that is dropped leaves half an answer on the wire.
        self.in_step = false;
        let ended = tokio::select! {
            ended = exchange::run(&mut self.client, text, arguments, query, rows) => ended,
            () = token.cancelled() => return self.interrupt(EngineError::Cancelled, query.access).await,
            () = sleep(query.timeout) => return self.interrupt(EngineError::TimedOut, query.access).await,
        };
        self.in_step = failure::keeps_step(&ended);
        match ended.map_err(failure::explain)? {
            Ended::Complete(ran) => Ok(ran),
            Ended::Enough => {
                // Between two rows, so all that is left is read and thrown away up to the server's confirmation.
                self.in_step = self.attention().await;
                Ok(Ran::default())
            }
            Ended::Another => {
                self.in_step = self.attention().await;
                Err(EngineError::ReadOnly("the text gave a second result: it is more than one statement".to_owned()))
            }
            Ended::TooLong => {
                self.in_step = self.attention().await;
                Err(cell::too_long())
            }
        }
    }

    fn canceller(&self) -> Arc<dyn Canceller> {
        Arc::new(MssqlCanceller(Arc::clone(&self.running)))
    }

    fn is_usable(&self) -> bool {
        self.in_step
    }
}

impl MssqlConnection {
    /// Ends what the server does. The connection is not used again: the answer was left in the middle of a value, and
    /// what is read from there on could be taken for anything.
    async fn interrupt(&mut self, why: EngineError, access: Access) -> Result<Ran, EngineError> {
        self.attention().await;
        match access {
            Access::Read => Err(why),
            // The commit may have been on its way already, and its confirmation is among what was thrown away.
            Access::Write => Err(EngineError::Lost(format!("{why}; its commit would not have been seen"))),
        }
    }

    async fn attention(&mut self) -> bool {
        matches!(timeout(CONFIRM, self.client.cancel_query()).await, Ok(Ok(())))
    }
}

struct MssqlCanceller(Arc<Running>);

#[async_trait]
impl Canceller for MssqlCanceller {
    async fn cancel(&self) -> Result<(), EngineError> {
        if let Some(token) = &*self.0.0.lock().unwrap_or_else(PoisonError::into_inner) {
            token.cancel();
        }
        Ok(())
    }
}
