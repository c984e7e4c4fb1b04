use std::sync::Arc;

use serde::Serialize;
use tokio::sync::broadcast;

use crate::Check;

/// What was decided about a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// Allowed, and the tool answered.
    Allowed,
    /// Policy, a tool's own rules or a limit said no.
    Denied,
    /// Allowed, and the tool failed.
    Failed,
    /// Nobody we know: HTTP 401.
    Unauthenticated,
    /// Something the server did by itself: started, stopped, reloaded.
    Operated,
}

/// One line of the audit log, before it is redacted, numbered, chained and written (`windlass-audit` does that).
#[derive(Debug, Clone, Serialize)]
pub struct AuditEvent {
    /// The decision.
    pub decision: Decision,
    /// The protocol method, e.g. `tools/call`; or `server.start` and the like.
    pub method: String,
    /// [`crate::Principal::id`]; absent where nobody was recognised.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub principal: Option<String>,
    /// The tool's own name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool: Option<String>,
    /// [`crate::Call::id`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub call: Option<String>,
    /// The arguments as they came. The log writes their digest and a redacted copy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arguments: Option<crate::mcp::JsonObject>,
    /// Why, in the log's own words: the policy that decided, the error's kind and detail.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// [`crate::ErrorKind`] of a denied or failed call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<&'static str>,
    /// How the request came: `stdio`, `http`, `lambda`, `console`.
    pub transport: &'static str,
    /// Address of the peer, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peer: Option<String>,
    /// Microseconds from arrival to answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_us: Option<u64>,
    /// Bytes of text content in the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// W3C trace id, where the request was traced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace: Option<String>,
}

impl AuditEvent {
    /// An event with only what every event has.
    pub fn new(decision: Decision, method: impl Into<String>, transport: &'static str) -> Self {
        Self {
            decision,
            method: method.into(),
            principal: None,
            tool: None,
            call: None,
            arguments: None,
            reason: None,
            error: None,
            transport,
            peer: None,
            duration_us: None,
            bytes: None,
            trace: None,
        }
    }
}

/// Where decisions are written. Must not block the caller for IO.
pub trait AuditSink: Send + Sync {
    /// Takes one event.
    fn record(&self, event: AuditEvent);

    /// Whether decisions are being recorded. A server that cannot is not ready.
    fn ready(&self) -> Vec<Check> {
        Vec::new()
    }

    /// The lines as they are written, for whoever may watch; `None` where the sink keeps none.
    fn feed(&self) -> Option<AuditFeed> {
        None
    }
}

/// Audit lines: the last ones, and those to come.
pub struct AuditFeed {
    /// The last lines, oldest first.
    pub recent: Vec<Arc<str>>,
    /// Lines written from now on.
    pub live: broadcast::Receiver<Arc<str>>,
}
