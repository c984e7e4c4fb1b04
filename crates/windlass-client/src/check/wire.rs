//! One HTTP request and everything that can be seen of its answer.

use std::{
    error::Error,
    time::{Duration, Instant},
};

use hyper_util::client::legacy::connect::HttpInfo;
use reqwest::{
    Client, Method, Response, Version,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue},
};
use serde_json::Value;
use url::Url;
use windlass_core::ExposeSecret;

use super::{protocol::Outcome, sse::Events};
use crate::{error::ClientError, resolve::Localhost, target::HttpTarget};

/// More than this of an answer is not read.
const LARGEST: usize = 32 << 20;

/// How long a stream may stay open after its answer before we hang up on it.
const LINGER: Duration = Duration::from_millis(500);

/// Which credentials a request shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Credentials {
    Own,
    None,
    Wrong,
}

/// A request to be sent.
pub(super) struct Ask {
    pub(super) method: Method,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) accept: Option<&'static str>,
    pub(super) credentials: Credentials,
    pub(super) body: Option<Vec<u8>>,
    /// The request id whose answer ends the reading of a stream.
    pub(super) id: Option<Value>,
}

/// An answer, read as far as it is of use.
#[derive(Debug)]
pub(super) struct Exchange {
    pub(super) status: u16,
    pub(super) version: Version,
    pub(super) headers: HeaderMap,
    pub(super) messages: Vec<Value>,
    pub(super) body: String,
    pub(super) took: Duration,
    pub(super) port: Option<u16>,
    pub(super) certificate: Option<Vec<u8>>,
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) struct WireError {
    pub(super) text: String,
    pub(super) took: Duration,
}

/// The endpoint under test.
pub(super) struct Http {
    client: Client,
    pub(super) target: HttpTarget,
    extra: HeaderMap,
    pub(super) timeout: Duration,
}

impl Ask {
    /// A POST of a JSON body as the specification has it.
    pub(super) fn post(body: impl Into<Vec<u8>>) -> Self {
        Self {
            method: Method::POST,
            headers: Vec::new(),
            accept: Some("application/json, text/event-stream"),
            credentials: Credentials::Own,
            body: Some(body.into()),
            id: None,
        }
    }

    /// A POST of one JSON-RPC request.
    pub(super) fn rpc(message: &Value) -> Self {
        Self { id: message.get("id").cloned(), ..Self::post(message.to_string()) }
    }

    /// A request without a body.
    pub(super) fn bare(method: Method, accept: Option<&'static str>) -> Self {
        Self { method, accept, headers: Vec::new(), credentials: Credentials::Own, body: None, id: None }
    }

    pub(super) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(super) fn credentials(mut self, credentials: Credentials) -> Self {
        self.credentials = credentials;
        self
    }
}

impl Http {
    pub(super) fn new(target: HttpTarget, timeout: Duration) -> Result<Self, ClientError> {
        crate::install_tls();
        let mut builder = Client::builder()
            .dns_resolver(Localhost::resolver())
            // A redirect is a fact to report, and following one would carry the token elsewhere.
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(timeout)
            .tls_info(true)
            // The Host probe needs a header of its own, which HTTP/2 has no place for.
            .http1_only()
            .user_agent(concat!("windlass-check/", env!("CARGO_PKG_VERSION")));
        if let Some(pem) = &target.authority {
            let authority = reqwest::Certificate::from_pem(pem)
                .map_err(|error| ClientError::usage(format!("the certificate authority is no PEM: {error}"), ""))?;
            builder = builder.tls_certs_merge([authority]);
        }
        let client = builder.build().map_err(|error| ClientError::usage(format!("cannot set up HTTP: {error}"), ""))?;
        let extra = target.extra_headers()?;
        Ok(Self { client, target, extra, timeout })
    }

    /// Whether there is a credential that could be left out.
    pub(super) fn has_credentials(&self) -> bool {
        self.target.bearer.is_some() || !self.extra.is_empty()
    }

    /// Sends to the endpoint.
    pub(super) async fn send(&self, ask: Ask) -> Result<Exchange, WireError> {
        self.send_to(self.target.url.clone(), ask).await
    }

