/// Why a command could not do its work. The message says what was wrong, the hint what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The caller asked for something that makes no sense.
    #[error("{message}")]
    Usage {
        /// What was wrong.
        message: String,
        /// What to do.
        hint: String,
    },
    /// The server wants a token, or a better one.
    #[error("{message}")]
    Auth {
        /// What was wrong.
        message: String,
        /// What to do.
        hint: String,
    },
    /// There is no MCP server where one should be.
    #[error("{message}")]
    Unreachable {
        /// What was wrong.
        message: String,
        /// What to do.
        hint: String,
    },
    /// The server answered, with an error of the protocol.
    #[error("{message}")]
    Refused {
        /// What was wrong.
        message: String,
        /// What to do.
        hint: String,
    },
}

impl ClientError {
    pub(crate) fn usage(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Usage { message: message.into(), hint: hint.into() }
    }

    pub(crate) fn unreachable(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Unreachable { message: message.into(), hint: hint.into() }
    }

    /// What to do about it; empty when there is nothing useful to say.
    pub fn hint(&self) -> &str {
        match self {
            Self::Usage { hint, .. }
            | Self::Auth { hint, .. }
            | Self::Unreachable { hint, .. }
            | Self::Refused { hint, .. } => hint,
        }
    }

    /// The process exit code that stands for this error: 1 refused, 2 usage, 3 auth, 4 unreachable.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Refused { .. } => 1,
            Self::Usage { .. } => 2,
            Self::Auth { .. } => 3,
            Self::Unreachable { .. } => 4,
        }
    }
}
