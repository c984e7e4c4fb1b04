//! An engine that runs containers: podman or docker, driven through its command line.
//!
//! What a machine cannot do is found out by asking the engine (`info`) and the kernel, never by knowing the machine:
//! see [`Flags`]. What went wrong is found out by asking too (is the name taken, the port, is the image there), never by
//! reading the text of a message.

mod archive;
mod cli;
mod container;
mod error;
mod find;
mod flags;
mod image;
mod inspect;
mod layout;
mod limits;
mod logs;
mod network;
mod owner;
mod run;
mod spec;

pub use error::EngineError;
pub use find::{EngineOptions, Storage};
pub use flags::Flags;
pub use inspect::{Container, Status};
pub use limits::Limits;
pub use logs::{FollowedLogs, LogLine, LogStream, Logs};
pub use network::NetworkSpec;
pub use owner::ControlDirectory;
pub use spec::{ContainerSpec, LABEL_DEPLOY, LABEL_RELEASE, Mount, Publish, Restart, User};

use cli::Cli;

/// Which engine it is. Their command lines are nearly the same; the rest of this module knows where they are not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Podman, with or without root.
    Podman,
    /// Docker: a client here, a daemon wherever `DOCKER_HOST` or the context says.
    Docker,
}

impl std::fmt::Display for Kind {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Podman => "podman",
            Self::Docker => "docker",
        })
    }
}

/// A container engine that was found and answered. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Engine {
    kind: Kind,
    version: String,
    cli: Cli,
    flags: Flags,
    limits: Limits,
    rootless: bool,
}

impl Engine {
    /// The engine of this machine: the `preferred` one (a name or a path) or none, otherwise podman, then docker.
    pub async fn find(preferred: Option<&str>) -> Result<Self, EngineError> {
        Self::find_with(EngineOptions { preferred: preferred.map(str::to_owned), storage: None }).await
    }

    /// Which engine it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The version of its program (podman) or of its daemon (docker).
    pub fn version(&self) -> &str {
        &self.version
    }

    /// What it is told beside what one asks of it, because this machine needs it.
    pub fn flags(&self) -> &Flags {
        &self.flags
    }

    /// The resource limits containers get.
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// Whether it runs without root.
    pub fn rootless(&self) -> bool {
        self.rootless
    }
}
