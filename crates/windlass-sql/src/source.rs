//! A database with its limits: connections, the login's rights, time.

mod login;
mod passwords;
mod pool;
mod run;
mod standing;

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{sync::Mutex, time::timeout};
use tokio_util::sync::CancellationToken;
use url::Url;
use windlass_config::settings::{SourceKind, SourceSettings};
use windlass_core::Check;

use crate::engine::{Access, Address, Engine, EngineError, Shape, mssql, mysql, postgres, sqlite};

pub use passwords::{Freshness, PasswordError, Passwords};
pub use run::{Ended, Limits, Statement};

use login::Login;
use pool::{Maker, Pool};
use standing::Standing;

/// Why a source did not do as it was asked.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SourceError {
    /// The database said so.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// Its login may do more than it should; what, and how to mend it.
    #[error("the login {what}")]
    Unfit {
        /// What the login may do: `may INSERT into public.orders`.
        what: String,
        /// What to do about it.
        hint: String,
    },
    /// All connections were in use for as long as could be waited.
    #[error("all {0} connections are in use")]
    Busy(usize),
    /// There is no password.
    #[error(transparent)]
    Password(#[from] PasswordError),
}

/// A database, as the settings have it.
pub struct Source {
    name: String,
    settings: SourceSettings,
    reading: Pool,
    writing: Option<Pool>,
    standing: Arc<Standing>,
    /// Statements that go on although the server was told to end them.
    heedless: Arc<AtomicUsize>,
    /// The last answer to whether it works, and since when it holds.
    probed: Mutex<Option<(tokio::time::Instant, Check)>>,
    /// Ends the care for idle connections with the source.
    _care: tokio_util::sync::DropGuard,
}

/// An answer to whether it works is given again for so long.
const PROBE_HOLDS: Duration = Duration::from_secs(1);
/// How long a probe may take, connecting included. `/ready` waits for five seconds and would not say whose fault it is.
const PROBE: Duration = Duration::from_secs(3);

impl Source {
    /// Nothing is connected before it is needed. Must be called inside a runtime.
    pub fn new(name: &str, settings: &SourceSettings, passwords: Arc<dyn Passwords>) -> Self {
        let standing = Arc::new(Standing::new(settings));
        // Who reads and who writes is the same login: what is learned by one is known to the other.
        let login = Arc::new(Login::new(settings, passwords));
        let maker = |access| Maker::new(name, settings, login.clone(), standing.clone(), access);
        let reading = pool::open(maker(Access::Read), settings.pool.max);
        let writing = (!settings.read_only).then(|| pool::open(maker(Access::Write), settings.pool.max));
        let over = CancellationToken::new();
        for pool in [Some(&reading), writing.as_ref()].into_iter().flatten() {
            tokio::spawn(over.clone().run_until_cancelled_owned(pool::close_idle(pool.weak(), settings.pool.idle.0)));
        }
        let (name, settings) = (name.to_owned(), settings.clone());
        let (heedless, probed) = (Arc::default(), Mutex::new(None));
        Self { name, settings, reading, writing, standing, heedless, probed, _care: over.drop_guard() }
    }

    /// Its name in windlass.yaml.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it was made from.
    pub fn settings(&self) -> &SourceSettings {
        &self.settings
    }

    /// What kind of database it is.
    pub fn kind(&self) -> SourceKind {
        self.settings.kind
    }

    /// What a statement takes and gives, without running it, for who may do so much.
    pub async fn describe(&self, sql: &str, access: Access) -> Result<Shape, SourceError> {
        let limit = self.settings.statement_timeout.0;
        let mut held = pool::take(self.pool(access), limit).await?;
        // A connection that is left in the middle is not used again.
        let shape = timeout(limit, held.describe(sql)).await;
        Ok(shape.map_err(|_| EngineError::TimedOut)??)
    }

    /// Whether it works: a named check that says what answers, or what is wrong and what to do.
    pub async fn ready(&self) -> Check {
        let mut probed = self.probed.lock().await;
        if let Some((since, check)) = &*probed
            && since.elapsed() < PROBE_HOLDS
        {
            return check.clone();
        }
        let check = self.probe().await;
        *probed = Some((tokio::time::Instant::now(), check.clone()));
        check
    }

    async fn probe(&self) -> Check {
        let name = format!("sql.{}", self.name);
        let asked = timeout(PROBE, async {
            match self.ask().await {
                // A connection that broke while nobody used it says nothing about a new one.
                Err(SourceError::Engine(EngineError::Lost(_))) => {
                    pool::close_all(&self.reading);
                    self.ask().await
                }
                asked => asked,
            }
        });
        let late = |_| Err(EngineError::Unreachable(format!("no answer for {} s", PROBE.as_secs())).into());
        match asked.await.unwrap_or_else(late) {
            Ok(()) => match self.heedless.load(Ordering::Relaxed) {
                0 => self.standing.check(name),
                some => {
                    Check::degraded(name, format!("{some} statements go on although the server was told to end them"))
                }
            },
            Err(SourceError::Busy(most)) => Check::degraded(name, format!("all {most} connections are in use")),
            Err(SourceError::Unfit { what, hint }) => Check::failed(name, format!("the login {what}; {hint}")),
            Err(error) => {
                Check::failed(name, format!("{error}; calls fail until it answers, and it is tried again by itself"))
            }
        }
    }

