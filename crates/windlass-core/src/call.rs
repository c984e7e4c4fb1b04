use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::{Outputs, Principal, mcp};

/// When a call must have ended.
#[derive(Debug, Clone, Copy)]
pub struct Deadline(Instant);

impl Deadline {
    /// `after` from now.
    pub fn after(after: Duration) -> Self {
        // An absurd duration means "no limit that matters", not a panic.
        let now = Instant::now();
        Self(now.checked_add(after).unwrap_or(now + Duration::from_secs(86_400 * 365)))
    }

    /// Time left; zero once passed.
    pub fn remaining(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }

    /// The instant itself.
    pub fn instant(self) -> Instant {
        self.0
    }
}

/// What a client sent back after [`crate::Reply::NeedsInput`]. Both parts are the client's word: check them.
#[derive(Debug, Clone, Default)]
pub struct Resume {
    /// Answers by the keys the server chose.
    pub input_responses: mcp::InputResponses,
    /// The opaque state the server sent, back from a place the server does not control.
    pub request_state: Option<String>,
}

/// One tool call that has passed the gate: authenticated, allowed, within limits, arguments valid against the schema.
#[derive(Clone)]
pub struct Call {
    /// Unique within the server; stands in the audit line and in traces.
    pub id: String,
    /// Who calls.
    pub principal: Arc<Principal>,
    /// The tool's own name, even where the client used an alias.
    pub tool: Arc<str>,
    /// Arguments, valid against the tool's input schema.
    pub arguments: mcp::JsonObject,
    /// The protocol's `_meta` of the request.
    pub meta: mcp::RequestMetaObject,
    /// When the work must have ended. The gate enforces it too, by dropping the call's future.
    pub deadline: Deadline,
    /// Fires when the client cancels or goes away, when the deadline passes, and when the server is told to stop.
    pub cancel: CancellationToken,
    /// The client, as far as it listens.
    pub client: Arc<dyn Client>,
    /// Where output goes that may be too long for an answer.
    pub outputs: Arc<dyn Outputs>,
    /// Set when this call continues one that answered [`crate::Reply::NeedsInput`].
    pub resume: Option<Resume>,
}

impl Call {
    /// Reads the arguments into `T`. The schema was checked already, so a failure here is a schema that says too little.
    pub fn arguments<T: serde::de::DeserializeOwned>(&self) -> Result<T, crate::ToolError> {
        serde_json::from_value(Value::Object(self.arguments.clone()))
            .map_err(|error| crate::ToolError::invalid(format!("arguments do not fit: {error}")))
    }
}

/// The caller's side of a running call, whatever the transport and the revision.
#[async_trait]
pub trait Client: Send + Sync {
    /// What the client said it can do.
    fn capabilities(&self) -> mcp::ClientCapabilities;

    /// The protocol revision this request speaks, e.g. `2026-07-28`.
    fn revision(&self) -> &str;

    /// Tells the client how far the work is. Nothing is sent where it did not ask.
    async fn progress(&self, progress: f64, total: Option<f64>, message: Option<String>);

    /// Sends a log message to the client (deprecated in the protocol; some clients still show it).
    #[expect(deprecated, reason = "2025-era clients are still owed logging")]
    async fn log(&self, level: mcp::LoggingLevel, logger: Option<String>, data: Value);

    /// Asks the client something while the call waits. Only 2025-era clients with a session can answer; newer ones are
    /// asked by [`crate::Reply::NeedsInput`].
    async fn ask(&self, request: mcp::InputRequest) -> Result<Value, ClientError>;
}

/// Why a client could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// This client, or the revision it speaks, takes no questions in mid-call.
    #[error("the client cannot be asked during a call")]
    Unsupported,
    /// It was asked, and did not answer well.
    #[error("the client did not answer: {0}")]
    NoAnswer(String),
}
