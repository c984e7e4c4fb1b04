//! PostgreSQL, and what speaks like it.
//!
//! Reading is kept to reading by layers, each of them without help of whoever wrote the statement:
//! - The session is read only by default, and every statement runs in a transaction that is read only, has taken its
//!   snapshot already (so that it cannot be made writable any more), and is always rolled back.
//! - Only what PostgreSQL itself accepts as a subquery is run, besides `SHOW` and `EXPLAIN`: nothing that could end the
//!   transaction, or leave something in the session (see `plan`).
//! - A function of the system that acts outside the transaction is not called; after a statement that could call one of
//!   somebody else's which leaves something behind (a lock, a connection, a prepared name) the session is closed (see
//!   `reach`).
//! - A login that could do more than read gives its rights up for those of `pg_read_all_data`, where it may.
//!
//! A statement that was run before on the connection takes one round trip: the transaction's begin, the statement and
//! the rollback are sent together.

mod bind;
mod cancel;
mod capped;
mod connection;
mod decode;
mod error;
mod plan;
mod reach;
mod read;
mod rights;
mod session;
mod write;

use std::{io, path::PathBuf, sync::Arc, time::Duration};

use async_trait::async_trait;
use rustix::net::sockopt;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, UnixStream},
    time::timeout,
};
use tokio_postgres::{Config, config::SslMode, tls::MakeTlsConnect};
use tokio_postgres_rustls::MakeRustlsConnect;
use windlass_config::settings::TlsMode;
use windlass_core::{ExposeSecret, SecretString};

use self::{
    cancel::{Signal, Way},
    capped::{Capped, CappedTls, Exceeded},
    connection::PostgresConnection,
};
use super::{Access, Address, Connection, Engine, EngineError, tls};

/// What sessions are called in `pg_stat_activity`.
const APPLICATION: &str = "windlass";
/// How often a connection on which nothing is said is tried.
const KEEPALIVE: Duration = Duration::from_secs(15);

/// One database of a PostgreSQL server.
pub struct Postgres {
    address: Address,
    ssl: SslMode,
    tls: MakeRustlsConnect,
}

impl Postgres {
    /// Connects to nothing yet. Fails where the file of trusted authorities cannot be used.
    pub fn new(address: Address) -> Result<Self, EngineError> {
        let mode = address.tls.mode_for(&address.host);
        let ssl = match mode {
            // PostgreSQL has no TLS on unix sockets.
            _ if address.host.starts_with('/') => SslMode::Disable,
            TlsMode::Disable => SslMode::Disable,
            TlsMode::Prefer => SslMode::Prefer,
            TlsMode::Require | TlsMode::VerifyCa | TlsMode::VerifyFull => SslMode::Require,
        };
        let tls = MakeRustlsConnect::new(tls::client_config(&address.tls, mode)?);
        Ok(Self { address, ssl, tls })
    }

    fn config(&self, password: Option<&SecretString>) -> Config {
        let mut config = Config::new();
        config.application_name(APPLICATION).ssl_mode(self.ssl);
        // Where none is set and the server asks for one, it shall be the server that refuses.
        config.password(password.map(ExposeSecret::expose_secret).unwrap_or_default());
        self.address.user.as_ref().map(|user| config.user(user));
        self.address.database.as_ref().map(|database| config.dbname(database));
        config
    }

    async fn open(&self, password: Option<&SecretString>, access: Access) -> Result<PostgresConnection, EngineError> {
        let config = self.config(password);
        let host = self.address.host.as_str();
        if host.starts_with('/') {
            return self.open_at(&config, Way::Socket(unix(host, self.address.port)), access).await;
        }
        // Resolved here, so that what is cancelled is cancelled where it runs: behind a name there can be many servers.
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let addresses = tokio::net::lookup_host((host, self.address.port)).await.map_err(unreachable)?;
        let mut last = EngineError::Unreachable("its name has no address".to_owned());
        for address in addresses {
            match self.open_at(&config, Way::Network(address, host.to_owned()), access).await {
                Err(error @ EngineError::Unreachable(_)) => last = error,
                done => return done,
            }
        }
        Err(last)
    }

    async fn open_at(&self, config: &Config, way: Way, access: Access) -> Result<PostgresConnection, EngineError> {
        match &way {
            Way::Network(address, name) => {
                let stream = TcpStream::connect(address).await.and_then(tuned).map_err(unreachable)?;
                let name = name.clone();
                self.open_over(stream, &name, config, way, access).await
            }
            Way::Socket(path) => {
                let stream = UnixStream::connect(path).await.map_err(unreachable)?;
                self.open_over(stream, "", config, way, access).await
            }
        }
    }

    async fn open_over<S>(
        &self,
        stream: S,
        name: &str,
        config: &Config,
        way: Way,
        access: Access,
    ) -> Result<PostgresConnection, EngineError>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let exceeded = Exceeded::default();
        let Ok(tls) = MakeTlsConnect::<S>::make_tls_connect(&mut self.tls.clone(), name);
        let stream = Capped::new(stream, self.ssl != SslMode::Disable, exceeded.clone());
        let opened = config.connect_raw(stream, CappedTls(tls)).await;
        let (client, link) = opened.map_err(|error| error::connecting(&error))?;
        // It ends when the client is dropped, or the server hangs up; then the client knows.
        let link = tokio::spawn(async move {
            if let Err(error) = link.await {
                tracing::debug!(error = error::chain(&error), "a connection to PostgreSQL ended");
            }
        });
        let patience = self.address.connect_timeout;
        let signal = Arc::new(Signal::new(client.cancel_token(), way, self.tls.clone(), patience));
        let standing = session::begin(&client, access).await.map_err(|error| error::connecting(&error))?;
        Ok(PostgresConnection::new(client, link.abort_handle(), signal, exceeded, access, standing))
    }
}

#[async_trait]
impl Engine for Postgres {
    async fn connect(
        &self,
        password: Option<&SecretString>,
        access: Access,
    ) -> Result<Box<dyn Connection>, EngineError> {
        let opened = timeout(self.address.connect_timeout, self.open(password, access)).await;
        let opened = opened.map_err(|_| EngineError::Unreachable("it does not answer in time".to_owned()))?;
        Ok(Box::new(opened?))
    }
}

/// A server that is gone without a word is noticed within a minute, not in hours.
fn tuned(stream: TcpStream) -> io::Result<TcpStream> {
    stream.set_nodelay(true)?;
    sockopt::set_socket_keepalive(&stream, true)?;
    sockopt::set_tcp_keepidle(&stream, KEEPALIVE)?;
    sockopt::set_tcp_keepintvl(&stream, KEEPALIVE)?;
    sockopt::set_tcp_keepcnt(&stream, 3)?;
    sockopt::set_tcp_user_timeout(&stream, u32::try_from(4 * KEEPALIVE.as_millis()).unwrap_or(u32::MAX))?;
    Ok(stream)
}

fn unreachable(error: io::Error) -> EngineError {
    EngineError::Unreachable(error.to_string())
}

/// The name of the socket in its directory, by PostgreSQL's convention.
fn unix(directory: &str, port: u16) -> PathBuf {
    PathBuf::from(directory).join(format!(".s.PGSQL.{port}"))
}
