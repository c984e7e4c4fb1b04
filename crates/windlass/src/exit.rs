//! How a command ends: an exit code, and for a failure what was wrong and what to do.

use std::process::ExitCode;

/// How a command ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// It did what was asked.
    Done,
    /// It ran, and the answer is no.
    Failed,
    /// Wrong usage or configuration.
    Usage,
    /// The server wants a credential.
    Unauthenticated,
    /// The server cannot be reached.
    Unreachable,
    /// A budget is used up.
    Budget,
    /// Somebody pressed Ctrl-C.
    Interrupted,
}

impl Exit {
    /// The exit code a client error or a report stands for.
    pub fn of_code(code: u8) -> Self {
        match code {
            0 => Self::Done,
            2 => Self::Usage,
            3 => Self::Unauthenticated,
            4 => Self::Unreachable,
            _ => Self::Failed,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Done => 0,
            Exit::Failed => 1,
            Exit::Usage => 2,
            Exit::Unauthenticated => 3,
            Exit::Unreachable => 4,
            Exit::Budget => 5,
            Exit::Interrupted => 130,
        })
    }
}

/// A failure with its exit code and, where there is one, what to do about it.
#[derive(Debug)]
pub struct Failure {
    /// The exit code it stands for.
    pub exit: Exit,
    error: anyhow::Error,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Failure {
    pub fn usage(error: impl Into<anyhow::Error>) -> Self {
        Self { exit: Exit::Usage, error: error.into(), hint: None }
    }

    pub fn with(exit: Exit, error: impl Into<anyhow::Error>) -> Self {
        Self { exit, error: error.into(), hint: None }
    }

    /// A failure to talk to another server.
    pub fn client(error: windlass_client::ClientError) -> Self {
        let hint = Some(error.hint().to_owned()).filter(|hint| !hint.is_empty());
        Self { exit: Exit::of_code(error.exit_code()), error: error.into(), hint }
    }

    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:#}", self.error)
    }
}

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self { exit: Exit::Failed, error: error.into(), hint: None }
    }
}
