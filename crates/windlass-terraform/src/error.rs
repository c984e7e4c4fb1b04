//! What can go wrong, by kind, and what to do about each.

mod classify;
pub(crate) mod diagnostic;
mod hint;

use std::{fmt, path::PathBuf};

pub use diagnostic::Diagnostic;

pub(crate) use classify::classify;

/// A run that failed: its kind, and what Terraform said.
#[derive(Debug)]
pub struct Error(Box<Inner>);

#[derive(Debug)]
struct Inner {
    kind: ErrorKind,
    diagnostics: Vec<Diagnostic>,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, diagnostics: Vec<Diagnostic>) -> Self {
        Self(Box::new(Inner { kind, diagnostics }))
    }

    /// What callers branch on.
    pub fn kind(&self) -> &ErrorKind {
        &self.0.kind
    }

    /// What to do next.
    pub fn hint(&self) -> String {
        hint::hint(&self.0.kind)
    }

    /// Every error that Terraform reported, the first being the one this error is about.
    pub fn diagnostics(&self) -> &[Diagnostic] {
        &self.0.diagnostics
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.kind.fmt(f)
    }
}

impl std::error::Error for Error {}

impl From<ErrorKind> for Error {
    fn from(kind: ErrorKind) -> Self {
        Self::new(kind, Vec::new())
    }
}

/// The kinds of failure that have a next step of their own.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ErrorKind {
    /// There is no Terraform.
    #[error("{}", match .named {
        Some(named) => format!("WINDLASS_TERRAFORM names {named}, which is not there or cannot be run"),
        None => "neither terraform nor tofu is on PATH".into(),
    })]
    NotInstalled {
        /// What `WINDLASS_TERRAFORM` says, if it says anything.
        named: Option<String>,
    },
    /// What is there does not run.
    #[error("{} does not work: {problem}", program.display())]
    Broken {
        /// Where it is.
        program: PathBuf,
        /// What happened.
        problem: String,
    },
    /// It is older than what is needed.
    #[error("{} is {found}, and {needed} or newer is needed", program.display())]
    TooOld {
        /// Where it is.
        program: PathBuf,
        /// Its release.
        found: String,
        /// The oldest that would do.
        needed: String,
    },
    /// The AWS provider is neither on this machine nor to be had from the registry.
    #[error("the provider cannot be installed: {problem}")]
    ProviderUnavailable {
        /// What Terraform says.
        problem: String,
    },
    /// No AWS credentials were found.
    #[error("there are no AWS credentials")]
    NoCredentials,
    /// AWS does not know the credentials, or their signature is wrong.
    #[error("AWS does not accept the credentials ({code})")]
    CredentialsRejected {
        /// AWS's code.
        code: String,
    },
    /// They were good once.
    #[error("the AWS credentials have expired")]
    ExpiredToken,
    /// The credentials are good, and may not do this.
    #[error("AWS denies {}", action.as_deref().unwrap_or("what the stack needs"))]
    AccessDenied {
        /// Such as `ec2:CreateVpc`, if AWS said.
        action: Option<String>,
    },
    /// There is no such region, it is not enabled, or the thing is in another one.
    #[error("the region is wrong: {problem}")]
    WrongRegion {
        /// What was said.
        problem: String,
    },
    /// The account may not have more of these.
    #[error("a quota of the account is used up ({code}): {problem}")]
    QuotaExceeded {
        /// AWS's code.
        code: String,
        /// What was said.
        problem: String,
    },
    /// AWS has none of the instances at the moment.
    #[error("AWS has no capacity ({code}): {problem}")]
    NoCapacity {
        /// AWS's code.
        code: String,
        /// What was said.
        problem: String,
    },
    /// Something of this name exists and is not in the state.
    #[error("the name is taken ({code}){}: {problem}", address.as_ref().map(|at| format!(", for {at}")).unwrap_or_default())]
    NameTaken {
        /// AWS's code.
        code: String,
        /// The resource that wanted it.
        address: Option<String>,
        /// What was said.
        problem: String,
    },
    /// AWS cannot be reached.
    #[error("AWS cannot be reached: {problem}")]
    Unreachable {
        /// What was said.
        problem: String,
    },
    /// Somebody else works on the same state.
    #[error("the state is locked{}", who.as_ref().map(|who| format!(" by {who}")).unwrap_or_default())]
    StateLocked {
        /// User and host, if known.
        who: Option<String>,
        /// What [`Workspace::unlock`](crate::Workspace::unlock) takes.
        id: Option<String>,
        /// Since when, if known.
        since: Option<String>,
    },
    /// A variable, or the configuration itself.
    #[error("{}{problem}", variable.as_ref().map(|name| format!("variable {name}: ")).unwrap_or_default())]
    Invalid {
        /// The variable it is about.
        variable: Option<String>,
        /// What is wrong.
        problem: String,
    },
    /// The run was cancelled. What was done until then is in the state.
    #[error("cancelled{}", if *killed { "; it did not end by itself and was killed, so its last changes may be missing from the state" } else { "" })]
    Cancelled {
        /// It did not stop when asked.
        killed: bool,
    },
    /// The working directory cannot be read or written.
    #[error("{}: {problem}", path.display())]
    Files {
        /// The file or directory.
        path: PathBuf,
        /// What the system says.
        problem: String,
    },
    /// Everything else, in Terraform's words.
    #[error("{problem}")]
    Other {
        /// The first lines of what was said.
        problem: String,
    },
}
