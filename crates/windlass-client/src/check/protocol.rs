//! The little of the protocol that a proof needs, as plain JSON.

use std::time::Duration;

use serde_json::{Map, Value, json};

/// The current, stateless revision.
pub(super) const MODERN: &str = "2026-07-28";

/// The revisions that begin with `initialize`, newest first.
pub(super) const LEGACY: [&str; 3] = ["2025-11-25", "2025-06-18", "2025-03-26"];

/// Every revision there ever was; a server that negotiates another one made it up.
pub(super) const KNOWN: [&str; 5] = [MODERN, LEGACY[0], LEGACY[1], LEGACY[2], "2024-11-05"];

pub(super) const METHOD_NOT_FOUND: i64 = -32601;
pub(super) const PARSE_ERROR: i64 = -32700;
pub(super) const UNSUPPORTED_VERSION: i64 = -32022;
pub(super) const HEADER_MISMATCH: i64 = -32020;

/// What came back for a request.
#[derive(Debug, Clone)]
pub(super) enum Outcome {
    Result(Value),
    Error {
        code: i64,
        message: String,
    },
    /// No JSON-RPC answer; what came instead.
    Nothing(String),
}

/// What came back for a request, and how.
#[derive(Debug, Clone)]
pub(super) struct Reply {
    pub(super) outcome: Outcome,
    pub(super) took: Duration,
    /// The HTTP status, over HTTP.
    pub(super) status: Option<u16>,
    /// The local port of the connection, over HTTP.
    pub(super) port: Option<u16>,
}

impl Reply {
    /// The result, or a sentence on what came instead.
    pub(super) fn result(&self) -> Result<&Value, String> {
        match &self.outcome {
            Outcome::Result(result) => Ok(result),
            other => Err(other.describe()),
        }
    }
}

impl Outcome {
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Result(_) => "a result".into(),
            Self::Error { code, message } => format!("error {code}: {message}"),
            Self::Nothing(what) => what.clone(),
        }
    }

    /// Reads a JSON-RPC message that claims to answer request `id`.
    pub(super) fn read(message: &Value, id: &Value) -> Self {
        if message.get("jsonrpc").and_then(Value::as_str) != Some("2.0") {
            return Self::Nothing("an answer without `jsonrpc: 2.0`".into());
        }
        match (message.get("result"), message.get("error")) {
            (Some(result), None) if message.get("id") == Some(id) => Self::Result(result.clone()),
            (Some(_), None) => Self::Nothing("an answer that carries another request's id".into()),
            (None, Some(error)) => match error.get("code").and_then(Value::as_i64) {
                Some(code) => {
                    let message = error.get("message").and_then(Value::as_str).unwrap_or("(no message)");
                    Self::Error { code, message: message.into() }
                }
                None => Self::Nothing("an error without a numeric code".into()),
            },
            _ => Self::Nothing("an answer with neither result nor error, or both".into()),
        }
    }

    /// Whether a message can be the answer to request `id`: it has its id, or it is an error that could not tell.
    pub(super) fn answers(message: &Value, id: &Value) -> bool {
        let from_server = message.get("method").is_some();
        let own = message.get("id") == Some(id);
        let unsure = message.get("error").is_some() && message.get("id").is_none_or(Value::is_null);
        !from_server && (own || unsure)
    }
}

/// Someone who answers requests: an HTTP endpoint in one of its eras, or a child process.
pub(super) trait Peer {
    async fn request(&mut self, method: &str, params: Value) -> Reply;
}

pub(super) fn request(id: &Value, method: &str, params: Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params })
}

/// Adds what every request of the stateless revision carries.
pub(super) fn with_meta(params: Value, version: &str) -> Value {
    let mut params = match params {
        Value::Object(map) => map,
        _ => Map::new(),
    };
    params.insert(
        "_meta".into(),
        json!({
            "io.modelcontextprotocol/protocolVersion": version,
            "io.modelcontextprotocol/clientCapabilities": {},
            "io.modelcontextprotocol/clientInfo": client_info(),
        }),
    );
    Value::Object(params)
}

pub(super) fn initialize_params(version: &str) -> Value {
    json!({ "protocolVersion": version, "capabilities": {}, "clientInfo": client_info() })
}

fn client_info() -> Value {
    json!({ "name": "windlass-check", "version": env!("CARGO_PKG_VERSION") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_told_from_other_traffic() {
        let id = json!(7);
        for (message, answers, described) in [
            (json!({ "jsonrpc": "2.0", "id": 7, "result": {} }), true, "a result"),
            (json!({ "jsonrpc": "2.0", "id": 7, "error": { "code": -1, "message": "m" } }), true, "error -1: m"),
            (json!({ "jsonrpc": "2.0", "id": null, "error": { "code": -32700 } }), true, "error -32700: (no message)"),
            (json!({ "jsonrpc": "2.0", "id": 7, "method": "ping" }), false, ""),
            (json!({ "jsonrpc": "2.0", "method": "notifications/message" }), false, ""),
            (json!({ "jsonrpc": "2.0", "id": 8, "result": {} }), false, ""),
            (json!({ "id": 7, "result": {} }), true, "an answer without `jsonrpc: 2.0`"),
            (json!({ "jsonrpc": "2.0", "id": 7 }), true, "an answer with neither result nor error, or both"),
        ] {
            assert_eq!(Outcome::answers(&message, &id), answers, "{message}");
            if answers {
                assert_eq!(Outcome::read(&message, &id).describe(), described);
            }
        }
    }
}
