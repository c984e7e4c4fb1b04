use std::fmt;

/// What kind of failure it was; the text is for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Wrong settings or words on the command line.
    Usage,
    /// Somebody else is at it.
    Locked,
    /// A receipt is missing, of other inputs, or was changed by somebody.
    Receipt,
    /// Something needed is not there: an engine, a network, Terraform.
    Missing,
    /// Credentials are missing, expired or of another account.
    Credentials,
    /// The release did not keep its promises.
    NotProven,
    /// The work itself failed.
    Failed,
}

/// Why a deploy stopped: what was wrong, what to do next, and what was found on the way.
#[derive(Debug, Clone)]
pub struct DeployError {
    /// The kind.
    pub kind: Kind,
    /// What was wrong.
    pub message: String,
    /// What to do next.
    pub hint: Option<String>,
    /// What an engineer wants to see: the end of a log, the answer of a service.
    pub detail: Option<String>,
}

impl DeployError {
    /// A failure without advice yet.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hint: None, detail: None }
    }

    /// What to do next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// What was found. Blank text is nothing.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into()).filter(|detail| !detail.trim().is_empty());
        self
    }

    /// A file or directory that could not be used.
    pub(crate) fn file(what: &str, path: &std::path::Path, error: &std::io::Error) -> Self {
        Self::new(Kind::Failed, format!("{what} {}: {error}", path.display()))
            .hint("see who owns it, and whether the disk is full or read-only")
    }
}

impl fmt::Display for DeployError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        self.detail.as_ref().map_or(Ok(()), |detail| write!(f, "\n{detail}"))
    }
}

impl std::error::Error for DeployError {}
