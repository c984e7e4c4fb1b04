//! Connections to one database that wait to be used again.

use std::{sync::Arc, time::Duration};

use deadpool::managed::{self, Metrics, PoolError, QueueMode, RecycleError, RecycleResult, TimeoutType, Timeouts};
use tokio::time::timeout;
use windlass_config::settings::{LoginKind, SourceKind, SourceSettings};

use super::{SourceError, login::Login, standing::Standing};
use crate::engine::{Access, Connection, EngineError};

pub(super) type Pool = managed::Pool<Maker>;
pub(super) type Held = managed::Object<Maker>;

/// A token of AWS IAM lets somebody in for 15 minutes. MySQL ends a statement over a second connection, with the token of
/// the first.
const TOKEN: Duration = Duration::from_secs(600);

/// Makes connections, and asks each login what it may do before anybody gets to use one.
pub(super) struct Maker {
    name: String,
    settings: SourceSettings,
    login: Arc<Login>,
    standing: Arc<Standing>,
    access: Access,
}

impl Maker {
    pub(super) fn new(
        name: &str,
        settings: &SourceSettings,
        login: Arc<Login>,
        standing: Arc<Standing>,
        access: Access,
    ) -> Self {
        Self { name: name.to_owned(), settings: settings.clone(), login, standing, access }
    }

    async fn make(&self) -> Result<Box<dyn Connection>, SourceError> {
        let mut connection = self.login.connect(self.access).await?;
        self.judge(&mut *connection).await?;
        Ok(connection)
    }

    /// Whether its login may still be used: rights change.
    async fn judge(&self, connection: &mut dyn Connection) -> Result<(), SourceError> {
        if !self.standing.is_fresh() {
            let rights = connection.rights().await.map_err(|error| match error {
                // No statement was run yet, so none can be in doubt.
                EngineError::Lost(why) => EngineError::Unreachable(why),
                error => error,
            })?;
            self.standing.judge(&rights, self.settings.user.as_deref())?;
        }
        self.standing.verdict()
    }
}

impl managed::Manager for Maker {
    type Type = Box<dyn Connection>;
    type Error = SourceError;

    async fn create(&self) -> Result<Self::Type, SourceError> {
        let limit = self.settings.pool.connect_timeout.0;
        let made = match timeout(limit, self.make()).await {
            Ok(made) => made,
            Err(_) => {
                let why = format!("no connection after {:.1} s", limit.as_secs_f64());
                Err(EngineError::Unreachable(why).into())
            }
        };
        made.inspect_err(|error| tracing::debug!(source = self.name, %error, "no connection"))
    }

    async fn recycle(&self, connection: &mut Self::Type, metrics: &Metrics) -> RecycleResult<SourceError> {
        let by_token = (self.settings.kind, self.settings.login) == (SourceKind::Mysql, LoginKind::RdsIam);
        if !connection.is_usable() {
            return Err(RecycleError::message("the connection broke"));
        }
        if by_token && metrics.age() > TOKEN {
            return Err(RecycleError::message("its token is nearly over"));
        }
        let judged = timeout(self.settings.pool.connect_timeout.0, self.judge(&mut **connection)).await;
        judged.map_err(|_| RecycleError::message("its rights are not told in time"))?.map_err(RecycleError::Backend)
    }
}

/// Whoever comes next gets the connection that was used last, so that those beyond need grow idle and are closed.
pub(super) fn open(maker: Maker, most: usize) -> Pool {
    let pool =
        Pool::builder(maker).max_size(most).queue_mode(QueueMode::Lifo).runtime(deadpool::Runtime::Tokio1).build();
    // Only a pool with time limits and without a runtime cannot be built.
    pool.expect("a runtime is named")
}

/// A connection, after at most `wait` for somebody else to give one back.
pub(super) async fn take(pool: &Pool, wait: Duration) -> Result<Held, SourceError> {
    let timeouts = Timeouts { wait: Some(wait), ..Timeouts::default() };
    pool.timeout_get(&timeouts).await.map_err(|error| match error {
        PoolError::Backend(error) => error,
        PoolError::Timeout(TimeoutType::Wait) => SourceError::Busy(pool.status().max_size),
        other => EngineError::Internal(other.to_string()).into(),
    })
}

/// Closes what nobody uses now.
pub(super) fn close_all(pool: &Pool) {
    drop(pool.retain(|_, _| false));
}

/// Closes what was not used for `idle`, for as long as the pool lives.
pub(super) async fn close_idle(pool: managed::WeakPool<Maker>, idle: Duration) {
    let mut every = tokio::time::interval((idle / 2).max(Duration::from_secs(1)));
    loop {
        every.tick().await;
        match pool.upgrade() {
            Some(pool) => drop(pool.retain(|_, metrics| metrics.last_used() < idle)),
            None => return,
        }
    }
}
