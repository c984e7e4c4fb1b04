//! What a front can be told and asked.

use std::{collections::BTreeMap, convert::Infallible, sync::Arc, sync::atomic::Ordering, time::Duration};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header::CONTENT_TYPE};
use http_body_util::{BodyExt, Full, Limited};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::net::UnixListener;

use super::{Upstream, routes::Routes, state::StateFile};

/// Largest request.
const MAX_BODY: usize = 16 << 10;
/// How long a release may drain unless it is said.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a front is doing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FrontStatus {
    /// Where requests go.
    pub active: Option<Upstream>,
    /// Requests under way: of the active release, and of others that have some.
    pub in_flight: BTreeMap<String, usize>,
    /// Requests a release answered to the end, since the front started.
    pub served: u64,
    /// Requests that no release answered, or not to the end.
    pub failed: u64,
}

/// A release has nothing under way any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drained {
    /// Which.
    pub release: String,
    /// Requests that did not end in time and were cut off.
    pub cut: usize,
}

/// Answers on the control socket.
pub(super) struct Control {
    pub routes: Arc<Routes>,
    pub state: Option<StateFile>,
    /// One switch at a time: the file must say what the last one did.
    pub switching: tokio::sync::Mutex<()>,
}

type Refusal = (StatusCode, String);

impl Control {
    pub async fn serve(self: Arc<Self>, listener: UnixListener) {
        loop {
            let stream = match listener.accept().await {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!("the control socket: {error}");
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    continue;
                }
            };
            let control = self.clone();
            tokio::spawn(async move {
                let service = service_fn(move |request| {
                    let control = control.clone();
                    async move { Ok::<_, Infallible>(control.answer(request).await) }
                });
                let served = http1::Builder::new()
                    .timer(TokioTimer::new())
                    .header_read_timeout(Duration::from_secs(10))
                    .serve_connection(TokioIo::new(stream), service);
                if let Err(error) = served.await {
                    tracing::debug!("the control socket: {error}");
                }
            });
        }
    }

    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let (status, body) = match self.act(request).await {
            Ok(value) => (StatusCode::OK, value),
            Err((status, error)) => (status, json!({ "error": error })),
        };
        let mut response = Response::new(Full::new(Bytes::from(body.to_string())));
        *response.status_mut() = status;
        response.headers_mut().insert(CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
        response
    }

    async fn act(&self, request: Request<Incoming>) -> Result<Value, Refusal> {
        let path = request.uri().path().to_owned();
        match (request.method(), path.as_str()) {
            (&Method::GET, "/status") => Ok(json!(self.status())),
            (&Method::PUT, "/active") => {
                let body = Limited::new(request.into_body(), MAX_BODY).collect().await;
                let body = body.map_err(|error| (StatusCode::BAD_REQUEST, error.to_string()))?.to_bytes();
                let upstream: Upstream =
                    serde_json::from_slice(&body).map_err(|error| (StatusCode::BAD_REQUEST, error.to_string()))?;
                self.activate(upstream).await
            }
            (&Method::POST, path) if path.starts_with("/drained/") => {
                let release = &path["/drained/".len()..];
                let patience = patience(request.uri().query()).map_err(|why| (StatusCode::BAD_REQUEST, why))?;
                match self.routes.drain(release, patience).await {
                    Some(cut) => Ok(json!(Drained { release: release.to_owned(), cut })),
                    None => Err((
                        StatusCode::CONFLICT,
                        format!(
                            "release {release} is the active one, requests keep coming; make another one active first"
                        ),
                    )),
                }
            }
            _ => Err((StatusCode::NOT_FOUND, "there is GET /status, PUT /active and POST /drained/RELEASE".into())),
        }
    }

    fn status(&self) -> FrontStatus {
        FrontStatus {
            active: self.routes.active(),
            in_flight: self.routes.in_flight(),
            served: self.routes.served.load(Ordering::Relaxed),
            failed: self.routes.failed.load(Ordering::Relaxed),
        }
    }

    async fn activate(&self, upstream: Upstream) -> Result<Value, Refusal> {
        upstream.check().map_err(|problem| (StatusCode::BAD_REQUEST, problem))?;
        let _one = self.switching.lock().await;
        if let Some(state) = self.state.clone() {
            let active = upstream.clone();
            // First on disk: a front that starts again must not go back to a release that is gone.
            let written = tokio::task::spawn_blocking(move || state.write(&active).map_err(|error| error.to_string()));
            let written = written.await.unwrap_or_else(|lost| Err(lost.to_string()));
            written.map_err(|why| {
                (StatusCode::INTERNAL_SERVER_ERROR, format!("nothing was switched, it cannot be written down: {why}"))
            })?;
        }
        let changed = self.routes.switch(upstream.clone());
        tracing::info!(release = upstream.release, address = upstream.address, changed, "active");
        Ok(json!(self.status()))
    }
}

fn patience(query: Option<&str>) -> Result<Duration, String> {
    match query.filter(|query| !query.is_empty()) {
        None => Ok(PATIENCE),
        Some(query) => query
            .strip_prefix("timeout_ms=")
            .and_then(|milliseconds| milliseconds.parse().ok())
            .map(Duration::from_millis)
            .ok_or_else(|| format!("`{query}` is not understood, `timeout_ms=30000` is")),
    }
}
