use std::{collections::HashMap, time::Duration};

use deadpool::managed::{self, Metrics, PoolError, QueueMode, RecycleError, RecycleResult, Timeouts};
use tokio_postgres::{Client, Config, Row, Statement, config::SslMode, types::ToSql};
use tokio_postgres_rustls::MakeRustlsConnect;
use windlass_core::ExposeSecret;

use super::{Settings, fault::fault, tls};
use crate::IndexError;

/// What sessions are called in `pg_stat_activity`.
const APPLICATION: &str = "windlass-knowledge";
const CONNECTING: Duration = Duration::from_secs(10);
/// A server that is gone without a word is noticed within a minute.
const KEEPALIVE: Duration = Duration::from_secs(15);
/// A server has a hundred in all, often for many processes.
const MOST: usize = 8;
/// For a connection that others have.
const WAIT: Duration = Duration::from_secs(30);

/// Bounds everything.
const SESSION: &str = "\
    SET statement_timeout = '30s';
    SET lock_timeout = '10s';
    SET idle_in_transaction_session_timeout = '60s';
    SET plan_cache_mode = force_custom_plan";

/// Finds pgvector wherever it was installed. What is made here is made in our own schema.
const PATH: &str = "
    SELECT set_config('search_path', concat_ws(', ', 'windlass_knowledge', quote_ident(place)), false),
        place IS NOT NULL
    FROM (SELECT (SELECT n.nspname FROM pg_catalog.pg_extension e
        JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'vector') AS place) found";

pub(super) type Pool = managed::Pool<Maker>;
pub(super) type Held = managed::Object<Maker>;

/// A session, with the statements it knows already.
pub(super) struct Session {
    pub(super) client: Client,
    statements: HashMap<&'static str, Statement>,
    /// Whether somebody went away before the answer came.
    busy: bool,
    /// Whether it knows where pgvector is.
    settled: bool,
}

impl Session {
    async fn statement(&mut self, sql: &'static str) -> Result<Statement, tokio_postgres::Error> {
        if let Some(statement) = self.statements.get(sql) {
            return Ok(statement.clone());
        }
        let statement = self.client.prepare(sql).await?;
        self.statements.insert(sql, statement.clone());
        Ok(statement)
    }

    /// The rows.
    pub(super) async fn query(
        &mut self,
        sql: &'static str,
        parameters: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, tokio_postgres::Error> {
        self.busy = true;
        let statement = self.statement(sql).await;
        let rows = match statement {
            Ok(statement) => self.client.query(&statement, parameters).await,
            Err(error) => Err(error),
        };
        self.busy = false;
        rows
    }

    /// How many rows it was about.
    pub(super) async fn execute(
        &mut self,
        sql: &'static str,
        parameters: &[&(dyn ToSql + Sync)],
    ) -> Result<u64, tokio_postgres::Error> {
        self.busy = true;
        let statement = self.statement(sql).await;
        let count = match statement {
            Ok(statement) => self.client.execute(&statement, parameters).await,
            Err(error) => Err(error),
        };
        self.busy = false;
        count
    }

    /// Statements without parameters.
    pub(super) async fn batch(&mut self, sql: &str) -> Result<(), tokio_postgres::Error> {
        self.busy = true;
        let done = self.client.batch_execute(sql).await;
        self.busy = false;
        done
    }

    /// Looks where pgvector is: it may have been installed meanwhile.
    pub(super) async fn settle(&mut self) -> Result<(), tokio_postgres::Error> {
        self.statements.clear();
        let rows = self.query(PATH, &[]).await?;
        self.settled = rows.first().is_some_and(|row| row.get(1));
        Ok(())
    }
}

/// Makes sessions.
pub(super) struct Maker {
    config: Config,
    tls: MakeRustlsConnect,
}

impl Maker {
    /// Connects to nothing yet.
    pub(super) fn new(settings: &Settings) -> Result<Self, IndexError> {
        // What is wrong with it is not said: a password may stand in it.
        let config: Result<Config, _> = settings.url.parse();
        let mut config =
            config.map_err(|_| IndexError::Invalid("this is no URL of a PostgreSQL database".to_owned()))?;
        let local = tls::is_local(&config);
        if !local || (settings.ca.is_some() && config.get_ssl_mode() != SslMode::Disable) {
            config.ssl_mode(SslMode::Require);
        }
        if let Some(password) = &settings.password {
            config.password(password.expose_secret());
        }
        config.application_name(APPLICATION).connect_timeout(CONNECTING);
        config.keepalives_idle(KEEPALIVE).keepalives_interval(KEEPALIVE).keepalives_retries(3);
        config.tcp_user_timeout(4 * KEEPALIVE);
        let tls = MakeRustlsConnect::new(tls::client_config(settings.ca.as_ref(), local)?);
        Ok(Self { config, tls })
    }

    /// One more session.
    pub(super) async fn open(&self) -> Result<Session, IndexError> {
        let opening = tokio::time::timeout(2 * CONNECTING, self.config.connect(self.tls.clone())).await;
        let opened = opening.map_err(|_| IndexError::Unreachable("the database does not answer in time".to_owned()))?;
        let (client, link) = opened.map_err(fault)?;
        // It ends when the client is dropped, or the server hangs up; then the client knows.
        tokio::spawn(async move {
            if let Err(error) = link.await {
                tracing::debug!(error = windlass_core::chain(&error), "a connection to PostgreSQL ended");
            }
        });
        let mut session = Session { client, statements: HashMap::new(), busy: false, settled: false };
        session.batch(SESSION).await.map_err(fault)?;
        session.settle().await.map_err(fault)?;
        Ok(session)
    }
}

impl managed::Manager for Maker {
    type Type = Session;
    type Error = IndexError;

    async fn create(&self) -> Result<Session, IndexError> {
        self.open().await
    }

    async fn recycle(&self, session: &mut Session, _: &Metrics) -> RecycleResult<IndexError> {
        // What nobody waits for any more would be waited for by the next one.
        if session.busy || session.client.is_closed() {
            return Err(RecycleError::message("the session is of no use any more"));
        }
        if !session.settled {
            session.settle().await.map_err(fault)?;
        }
        Ok(())
    }
}

pub(super) fn pool(maker: Maker) -> Pool {
    let pool =
        Pool::builder(maker).max_size(MOST).queue_mode(QueueMode::Lifo).runtime(deadpool::Runtime::Tokio1).build();
    // Only a pool with time limits and without a runtime cannot be built.
    pool.expect("a runtime is named")
}

pub(super) async fn take(pool: &Pool) -> Result<Held, IndexError> {
    let timeouts = Timeouts { wait: Some(WAIT), ..Timeouts::default() };
    pool.timeout_get(&timeouts).await.map_err(|error| match error {
        PoolError::Backend(error) => error,
        other => IndexError::Unreachable(format!("no connection is free: {other}")),
    })
}