    /// Sends to another address; the caller decides whether it may see the credentials.
    pub(super) async fn send_to(&self, url: Url, ask: Ask) -> Result<Exchange, WireError> {
        let started = Instant::now();
        let broken = |text: String| WireError { text, took: started.elapsed() };
        let mut request = self.client.request(ask.method, url);
        if let Some(accept) = ask.accept {
            request = request.header(ACCEPT, accept);
        }
        match (ask.credentials, &self.target.bearer) {
            (Credentials::Own, bearer) => {
                request = request.headers(self.extra.clone());
                if let Some(token) = bearer {
                    let mut value = HeaderValue::try_from(format!("Bearer {}", token.expose_secret()))
                        .map_err(|_| broken("the token has characters no header may have".into()))?;
                    value.set_sensitive(true);
                    request = request.header(AUTHORIZATION, value);
                }
            }
            (Credentials::Wrong, _) => {
                request = request.header(AUTHORIZATION, "Bearer windlass-check-wrong-token");
            }
            (Credentials::None, _) => {}
        }
        for (name, value) in ask.headers {
            request = request.header(name, value);
        }
        if let Some(body) = ask.body {
            request = request.header(CONTENT_TYPE, "application/json").body(body);
        }
        let deadline = started + self.timeout;
        match tokio::time::timeout_at(deadline.into(), request.send()).await {
            Ok(Ok(response)) => self.read(response, ask.id.as_ref(), started).await.map_err(broken),
            Ok(Err(error)) => Err(broken(why(&error))),
            Err(_) => Err(broken(format!("no answer within {} s", self.timeout.as_secs_f32()))),
        }
    }

    async fn read(&self, mut response: Response, id: Option<&Value>, started: Instant) -> Result<Exchange, String> {
        let headers = response.headers().clone();
        let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let sse = kind.starts_with("text/event-stream");
        let certificate = response
            .extensions()
            .get::<reqwest::tls::TlsInfo>()
            .and_then(|info| info.peer_certificate())
            .map(<[u8]>::to_vec);
        let port = response.extensions().get::<HttpInfo>().map(|info| info.local_addr().port());
        let mut exchange = Exchange {
            status: response.status().as_u16(),
            version: response.version(),
            headers,
            messages: Vec::new(),
            body: String::new(),
            took: started.elapsed(),
            port,
            certificate,
        };
        // A stream that answers no request (GET) has no end; its headers said all there is to know.
        if sse && id.is_none() && exchange.status == 200 {
            return Ok(exchange);
        }
        let mut deadline = started + self.timeout;
        let mut events = Events::default();
        let mut body = Vec::new();
        let mut answered = false;
        loop {
            let chunk = match tokio::time::timeout_at(deadline.into(), response.chunk()).await {
                Ok(Ok(Some(chunk))) => chunk,
                Ok(Ok(None)) => break,
                Ok(Err(_)) | Err(_) if answered => break,
                Ok(Err(error)) => return Err(format!("the answer broke off: {}", why(&error))),
                Err(_) => return Err(format!("the answer did not end within {} s", self.timeout.as_secs_f32())),
            };
            body.extend_from_slice(&chunk);
            if body.len() > LARGEST {
                return Err(format!("the answer is larger than {} MiB", LARGEST >> 20));
            }
            if sse && !answered {
                let data = events.push(&chunk);
                exchange.messages.extend(data.iter().filter_map(|data| serde_json::from_str(data).ok()));
                answered = id.is_some_and(|id| exchange.messages.iter().any(|message| Outcome::answers(message, id)));
                if answered {
                    exchange.took = started.elapsed();
                    deadline = Instant::now() + LINGER;
                }
            }
        }
        if !answered {
            exchange.took = started.elapsed();
        }
        if !sse {
            exchange.messages = match serde_json::from_slice(&body) {
                Ok(Value::Array(batch)) => batch,
                Ok(message) => vec![message],
                Err(_) => Vec::new(),
            };
        }
        exchange.body = String::from_utf8_lossy(&body[..body.len().min(4096)]).into_owned();
        Ok(exchange)
    }
}

impl Exchange {
    /// What this says about request `id`.
    pub(super) fn outcome(&self, id: &Value) -> Outcome {
        match self.messages.iter().find(|message| Outcome::answers(message, id)) {
            Some(message) => Outcome::read(message, id),
            None => Outcome::Nothing(self.describe()),
        }
    }

    /// The error code of the first JSON-RPC error in it.
    pub(super) fn code(&self) -> Option<i64> {
        self.messages.iter().find_map(|message| message.get("error")?.get("code")?.as_i64())
    }

    /// Status and the beginning of the body, in a sentence.
    pub(super) fn describe(&self) -> String {
        let kind = self.text_header("content-type");
        let mut text = format!("HTTP {}", self.status);
        if let Some(code) = self.code() {
            text.push_str(&format!(" with error {code}"));
        } else if !self.body.trim().is_empty() {
            let head: String = self.body.trim().chars().take(120).collect();
            text.push_str(&format!(" ({kind}): {head}"));
        }
        text
    }

    pub(super) fn text_header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    pub(super) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    pub(super) fn is_refusal(&self) -> bool {
        (400..500).contains(&self.status)
    }
}

/// Why, as its causes say it: reqwest's own text is only that it failed, and where.
fn why(error: &reqwest::Error) -> String {
    error.source().map_or_else(|| error.to_string(), windlass_core::chain)
}
