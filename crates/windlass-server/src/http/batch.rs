//! Batches exist in 2025-03-26 alone: each message is answered as if it had come by itself.

use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use serde_json::{Value, value::RawValue};

use super::{
    mcp::{Endpoint, NoStream},
    reply::{self, Body},
};

const REVISION: &str = "mcp-protocol-version";
/// Messages in one batch.
const MAX_BATCH: usize = 64;

impl Endpoint {
    /// Answers the array of messages in `body`.
    pub(super) async fn batch(
        &self,
        parts: http::request::Parts,
        body: &[u8],
        scope: Option<Arc<str>>,
    ) -> Response<Body> {
        let revision = parts.headers.get(REVISION).and_then(|revision| revision.to_str().ok());
        if revision.is_some_and(|revision| revision != "2025-03-26") {
            return reply::refused(StatusCode::BAD_REQUEST, -32600, "this revision has no batches; send one message");
        }
        let messages: Vec<&RawValue> = match serde_json::from_slice(body) {
            Ok(messages) => messages,
            Err(error) => return reply::refused(StatusCode::BAD_REQUEST, -32700, &format!("parse error: {error}")),
        };
        if messages.is_empty() || messages.len() > MAX_BATCH {
            let message = format!("a batch holds 1 to {MAX_BATCH} messages");
            return reply::refused(StatusCode::BAD_REQUEST, -32600, &message);
        }
        let mut answers: Vec<Value> = Vec::new();
        for message in messages {
            let mut parts = parts.clone();
            parts.extensions.insert(NoStream);
            let message = Full::new(Bytes::copy_from_slice(message.get().as_bytes()));
            let response = self.stateless(Request::from_parts(parts, message), scope.clone()).await;
            let Ok(body) = response.into_body().collect().await;
            if let Ok(answer) = serde_json::from_slice(&body.to_bytes()) {
                answers.push(answer);
            }
        }
        match answers.is_empty() {
            true => {
                let mut response = Response::new(reply::full(Bytes::new()));
                *response.status_mut() = StatusCode::ACCEPTED;
                response
            }
            false => reply::json(StatusCode::OK, &Value::Array(answers)),
        }
    }
}
