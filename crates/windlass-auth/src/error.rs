use std::{borrow::Cow, collections::BTreeSet, fmt, time::Duration};

use http::StatusCode;

/// Why a request has no principal, as data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuthErrorKind {
    /// No credential came.
    Missing,
    /// What came cannot be a credential: two of them, another scheme, too long, a mistyped key.
    Malformed,
    /// A credential we do not know, or whose signature does not hold.
    Unknown,
    /// It was good once.
    Expired,
    /// It will be good later (`nbf`).
    NotYetValid,
    /// A good token, meant for somebody else.
    WrongAudience,
    /// A good token without the scopes every token must have.
    InsufficientScope {
        /// The scopes to ask the issuer for.
        required: BTreeSet<String>,
    },
    /// The issuer's keys cannot be fetched, so nobody can say whether the token is good.
    IssuerUnavailable {
        /// When it is worth asking again.
        retry_after: Duration,
    },
}

/// A refusal, with its two readers kept apart: [`AuthError::description`] is for the client, [`AuthError::reason`] for
/// the log alone.
#[derive(Debug, Clone)]
pub struct AuthError {
    /// What kind of refusal.
    pub kind: AuthErrorKind,
    reason: Cow<'static, str>,
}

impl AuthError {
    pub(crate) fn new(kind: AuthErrorKind, reason: impl Into<Cow<'static, str>>) -> Self {
        Self { kind, reason: reason.into() }
    }

    pub(crate) fn malformed(reason: &'static str) -> Self {
        Self::new(AuthErrorKind::Malformed, reason)
    }

    pub(crate) fn unknown(reason: impl Into<Cow<'static, str>>) -> Self {
        Self::new(AuthErrorKind::Unknown, reason)
    }

    /// The HTTP status, as the MCP specification has it.
    pub fn status(&self) -> StatusCode {
        match self.kind {
            AuthErrorKind::InsufficientScope { .. } => StatusCode::FORBIDDEN,
            AuthErrorKind::IssuerUnavailable { .. } => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::UNAUTHORIZED,
        }
    }

    /// RFC 6750's word for it. A request that brought nothing is told none: it made no error yet.
    pub fn code(&self) -> Option<&'static str> {
        match self.kind {
            AuthErrorKind::Missing | AuthErrorKind::IssuerUnavailable { .. } => None,
            AuthErrorKind::InsufficientScope { .. } => Some("insufficient_scope"),
            _ => Some("invalid_token"),
        }
    }

    /// What the client is told. It depends on the kind alone, so it cannot say which part of a secret was right.
    pub fn description(&self) -> &'static str {
        match self.kind {
            AuthErrorKind::Missing => "authentication is required: send `Authorization: Bearer <key or token>`",
            AuthErrorKind::Malformed => "the credential is malformed: send one complete key or token as a bearer token",
            AuthErrorKind::Unknown => "the key or token is not valid",
            AuthErrorKind::Expired => "the key or token has expired",
            AuthErrorKind::NotYetValid => "the token is not valid yet",
            AuthErrorKind::WrongAudience => "the token was issued for another audience",
            AuthErrorKind::InsufficientScope { .. } => "the token lacks a required scope",
            AuthErrorKind::IssuerUnavailable { .. } => "the token's issuer cannot be reached; try again later",
        }
    }

    /// What only the log may say. Never holds the credential.
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// The value of `Retry-After`, in seconds, where trying again can help.
    pub fn retry_after(&self) -> Option<u64> {
        match self.kind {
            AuthErrorKind::IssuerUnavailable { retry_after } => Some(retry_after.as_secs().max(1)),
            _ => None,
        }
    }
}

impl fmt::Display for AuthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.description())
    }
}

impl std::error::Error for AuthError {}
