//! `/mcp`: checks what is HTTP's own (Host, Origin, credentials, size), then hands the message to rmcp.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited, combinators::BoxBody};
use rmcp::transport::{
    StreamableHttpServerConfig, StreamableHttpService,
    streamable_http_server::session::{SessionManager, never::NeverSessionManager},
};
use serde::Deserialize;
use url::Url;
use windlass_config::settings::{LimitSettings, ServerSettings};
use windlass_core::{AuditEvent, Decision};

use super::{
    handler::AnswerBy,
    origin::OriginCheck,
    pages::resource_url,
    reply::{self, Body, BoxError},
    sessions::CappedSessions,
};
use crate::{
    gate::{Caller, Gate},
    protocol::{Protocol, Shared},
};

const SESSION: &str = "mcp-session-id";
/// The whole of a request's body must have come by then.
const BODY_TIMEOUT: Duration = Duration::from_secs(60);

/// The endpoint.
pub(super) struct Endpoint {
    gate: Arc<Gate>,
    shared: Arc<Shared>,
    origins: OriginCheck,
    config: StreamableHttpServerConfig,
    /// What nearly every request is for: all toolsets, no session. Made once.
    whole: StreamableHttpService<Protocol, NeverSessionManager>,
    /// Only where a toolset asks 2025-era clients questions.
    sessions: Option<Arc<CappedSessions>>,
    body: usize,
    public_url: Option<Url>,
}

/// The client takes one JSON answer and no stream, so nothing may be sent before the answer.
#[derive(Clone, Copy)]
pub(crate) struct NoStream;

impl Endpoint {
    pub fn new(shared: Arc<Shared>, origins: OriginCheck, server: &ServerSettings, limits: &LimitSettings) -> Self {
        let gate = shared.gate.clone();
        let asks = gate.toolsets().iter().any(|toolset| toolset.asks_client());
        let body = usize::try_from(limits.body.0).unwrap_or(usize::MAX);
        let config = StreamableHttpServerConfig::default()
            .with_legacy_session_mode(false)
            .with_json_response(true)
            .with_max_request_body_bytes(body)
            // Host and Origin are checked here, before anything else and for every path.
            .disable_allowed_hosts();
        Self {
            whole: service(&shared, None, Arc::default(), config.clone()),
            sessions: asks.then(|| CappedSessions::new(limits.sessions)),
            gate,
            shared,
            origins,
            config,
            body,
            public_url: server.public_url.clone(),
        }
    }

    /// Checks Host, Origin and credentials: who calls, or the refusal.
    pub async fn admit<B>(&self, request: &Request<B>, peer: SocketAddr) -> Result<Arc<Caller>, Response<Body>> {
        let rules = self.gate.rules().clone();
        if let Err(refused) = self.origins.check(request.headers(), !rules.live.auth.is_open()) {
            self.gate.metrics().rebinding.increment(1);
            self.note(request, peer, Decision::Denied, refused.0.clone());
            return Err(reply::refused(StatusCode::FORBIDDEN, -32000, &refused.0));
        }
        let authenticated = match rules.live.auth.authenticate_now(request.headers()) {
            Some(known) => known,
            None => rules.live.auth.authenticate(request.headers()).await,
        };
        match authenticated {
            Ok(principal) => Ok(Arc::new(Caller {
                principal,
                transport: "http",
                peer: Some(peer.ip()),
                trace: request.headers().get("traceparent").and_then(|value| value.to_str().ok()).map(str::to_owned),
                answer_by: request.extensions().get::<AnswerBy>().map(|by| by.0),
            })),
            Err(error) => {
                self.gate.metrics().unauthenticated.increment(1);
                self.note(request, peer, Decision::Unauthenticated, error.reason().to_owned());
                let resource = resource_url(self.public_url.as_ref(), request, request.uri().path());
                let mut response = reply::refused(error.status(), -32001, &error.to_string());
                if let Some(challenge) = rules.live.auth.challenge(&error, resource.as_ref()) {
                    response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
                }
                if let Some(seconds) = error.retry_after() {
                    response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
                }
                Err(response)
            }
        }
    }

    /// Whether the caller may see more than the bare facts. Nothing is written down.
    pub async fn trusted<B>(&self, request: &Request<B>) -> bool {
        let rules = self.gate.rules().clone();
        self.origins.check(request.headers(), !rules.live.auth.is_open()).is_ok()
            && rules.live.auth.authenticate(request.headers()).await.is_ok()
    }

