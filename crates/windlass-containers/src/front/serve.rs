//! The listener and its connections.

use std::{
    convert::Infallible,
    net::SocketAddr,
    path::PathBuf,
    pin::pin,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use http::{Request, Response};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream, UnixListener};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    Upstream,
    body::Answer,
    connections::{Busy, Connections, Entry},
    control::Control,
    forward::forward,
    routes::Routes,
    state::StateFile,
};

/// Largest request head. Releases have limits of their own, which are lower.
const MAX_HEAD: usize = 64 << 10;
/// How long a connection may be idle between requests: longer than load balancers keep theirs.
const KEEP_ALIVE: Duration = Duration::from_secs(75);

/// How a front behaves.
#[derive(Debug, Clone)]
pub struct FrontOptions {
    /// How long a new connection may take to send the head of its first request.
    pub header_timeout: Duration,
    /// Most open connections; above that the one idle for longest gives way.
    pub max_connections: usize,
    /// Whether clients are proxies of ours, so that what they say about where a request came from counts.
    pub trust_forwarded: bool,
    /// How long requests under way may take when the front is to stop.
    pub drain: Duration,
    /// Where the active release is remembered; usually beside the control socket.
    pub state: Option<PathBuf>,
}

impl Default for FrontOptions {
    fn default() -> Self {
        Self {
            header_timeout: Duration::from_secs(10),
            max_connections: 4096,
            trust_forwarded: false,
            drain: Duration::from_secs(25),
            state: None,
        }
    }
}

/// One address in front of releases that change.
#[derive(Clone)]
pub struct Front {
    routes: Arc<Routes>,
    options: FrontOptions,
    connections: Arc<Connections>,
    stop: CancellationToken,
}

impl Front {
    /// A front that stops when `stop` fires (on SIGTERM, say): then nothing new is let in, and what is under way has
    /// [`FrontOptions::drain`] to end.
    pub fn new(options: FrontOptions, stop: CancellationToken) -> Self {
        let connections = Connections::new(options.max_connections);
        Self { routes: Arc::default(), options, connections, stop }
    }

    /// Serves until it is stopped. The release remembered from an earlier run is active from the start; `initial` is where
    /// there is none.
    pub async fn serve(self, listener: TcpListener, control: UnixListener, initial: Option<Upstream>) {
        let state = self.options.state.clone().map(StateFile);
        let remembered = state.as_ref().and_then(StateFile::read);
        if let Some(upstream) = remembered.or(initial) {
            tracing::info!(release = upstream.release, address = upstream.address, "active from the start");
            self.routes.switch(upstream);
        }
        let switching = tokio::sync::Mutex::default();
        let answering = Arc::new(Control { routes: self.routes.clone(), state, switching });
        let answering = tokio::spawn(answering.serve(control));
        let tracker = TaskTracker::new();
        loop {
            tokio::select! {
                () = self.stop.cancelled() => break,
                accepted = listener.accept() => match accepted {
                    Ok((stream, peer)) => self.welcome(stream, peer, &tracker),
                    // The peer left already, or descriptors ran out: neither is a reason to stop.
                    Err(error) => {
                        tracing::warn!("a connection could not be accepted: {error}");
                        tokio::time::sleep(Duration::from_millis(20)).await;
                    }
                }
            }
        }
        // Whoever the kernel has let in already is served, not reset.
        while let Ok(Ok((stream, peer))) = tokio::time::timeout(Duration::ZERO, listener.accept()).await {
            self.welcome(stream, peer, &tracker);
        }
        drop(listener);
        tracing::info!(connections = self.connections.count(), "draining");
        tracker.close();
        if tokio::time::timeout(self.options.drain, tracker.wait()).await.is_err() {
            self.routes.cut_all();
            // What was cut off is told so, unless nobody reads it.
            if tokio::time::timeout(Duration::from_secs(2), tracker.wait()).await.is_err() {
                tracing::warn!(connections = self.connections.count(), "some connections did not end in time");
            }
        }
        answering.abort();
    }

    fn welcome(&self, stream: TcpStream, peer: SocketAddr, tracker: &TaskTracker) {
        // Nobody gives way while everybody is being answered: the newcomer is closed, which clients retry.
        let Some(entry) = self.connections.enter() else { return };
        // Without it an answer in two parts waits for the peer's delayed acknowledgement.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!("TCP_NODELAY was refused: {error}");
        }
        tracker.spawn(self.clone().converse(stream, peer, entry));
    }

    async fn converse(self, stream: TcpStream, peer: SocketAddr, entry: Entry) {
        let connection = entry.connection.clone();
        let (front, entry) = (self.clone(), Arc::new(entry));
        let service = service_fn(move |request| {
            let (front, busy) = (front.clone(), entry.request());
            Box::pin(async move { Ok::<_, Infallible>(front.answer(request, peer, busy).await) })
        });
        let serving = http1::Builder::new()
            .timer(TokioTimer::new())
            // Counts between requests too; the first head has less time, below.
            .header_read_timeout(KEEP_ALIVE)
            .max_buf_size(MAX_HEAD)
            .serve_connection(TokioIo::new(stream), service);
        let mut serving = pin!(serving);
        let silent = async {
            tokio::time::sleep(self.options.header_timeout).await;
            if connection.proven.load(Ordering::Relaxed) {
                std::future::pending::<()>().await;
            }
        };
        let ended = tokio::select! {
            ended = serving.as_mut() => ended,
            () = connection.close.cancelled() => return,
            () = silent => return,
            () = self.stop.cancelled() => {
                serving.as_mut().graceful_shutdown();
                serving.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%peer, "connection ended: {error}");
        }
    }

    async fn answer(&self, request: Request<Incoming>, peer: SocketAddr, busy: Busy) -> Response<Held> {
        let response = forward(&self.routes, request, peer, self.options.trust_forwarded).await;
        response.map(|answer| Held { answer, _busy: busy })
    }
}

/// An answer that keeps its connection from giving way.
struct Held {
    answer: Answer,
    _busy: Busy,
}

impl http_body::Body for Held {
    type Data = bytes::Bytes;
    type Error = <Answer as http_body::Body>::Error;

    fn poll_frame(
        self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<http_body::Frame<Self::Data>, Self::Error>>> {
        std::pin::Pin::new(&mut self.get_mut().answer).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.answer.is_end_stream()
    }

    fn size_hint(&self) -> http_body::SizeHint {
        self.answer.size_hint()
    }
}