    async fn ask(&self) -> Result<(), SourceError> {
        let mut held = pool::take(&self.reading, PROBE / 2).await?;
        Ok(held.describe("select 1").await.map(drop)?)
    }

    fn pool(&self, access: Access) -> &Pool {
        match (access, &self.writing) {
            (Access::Write, Some(writing)) => writing,
            _ => &self.reading,
        }
    }
}

/// The engine for `settings`, for whoever logs in.
fn engine(settings: &SourceSettings, user: Option<String>) -> Result<Arc<dyn Engine>, EngineError> {
    let address = address(settings, user);
    Ok(match settings.kind {
        SourceKind::Postgres => Arc::new(postgres::Postgres::new(address)?),
        SourceKind::Mysql => Arc::new(mysql::Mysql::new(address)?),
        SourceKind::Sqlite => Arc::new(sqlite::Sqlite::new(address)?),
        SourceKind::Mssql => Arc::new(mssql::Mssql::new(address)?),
    })
}

fn address(settings: &SourceSettings, user: Option<String>) -> Address {
    let url = settings.url.as_ref().and_then(|url| Url::parse(url).ok());
    let decoded = |text: &str| percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned();
    let filled = |text: String| (!text.is_empty()).then_some(text);
    let host = url.as_ref().and_then(|url| url.host_str()).map(decoded);
    let port = url.as_ref().and_then(Url::port).or(settings.port);
    let database = url.as_ref().and_then(|url| filled(decoded(url.path().trim_start_matches('/'))));
    let default_port = match settings.kind {
        SourceKind::Postgres => 5432,
        SourceKind::Mysql => 3306,
        SourceKind::Mssql => 1433,
        SourceKind::Sqlite => 0,
    };
    let bare = |host: String| host.trim_matches(['[', ']']).to_owned();
    Address {
        host: host.map(bare).or_else(|| settings.host.clone()).unwrap_or_default(),
        port: port.unwrap_or(default_port),
        database: database.or_else(|| settings.database.clone()),
        user,
        file: settings.file.clone(),
        tls: settings.tls.clone(),
        connect_timeout: settings.pool.connect_timeout.0,
    }
}

/// Host and port of a database on a server.
pub fn endpoint(settings: &SourceSettings) -> (String, u16) {
    let address = address(settings, None);
    (address.host, address.port)
}

/// Who logs in, by the settings; it may be the name of a secret.
fn user(settings: &SourceSettings) -> Option<String> {
    let url = settings.url.as_ref().and_then(|url| Url::parse(url).ok());
    let named = url.map(|url| percent_encoding::percent_decode_str(url.username()).decode_utf8_lossy().into_owned());
    settings.user.clone().or_else(|| named.filter(|name| !name.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_and_its_parts_lead_to_the_same_place() {
        let read = |yaml: &str| serde_saphyr::from_str::<SourceSettings>(yaml).unwrap();
        let by_url = read("{kind: postgres, url: 'postgres://read%40er@db.example.com:6432/shop'}");
        let by_parts = read("{kind: postgres, host: db.example.com, port: 6432, database: shop, user: read@er}");
        for settings in [by_url, by_parts] {
            let found = address(&settings, user(&settings));
            let parts = (found.host.as_str(), found.port, found.database.as_deref(), found.user.as_deref());
            assert_eq!(parts, ("db.example.com", 6432, Some("shop"), Some("read@er")));
        }
        let v6 = address(&read("{kind: mysql, url: 'mysql://[::1]/shop'}"), None);
        assert_eq!((v6.host.as_str(), v6.port), ("::1", 3306));
        let socket = address(&read("{kind: postgres, url: 'postgres://%2Frun%2Fpostgresql/shop'}"), None);
        assert_eq!(socket.host, "/run/postgresql");
    }

    struct Guest;

    #[async_trait::async_trait]
    impl Passwords for Guest {
        async fn password(
            &self,
            _: &SourceSettings,
            _: Option<&str>,
            _: Freshness,
        ) -> Result<Option<windlass_core::SecretString>, PasswordError> {
            Ok(Some("guest".to_owned().into()))
        }

        async fn resolve(&self, text: &str, _: Freshness) -> Result<String, PasswordError> {
            Ok(text.to_owned())
        }
    }

    #[tokio::test]
    async fn a_connection_that_is_used_on_asks_for_its_rights_again() {
        let Some(server) = windlass_testkit::postgres::Server::start() else { return };
        server.sql("postgres", "create table t (n int); create role guest login password 'guest'");
        let url = server.url("guest", "postgres");
        let settings = serde_saphyr::from_str(&format!("{{kind: postgres, url: '{url}'}}")).unwrap();
        let source = Source::new("shop", &settings, Arc::new(Guest));
        source.ask().await.unwrap();
        server.sql("postgres", "grant insert on t to guest");
        source.ask().await.unwrap();
        source.standing.forget();
        let unfit = source.ask().await;
        assert!(matches!(unfit, Err(SourceError::Unfit { .. })), "{unfit:?}");
        server.sql("postgres", "revoke insert on t from guest");
        source.ask().await.unwrap();
    }
}
