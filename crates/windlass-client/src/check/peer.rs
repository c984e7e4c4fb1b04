//! An HTTP endpoint as one of its eras sees it.

use serde_json::{Value, json};

use super::{
    protocol::{MODERN, Outcome, Peer, Reply, request, with_meta},
    wire::{Ask, Exchange, Http, WireError},
};

/// How requests are dressed.
#[derive(Debug, Clone)]
pub(super) enum Era {
    /// 2026-07-28: every request stands alone.
    Modern,
    /// After `initialize`.
    Legacy { version: String, session: Option<String> },
    /// Before `initialize`.
    Greeting,
}

/// An HTTP endpoint in one era.
pub(super) struct HttpPeer<'a> {
    pub(super) http: &'a Http,
    pub(super) era: Era,
    next: i64,
}

impl<'a> HttpPeer<'a> {
    pub(super) fn new(http: &'a Http, era: Era) -> Self {
        Self { http, era, next: 0 }
    }

    /// The request as it would be sent, to be bent by a test of errors.
    pub(super) fn ask(&mut self, method: &str, params: Value) -> (Ask, Value) {
        self.next += 1;
        let id = json!(self.next);
        let name = params.get("name").and_then(Value::as_str).map(str::to_owned);
        let params = if matches!(self.era, Era::Modern) { with_meta(params, MODERN) } else { params };
        let ask = self.dress(Ask::rpc(&request(&id, method, params)));
        let ask = match (&self.era, name) {
            (Era::Modern, Some(name)) => ask.header("mcp-method", method).header("mcp-name", header_value(&name)),
            (Era::Modern, None) => ask.header("mcp-method", method),
            _ => ask,
        };
        (ask, id)
    }

    /// Adds the headers that every request of the era has.
    pub(super) fn dress(&self, ask: Ask) -> Ask {
        match &self.era {
            Era::Modern => ask.header("mcp-protocol-version", MODERN),
            Era::Legacy { version, session } => {
                let ask = ask.header("mcp-protocol-version", version.as_str());
                match session {
                    Some(session) => ask.header("mcp-session-id", session.as_str()),
                    None => ask,
                }
            }
            Era::Greeting => ask,
        }
    }

    /// Sends a notification.
    pub(super) async fn notify(&self, method: &str) -> Result<Exchange, WireError> {
        let message = json!({ "jsonrpc": "2.0", "method": method });
        self.http.send(self.dress(Ask::post(message.to_string()))).await
    }

    /// Sends a request and keeps the whole exchange.
    pub(super) async fn exchange(&mut self, method: &str, params: Value) -> (Reply, Option<Exchange>) {
        let (ask, id) = self.ask(method, params);
        let sent = self.http.send(ask).await;
        (reply(&sent, &id), sent.ok())
    }
}

impl Peer for HttpPeer<'_> {
    async fn request(&mut self, method: &str, params: Value) -> Reply {
        self.exchange(method, params).await.0
    }
}

pub(super) fn reply(sent: &Result<Exchange, WireError>, id: &Value) -> Reply {
    match sent {
        Ok(exchange) => Reply {
            outcome: exchange.outcome(id),
            took: exchange.took,
            status: Some(exchange.status),
            port: exchange.port,
        },
        Err(error) => {
            Reply { outcome: Outcome::Nothing(error.text.clone()), took: error.took, status: None, port: None }
        }
    }
}

/// A tool name as a header: as it is, or in the specification's base64 wrapping where a header could not hold it.
fn header_value(name: &str) -> String {
    let plain = !name.is_empty() && name.bytes().all(|byte| (0x21..0x7f).contains(&byte)) && !name.starts_with("=?");
    if plain {
        return name.to_owned();
    }
    use base64::Engine;
    format!("=?base64?{}?=", base64::engine::general_purpose::STANDARD.encode(name))
}
