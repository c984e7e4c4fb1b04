//! What each path answers, wherever the request came from.

use std::{net::SocketAddr, sync::Arc, time::Instant};

use bytes::Bytes;
use http::{Method, Request, Response};
use tokio_util::sync::CancellationToken;
use windlass_config::settings::{LimitSettings, ServerSettings};

use super::{
    console,
    mcp::Endpoint,
    origin::OriginCheck,
    pages::Pages,
    reply::{self, Body, BoxError},
};
use crate::{gate::Gate, protocol::Shared};

/// The HTTP face of a server without its listener: for whoever gets requests from elsewhere. Every path is there, and
/// every check in front of it.
#[derive(Clone)]
pub struct Handler(Arc<Face>);

struct Face {
    gate: Arc<Gate>,
    endpoint: Endpoint,
    pages: Pages,
    console: bool,
    /// Fires when the server begins to stop.
    draining: CancellationToken,
}

/// A request's extension: when whoever waits for the answer stops waiting. Calls end before that, with what they have.
#[derive(Debug, Clone, Copy)]
pub struct AnswerBy(pub Instant);

impl Handler {
    pub(crate) fn new(
        shared: &Arc<Shared>,
        server: &ServerSettings,
        limits: &LimitSettings,
        draining: CancellationToken,
    ) -> Self {
        let gate = shared.gate.clone();
        Self(Arc::new(Face {
            endpoint: Endpoint::new(shared.clone(), OriginCheck::new(server), server, limits),
            pages: Pages::new(gate.clone(), server),
            console: server.console,
            draining,
            gate,
        }))
    }

    /// Answers one request of `peer`.
    pub async fn handle<B>(&self, request: Request<B>, peer: SocketAddr) -> Response<Body>
    where
        B: http_body::Body<Data = Bytes> + Send + Sync + 'static,
        B::Error: Into<BoxError>,
    {
        let face = &*self.0;
        let path = request.uri().path();
        match (request.method(), path) {
            (_, "/mcp") => face.endpoint.answer(request, None, peer).await,
            (_, path) if path.starts_with("/mcp/") => {
                let scope = Arc::from(&path["/mcp/".len()..]);
                face.endpoint.answer(request, Some(scope), peer).await
            }
            (&Method::GET | &Method::HEAD, "/health" | "/healthz") => face.pages.health(),
            (&Method::GET, "/ready" | "/readyz") => {
                face.pages.ready(face.endpoint.trusted(&request).await, face.draining.is_cancelled()).await
            }
            (&Method::GET, "/metrics") => match face.endpoint.admit(&request, peer).await {
                Ok(_) => face.pages.metrics(),
                Err(refusal) => refusal,
            },
            (&Method::GET, path) if path.starts_with("/.well-known/oauth-protected-resource") => {
                face.pages.resource_metadata(&request)
            }
            (&Method::GET, "/console/events") if face.console => {
                match (face.endpoint.admit(&request, peer).await, face.gate.audit().feed()) {
                    (Ok(caller), Some(feed)) => console::events(feed, &caller, face.draining.clone()),
                    (Err(refusal), _) => refusal,
                    (_, None) => reply::not_found(),
                }
            }
            (&Method::GET, path) if face.console => console::page(path).unwrap_or_else(reply::not_found),
            _ => reply::not_found(),
        }
    }
}
