use std::fmt;

use crate::mcp;

/// Why a call did not succeed, as data: code branches on this, never on message text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// The arguments are not what the tool takes.
    InvalidArguments,
    /// A rule says no. Repeating the call unchanged cannot help.
    Denied,
    /// The thing named does not exist, or belongs to somebody else (which must look the same).
    NotFound,
    /// The deadline passed. The work was ended.
    TimedOut,
    /// The caller went away or cancelled. The work was ended.
    Cancelled,
    /// Too many calls now; later may work.
    Limited,
    /// Something the tool needs is down; later may work.
    Unavailable,
    /// The tool ran and says it failed.
    Failed,
    /// The client did not declare a capability the call needs.
    ClientLacks,
    /// The state handed back with a retry is not one this server gave out for this call.
    StateRefused,
    /// A defect or surprise on our side.
    Internal,
}

impl ErrorKind {
    /// The spelling used in audit lines, metrics and `structuredContent`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InvalidArguments => "invalid_arguments",
            Self::Denied => "denied",
            Self::NotFound => "not_found",
            Self::TimedOut => "timed_out",
            Self::Cancelled => "cancelled",
            Self::Limited => "limited",
            Self::Unavailable => "unavailable",
            Self::Failed => "failed",
            Self::ClientLacks => "client_lacks",
            Self::StateRefused => "state_refused",
            Self::Internal => "internal",
        }
    }
}

/// A failed call, with its two readers kept apart: `message` and `hint` go to the model, `detail` only to the log.
#[derive(Debug, Clone)]
pub struct ToolError {
    /// What kind of failure.
    pub kind: ErrorKind,
    /// One sentence the model may see: what was wrong. Lowercase start, no trailing dot.
    pub message: String,
    /// What the model could do next.
    pub hint: Option<String>,
    /// What only the operator may see.
    pub detail: Option<String>,
    /// Machine-readable facts for the model, put under `structuredContent.details`.
    pub data: Option<serde_json::Value>,
}

impl ToolError {
    /// A failure of `kind` that tells the model `message`.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hint: None, detail: None, data: None }
    }

    /// See [`ErrorKind::InvalidArguments`].
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::InvalidArguments, message)
    }

    /// See [`ErrorKind::Denied`].
    pub fn denied(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Denied, message)
    }

    /// See [`ErrorKind::NotFound`].
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::NotFound, message)
    }

    /// See [`ErrorKind::Failed`].
    pub fn failed(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Failed, message)
    }

    /// See [`ErrorKind::ClientLacks`]; `required` is what the client would have to declare.
    pub fn client_lacks(required: &mcp::ClientCapabilities) -> Self {
        Self::new(ErrorKind::ClientLacks, "the client lacks a capability this call needs")
            .data(serde_json::json!({ "requiredCapabilities": required }))
    }

    /// A surprise on our side: the model learns only that, the log keeps `detail`.
    pub fn internal(detail: impl fmt::Display) -> Self {
        Self {
            detail: Some(detail.to_string()),
            ..Self::new(ErrorKind::Internal, "an internal error occurred; the server's log has the details")
        }
    }

    /// Adds what the model could do next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds what only the log keeps.
    #[must_use]
    pub fn detail(mut self, detail: impl fmt::Display) -> Self {
        self.detail = Some(detail.to_string());
        self
    }

    /// Adds machine-readable facts for the model.
    #[must_use]
    pub fn data(mut self, data: serde_json::Value) -> Self {
        self.data = Some(data);
        self
    }

    /// The JSON-RPC error this is to be answered with, where the protocol has one for it and a model could do nothing
    /// about it anyway. Every other failure is a result with `isError`.
    pub fn protocol(&self) -> Option<mcp::ErrorData> {
        let code = match self.kind {
            ErrorKind::ClientLacks => mcp::ErrorCode::MISSING_REQUIRED_CLIENT_CAPABILITY,
            ErrorKind::StateRefused => mcp::ErrorCode::INVALID_PARAMS,
            _ => return None,
        };
        Some(mcp::ErrorData::new(code, self.message.clone(), self.data.clone()))
    }

    /// The text the model reads.
    pub fn for_model(&self) -> String {
        match &self.hint {
            Some(hint) => format!("{}\nhint: {hint}", self.message),
            None => self.message.clone(),
        }
    }
}

impl fmt::Display for ToolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind.as_str(), self.message)?;
        match &self.detail {
            Some(detail) => write!(f, " ({detail})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for ToolError {}

/// An error with its causes, in one line: the text of an HTTP client alone stops at "error sending request". A cause that
/// the layer above has told already is left out.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let more = cause.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        source = cause.source();
    }
    text
}