    pub async fn answer<B>(&self, request: Request<B>, scope: Option<Arc<str>>, peer: SocketAddr) -> Response<Body>
    where
        B: http_body::Body<Data = Bytes>,
        B::Error: Into<BoxError>,
    {
        let origin = request.headers().get(header::ORIGIN).cloned();
        let mut response = if request.method() == Method::OPTIONS {
            self.preflight(&request)
        } else {
            match self.admit(&request, peer).await {
                Ok(caller) => self.converse(request, scope, caller).await,
                Err(refusal) => reply::unread(request.into_body(), refusal).await,
            }
        };
        if let Some(origin) = origin
            && response.status() != StatusCode::FORBIDDEN
        {
            // The check above let this origin in, so its page may read the answer.
            let headers = response.headers_mut();
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            headers.insert(header::VARY, HeaderValue::from_static("Origin"));
            headers.insert(
                header::ACCESS_CONTROL_EXPOSE_HEADERS,
                HeaderValue::from_static("Mcp-Session-Id, WWW-Authenticate"),
            );
        }
        response
    }

    fn preflight<B>(&self, request: &Request<B>) -> Response<Body> {
        if let Err(refused) = self.origins.check(request.headers(), !self.gate.is_open()) {
            return reply::refused(StatusCode::FORBIDDEN, -32000, &refused.0);
        }
        let mut response = Response::new(reply::full(Bytes::new()));
        *response.status_mut() = StatusCode::NO_CONTENT;
        let headers = response.headers_mut();
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("POST, GET, DELETE"));
        headers.insert(
            header::ACCESS_CONTROL_ALLOW_HEADERS,
            HeaderValue::from_static(
                "Authorization, Content-Type, Accept, Mcp-Session-Id, Mcp-Protocol-Version, Mcp-Method, Mcp-Name, \
                 Last-Event-ID, X-MCP-Auth-Token, traceparent, tracestate",
            ),
        );
        headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
        response
    }

    async fn converse<B>(&self, request: Request<B>, scope: Option<Arc<str>>, caller: Arc<Caller>) -> Response<Body>
    where
        B: http_body::Body<Data = Bytes>,
        B::Error: Into<BoxError>,
    {
        if let Some(scope) = &scope
            && !self.gate.toolsets().iter().any(|toolset| toolset.name() == &**scope)
        {
            let message = format!("there is no toolset `{scope}` here");
            let refusal = reply::refused(StatusCode::NOT_FOUND, -32601, &message);
            return reply::unread(request.into_body(), refusal).await;
        }
        let (mut parts, body) = request.into_parts();
        if parts.method != Method::POST && self.sessions.is_none() {
            let mut response = reply::refused(
                StatusCode::METHOD_NOT_ALLOWED,
                -32000,
                "send messages with POST; this server keeps no sessions and no standing streams",
            );
            response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("POST"));
            return reply::unread(body, response).await;
        }
        let body = match tokio::time::timeout(BODY_TIMEOUT, Limited::new(body, self.body).collect()).await {
            Ok(Ok(body)) => body.to_bytes(),
            Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => {
                let message = format!("the request body is larger than {} bytes (limits.body)", self.body);
                return reply::last(reply::refused(StatusCode::PAYLOAD_TOO_LARGE, -32600, &message));
            }
            Ok(Err(_)) => return reply::refused(StatusCode::BAD_REQUEST, -32700, "the request body broke off"),
            Err(_) => {
                let message = "the request body came too slowly";
                return reply::last(reply::refused(StatusCode::REQUEST_TIMEOUT, -32600, message));
            }
        };
        // GET and DELETE, which 2025-era clients use within a session, have no body.
        if parts.method == Method::POST && !is_json(&parts.headers) {
            let message = "send the message with Content-Type: application/json";
            return reply::refused(StatusCode::UNSUPPORTED_MEDIA_TYPE, -32600, message);
        }
        complete_accept(&mut parts);
        parts.extensions.insert(caller.clone());
        if body.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[') {
            return self.batch(parts, &body, scope).await;
        }
        let request = Request::from_parts(parts, Full::new(body.clone()));
        let response = match &self.sessions {
            Some(sessions) if wants_session(&request, &body) => {
                self.in_session(sessions, request, scope, &caller).await
            }
            _ => self.stateless(request, scope).await,
        };
        // rmcp says "unsupported media type" of a body it cannot read; the type was right, the text was not.
        match response.status() {
            StatusCode::UNSUPPORTED_MEDIA_TYPE => unreadable(&body),
            _ => response,
        }
    }

    pub(super) async fn stateless(&self, request: Request<Full<Bytes>>, scope: Option<Arc<str>>) -> Response<Body> {
        unsync(match scope {
            None => self.whole.handle(request).await,
            Some(_) => {
                let none = Arc::<NeverSessionManager>::default();
                service(&self.shared, scope, none, self.config.clone()).handle(request).await
            }
        })
    }

    async fn in_session(
        &self,
        sessions: &Arc<CappedSessions>,
        request: Request<Full<Bytes>>,
        scope: Option<Arc<str>>,
        caller: &Arc<Caller>,
    ) -> Response<Body> {
        if let Some(session) = request.headers().get(SESSION)
            && !session.to_str().is_ok_and(|session| sessions.belongs(session, &caller.principal.id))
        {
            return reply::refused(StatusCode::NOT_FOUND, -32001, "no such session; initialize again");
        }
        let config = self.config.clone().with_legacy_session_mode(true);
        let service = service(&self.shared, scope, sessions.clone(), config);
        let response = unsync(service.handle(request).await);
        if let Some(session) = response.headers().get(SESSION).and_then(|session| session.to_str().ok()) {
            sessions.bind(session, &caller.principal.id);
        }
        response
    }

    fn note<B>(&self, request: &Request<B>, peer: SocketAddr, decision: Decision, reason: String) {
        let mut event = AuditEvent::new(decision, request.uri().path().chars().take(128).collect::<String>(), "http");
        event.peer = Some(peer.ip().to_string());
        event.reason = Some(reason);
        event.error = Some(if decision == Decision::Denied { "denied" } else { "unauthenticated" });
        self.gate.audit().record(event);
    }
}

