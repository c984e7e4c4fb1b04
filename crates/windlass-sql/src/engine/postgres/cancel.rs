use std::{
    io,
    net::SocketAddr,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite},
    net::{TcpStream, UnixStream},
    sync::Mutex,
    time::timeout,
};
use tokio_postgres::{CancelToken, tls::MakeTlsConnect};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::{
    super::{Canceller, EngineError},
    error::chain,
};

/// Where the server of one connection is.
#[derive(Debug, Clone)]
pub(super) enum Way {
    /// Its address, and the name its certificate is for.
    Network(SocketAddr, String),
    Socket(PathBuf),
}

/// Ends what one connection runs.
///
/// PostgreSQL is told so over a connection of its own, and what arrives late hits whatever runs then. So a run waits at
/// its end until all that was sent has arrived, and no more is sent: no statement is hit that was not meant.
pub(super) struct Signal {
    token: CancelToken,
    way: Way,
    tls: MakeRustlsConnect,
    patience: Duration,
    /// Whether something runs. Locked while it is told to end.
    running: Mutex<bool>,
    /// Whether what runs was told to end.
    asked: AtomicBool,
}

impl Signal {
    pub(super) fn new(token: CancelToken, way: Way, tls: MakeRustlsConnect, patience: Duration) -> Self {
        Self { token, way, tls, patience, running: Mutex::new(false), asked: AtomicBool::new(false) }
    }

    /// Something begins to run.
    pub(super) async fn begin(&self) {
        let mut running = self.running.lock().await;
        self.asked.store(false, Ordering::Relaxed);
        *running = true;
    }

    /// It is over. Whether it was told to end: the server may then be about to end what is sent next, and has to be asked
    /// for something unimportant first.
    pub(super) async fn finish(&self) -> bool {
        *self.running.lock().await = false;
        self.asked.load(Ordering::Relaxed)
    }

    async fn tell(&self) -> Result<(), EngineError> {
        let running = self.running.lock().await;
        if !*running {
            return Ok(());
        }
        self.asked.store(true, Ordering::Relaxed);
        let told = timeout(self.patience, self.send()).await;
        told.map_err(|_| EngineError::Unreachable("it does not answer in time".to_owned()))?
    }

    /// Says it to the server and waits until it hangs up: then it has passed it on.
    async fn send(&self) -> Result<(), EngineError> {
        let unreachable = |error: io::Error| EngineError::Unreachable(error.to_string());
        match &self.way {
            Way::Network(address, name) => {
                let stream = TcpStream::connect(address).await.map_err(unreachable)?;
                let stream = stream.into_std().map_err(unreachable)?;
                let second = stream.try_clone().map_err(unreachable)?;
                let stream = TcpStream::from_std(stream).map_err(unreachable)?;
                let second = TcpStream::from_std(second).map_err(unreachable)?;
                self.send_over(stream, second, name).await
            }
            Way::Socket(path) => {
                let stream = UnixStream::connect(path).await.map_err(unreachable)?;
                let stream = stream.into_std().map_err(unreachable)?;
                let second = stream.try_clone().map_err(unreachable)?;
                let stream = UnixStream::from_std(stream).map_err(unreachable)?;
                let second = UnixStream::from_std(second).map_err(unreachable)?;
                self.send_over(stream, second, "").await
            }
        }
    }

    /// The driver takes the stream and closes it without waiting; the second is the same stream.
    async fn send_over<S>(&self, stream: S, mut second: S, name: &str) -> Result<(), EngineError>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let Ok(tls) = MakeTlsConnect::<S>::make_tls_connect(&mut self.tls.clone(), name);
        let told = self.token.cancel_query_raw(stream, tls).await;
        told.map_err(|error| EngineError::Unreachable(chain(&error)))?;
        let mut rest = [0; 64];
        // An error is an end as well.
        while second.read(&mut rest).await.is_ok_and(|read| read > 0) {}
        Ok(())
    }
}

#[async_trait]
impl Canceller for Arc<Signal> {
    async fn cancel(&self) -> Result<(), EngineError> {
        let signal = self.clone();
        // On its own: whoever asked may lose interest while it is under way, and then nobody would know whether it had
        // arrived.
        let told = tokio::spawn(async move { signal.tell().await }).await;
        told.map_err(|error| EngineError::Internal(error.to_string()))?
    }
}
