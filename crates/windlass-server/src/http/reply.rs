//! Responses of our own making.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use http_body::Frame;
use http_body_util::{BodyExt, Full, Limited, combinators::UnsyncBoxBody};
use serde_json::{Value, json};

use super::connections::InFlight;

/// The body of every answer.
pub type Body = UnsyncBoxBody<Bytes, Infallible>;

/// Why a request's body could not be read.
pub(super) type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A response whose end tells the connection table that the request is done.
pub(super) struct Guarded {
    body: Body,
    _in_flight: InFlight,
}

impl Guarded {
    pub fn new(body: Body, in_flight: InFlight) -> Self {
        Self { body, _in_flight: in_flight }
    }
}

impl http_body::Body for Guarded {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> http_body::SizeHint {
        self.body.size_hint()
    }
}

pub(super) fn full(body: impl Into<Bytes>) -> Body {
    Full::new(body.into()).boxed_unsync()
}

pub(super) fn bytes(status: StatusCode, kind: &'static str, body: impl Into<Bytes>) -> Response<Body> {
    let mut response = Response::new(full(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

pub(super) fn json(status: StatusCode, value: &Value) -> Response<Body> {
    bytes(status, "application/json", value.to_string())
}

/// A JSON-RPC error for a request that has not been read: its id is not known.
pub(super) fn refused(status: StatusCode, code: i32, message: &str) -> Response<Body> {
    json(status, &json!({ "jsonrpc": "2.0", "id": null, "error": { "code": code, "message": message } }))
}

/// Answers a request whose body nobody will read. A small one that is on its way is taken off the line, so that the next
/// request (the same again, with a token) can use the connection; else the client is told that there will be no next.
pub(super) async fn unread<B>(body: B, response: Response<Body>) -> Response<Body>
where
    B: http_body::Body,
    B::Error: Into<BoxError>,
{
    const SMALL: usize = 64 << 10;
    const SHORT: Duration = Duration::from_secs(1);
    match tokio::time::timeout(SHORT, Limited::new(body, SMALL).collect()).await {
        Ok(Ok(_)) => response,
        _ => last(response),
    }
}

/// An answer after which the connection is closed, and says so.
pub(super) fn last(mut response: Response<Body>) -> Response<Body> {
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

pub(super) fn not_found() -> Response<Body> {
    json(
        StatusCode::NOT_FOUND,
        &json!({ "error": "not found", "paths": ["/mcp", "/mcp/{toolset}", "/health", "/ready", "/metrics", "/"] }),
    )
}