/// rmcp's side of the endpoint.
fn service<M: SessionManager>(
    shared: &Arc<Shared>,
    scope: Option<Arc<str>>,
    sessions: Arc<M>,
    config: StreamableHttpServerConfig,
) -> StreamableHttpService<Protocol, M> {
    let shared = shared.clone();
    StreamableHttpService::new(move || Ok(Protocol::http(shared.clone(), scope.clone())), sessions, config)
}

/// The plain documented request has no Accept header; rmcp insists on both types. A client that names only JSON gets
/// only JSON.
fn complete_accept(parts: &mut http::request::Parts) {
    let accepts = |kind: &str| {
        let mut values = parts.headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
        values.any(|value| value.to_ascii_lowercase().contains(kind))
    };
    let any = !parts.headers.contains_key(header::ACCEPT) || accepts("*/*") || accepts("application/*");
    let (json, stream) = (accepts("application/json"), accepts("text/event-stream"));
    if json && stream {
        return;
    }
    // A stream alone (2025-era GET) is a wish to be left as it is.
    if json || any {
        let both = HeaderValue::from_static("application/json, text/event-stream");
        if !stream && parts.headers.contains_key(header::ACCEPT) && !accepts("*/*") {
            parts.extensions.insert(NoStream);
        }
        parts.headers.insert(header::ACCEPT, both);
    }
}

/// Whether a message belongs to a session, or opens one: a 2025-era `initialize` of a client that can be asked.
fn wants_session<B>(request: &Request<B>, body: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Peek<'a> {
        #[serde(borrow)]
        method: Option<&'a str>,
    }
    request.headers().contains_key(SESSION)
        || request.method() != Method::POST
        || serde_json::from_slice::<Peek<'_>>(body).is_ok_and(|peek| peek.method == Some("initialize"))
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let essence = kind.split(';').next().unwrap_or_default();
    essence.trim().eq_ignore_ascii_case("application/json")
}

/// The answer to a body that is no message.
fn unreadable(body: &[u8]) -> Response<Body> {
    match serde_json::from_slice::<serde::de::IgnoredAny>(body) {
        Err(error) => reply::refused(StatusCode::BAD_REQUEST, -32700, &format!("parse error: {error}")),
        Ok(_) => reply::refused(
            StatusCode::BAD_REQUEST,
            -32600,
            "this is JSON but no JSON-RPC message: it needs jsonrpc \"2.0\", and a method with params that fit it",
        ),
    }
}

fn unsync(response: Response<BoxBody<Bytes, std::convert::Infallible>>) -> Response<Body> {
    response.map(BodyExt::boxed_unsync)
}
