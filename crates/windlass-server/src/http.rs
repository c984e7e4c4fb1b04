//! Streamable HTTP: the listener, its connections, and what each path answers.
//!
//! HTTP/1.1 only, and plain: TLS and HTTP/2 belong to the load balancer or proxy in front.

mod batch;
mod connections;
mod console;
mod handler;
mod mcp;
mod origin;
mod pages;
mod reply;
mod sessions;

use std::{convert::Infallible, net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use windlass_config::settings::{LimitSettings, ServerSettings};

use crate::{gate::Gate, protocol::Shared};
use connections::{Connections, Entry};
pub use handler::{AnswerBy, Handler};
pub(crate) use mcp::NoStream;
pub use reply::Body as ResponseBody;
use reply::Guarded;

/// Largest request head.
const MAX_HEAD: usize = 32 << 10;

/// The HTTP face of a server.
pub(crate) struct HttpServer {
    gate: Arc<Gate>,
    shared: Arc<Shared>,
    handler: Handler,
    connections: Arc<Connections>,
    /// Fires when the server begins to stop.
    draining: CancellationToken,
    drain: Duration,
    header_timeout: Duration,
}

impl HttpServer {
    pub fn new(
        shared: Arc<Shared>,
        server: &ServerSettings,
        limits: &LimitSettings,
        draining: CancellationToken,
    ) -> Self {
        let gate = shared.gate.clone();
        let cap = limits.connections.min(descriptors());
        Self {
            handler: Handler::new(&shared, server, limits, draining.clone()),
            connections: Connections::new(cap, limits.header_timeout.0, gate.metrics().clone()),
            draining,
            drain: server.drain.0,
            header_timeout: limits.header_timeout.0,
            gate,
            shared,
        }
    }

    /// Accepts connections until draining begins, then lets what was accepted finish.
    pub async fn serve(self: Arc<Self>, listener: TcpListener) -> std::io::Result<()> {
        let tracker = TaskTracker::new();
        let mut every_second = tokio::time::interval(Duration::from_secs(1));
        loop {
            tokio::select! {
                () = self.draining.cancelled() => break,
                _ = every_second.tick() => self.connections.reap(),
                accepted = listener.accept() => match accepted {
                    Ok((stream, peer)) => self.clone().welcome(stream, peer, &tracker),
                    // The peer left already, or descriptors ran out: neither is a reason to stop serving.
                    Err(error) => {
                        tracing::warn!("a connection could not be accepted: {error}");
                        tokio::time::sleep(Duration::from_millis(20)).await;
                    }
                }
            }
        }
        // Whoever the kernel has let in already is served, not reset.
        while let Ok(Ok((stream, peer))) = tokio::time::timeout(Duration::ZERO, listener.accept()).await {
            self.clone().welcome(stream, peer, &tracker);
        }
        drop(listener);
        self.finish(tracker).await;
        Ok(())
    }

    async fn finish(&self, tracker: TaskTracker) {
        tracker.close();
        self.shared.announcer.close();
        tracing::info!(connections = self.connections.count(), "draining");
        if tokio::time::timeout(self.drain, tracker.wait()).await.is_ok() {
            return;
        }
        // Out of patience: running calls are ended, and answered with what they have.
        self.gate.stop();
        if tokio::time::timeout(Duration::from_secs(5), tracker.wait()).await.is_err() {
            tracing::warn!(connections = self.connections.count(), "some connections did not end in time");
        }
    }

    fn welcome(self: Arc<Self>, stream: TcpStream, peer: SocketAddr, tracker: &TaskTracker) {
        // Nobody gives way while everybody is being answered: the newcomer is closed, which clients retry.
        let Some(entry) = self.connections.enter() else { return };
        // Without it every answer in two parts waits 40 ms for the peer's delayed acknowledgement.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!("TCP_NODELAY was refused: {error}");
        }
        tracker.spawn(self.converse(stream, peer, entry));
    }

    async fn converse(self: Arc<Self>, stream: TcpStream, peer: SocketAddr, entry: Entry) {
        let close = entry.connection.close.clone();
        // A connection that says nothing costs this task and no buffer.
        let mut first = [0_u8; 1];
        tokio::select! {
            () = close.cancelled() => return,
            () = self.draining.cancelled() => return,
            peeked = tokio::time::timeout(self.header_timeout, stream.peek(&mut first)) => {
                if !matches!(peeked, Ok(Ok(1))) { return }
            }
        }
        // In a box, so that until then the task is small.
        Box::pin(self.speak(stream, peer, entry)).await;
    }

    /// HTTP, on a connection that has begun to send something.
    async fn speak(self: Arc<Self>, stream: TcpStream, peer: SocketAddr, entry: Entry) {
        let close = entry.connection.close.clone();
        let handler = self.handler.clone();
        let entry = Arc::new(entry);
        let service = service_fn(move |request| {
            let (handler, in_flight) = (handler.clone(), entry.request());
            // In a box: hyper keeps room for one of these in every connection, idle and half-open ones too.
            Box::pin(async move {
                let response = handler.handle(request, peer).await;
                Ok::<_, Infallible>(response.map(|body| Guarded::new(body, in_flight)))
            })
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.header_timeout)
            .max_buf_size(MAX_HEAD)
            .pipeline_flush(true)
            .serve_connection(TokioIo::new(stream), service);
        let mut connection = pin!(connection);
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = close.cancelled() => return,
            () = self.draining.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%peer, "connection ended: {error}");
        }
    }
}

/// Connections there are descriptors for, with room left for children's pipes and files.
fn descriptors() -> usize {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    // The soft limit is a courtesy to programs that use select(2); this is none.
    limit.current = limit.maximum;
    if setrlimit(Resource::Nofile, limit).is_err() {
        limit = getrlimit(Resource::Nofile);
    }
    limit.current.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX)) / 2
}
