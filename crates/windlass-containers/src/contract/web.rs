//! Asking a container over HTTP.

use std::{net::SocketAddr, time::Duration};

use bytes::Bytes;
use http::{
    Request, Response,
    header::{ACCEPT, AUTHORIZATION, CONNECTION, CONTENT_TYPE, HOST},
};
use http_body_util::Full;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use tokio::net::TcpStream;

use crate::exchange::{Problem, exchange};

/// How long one answer may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// A container's address, and what opens it.
#[derive(Clone)]
pub(super) struct Web {
    pub address: SocketAddr,
    pub token: Option<SecretString>,
}

impl Web {
    pub async fn get(&self, path: &str) -> Result<Response<Bytes>, Problem> {
        self.send(self.request("GET", path), Bytes::new()).await
    }

    /// A message to `/mcp`, with the token or without.
    pub async fn post(&self, message: &Value, known: bool, session: Option<&str>) -> Result<Response<Bytes>, Problem> {
        let mut request = self
            .request("POST", "/mcp")
            .header(CONTENT_TYPE, "application/json")
            .header(ACCEPT, "application/json, text/event-stream");
        if let (true, Some(token)) = (known, &self.token) {
            request = request.header(AUTHORIZATION, format!("Bearer {}", token.expose_secret()));
        }
        if let Some(session) = session {
            request = request.header("mcp-session-id", session);
        }
        self.send(request, message.to_string().into()).await
    }

    fn request(&self, method: &str, path: &str) -> http::request::Builder {
        Request::builder().method(method).uri(path).header(HOST, self.address.to_string()).header(CONNECTION, "close")
    }

    async fn send(&self, request: http::request::Builder, body: Bytes) -> Result<Response<Bytes>, Problem> {
        let request = request.body(Full::new(body)).map_err(|error| error.to_string())?;
        let asked = async {
            let stream = TcpStream::connect(self.address).await;
            exchange(stream.map_err(|error| format!("no connection to {}: {error}", self.address))?, request).await
        };
        let answered = tokio::time::timeout(PATIENCE, asked).await;
        answered.unwrap_or_else(|_| Err(format!("no answer within {} s", PATIENCE.as_secs())))
    }
}

/// The document of an answer: its body, or the last event of it that is one.
pub(super) fn json(answer: &Response<Bytes>) -> Result<Value, Problem> {
    let text = String::from_utf8_lossy(answer.body());
    let unreadable = |error| format!("{} with a body that is no JSON: {error}", answer.status());
    let kind = answer.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if !kind.starts_with("text/event-stream") {
        return serde_json::from_str(&text).map_err(unreadable);
    }
    let mut events = text.lines().filter_map(|line| line.strip_prefix("data:"));
    let last = events.rfind(|data| !data.trim().is_empty()).unwrap_or_default();
    serde_json::from_str(last).map_err(unreadable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_may_come_as_a_document_or_as_an_event() {
        let answer = |kind: &str, body: &'static str| {
            Response::builder().header(CONTENT_TYPE, kind).body(Bytes::from_static(body.as_bytes())).unwrap()
        };
        assert_eq!(json(&answer("application/json", r#"{"a":1}"#)).unwrap()["a"], 1);
        let events = "data:\n\nevent: message\ndata: {\"a\":1}\n\ndata: {\"a\":2}\n\n";
        assert_eq!(json(&answer("text/event-stream; charset=utf-8", events)).unwrap()["a"], 2);
        assert!(json(&answer("text/html", "<p>")).is_err());
    }
}
