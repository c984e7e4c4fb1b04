use std::{net::SocketAddr, path::PathBuf, time::Duration};

use super::Kind;

/// Why an engine did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// There is none, or not the one that was asked for.
    #[error("no container engine was found: {looked}")]
    NotInstalled {
        /// What was looked for, and what came of it.
        looked: String,
    },
    /// Its program is there, but what does the work is not.
    #[error("{engine} is installed but does not answer: {detail}")]
    NotRunning {
        /// Which engine.
        engine: Kind,
        /// What it said.
        detail: String,
    },
    /// Another container has the name.
    #[error("the name `{name}` belongs to another container ({id})")]
    NameTaken {
        /// The name that was asked for.
        name: String,
        /// Whose it is.
        id: String,
    },
    /// Something listens on the port already.
    #[error("{address} is in use, so nothing can be published there")]
    PortTaken {
        /// The address that was asked for.
        address: SocketAddr,
    },
    /// The engine does not have the image, and nothing here pulls one unasked.
    #[error("the engine has no image `{image}`")]
    ImageMissing {
        /// The reference that was asked for.
        image: String,
    },
    /// There is no such container (any more).
    #[error("there is no container `{name}`")]
    NoSuchContainer {
        /// The name or id that was asked for.
        name: String,
    },
    /// What was asked for cannot be asked of an engine.
    #[error("a container cannot be made of that: {0}")]
    InvalidSpec(String),
    /// An image layout on disk does not hold what it promises.
    #[error("the image in {} cannot be used: {problem}", path.display())]
    Layout {
        /// Its directory.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// The engine's program failed, for a reason it alone knows.
    #[error("`{command}` failed{}: {stderr}", status.map(|code| format!(" ({code})")).unwrap_or_default())]
    Failed {
        /// The command line; it never holds a secret.
        command: String,
        /// Its exit code, unless a signal ended it.
        status: Option<i32>,
        /// The end of what it said.
        stderr: String,
    },
    /// The engine's program did not come back.
    #[error("`{command}` did not end within {} s", after.as_secs())]
    TimedOut {
        /// The command line.
        command: String,
        /// How long was waited.
        after: Duration,
    },
    /// The engine's answer was not what this version of Windlass can read.
    #[error("the answer of `{command}` cannot be read: {problem}")]
    Unreadable {
        /// The command line.
        command: String,
        /// Where it fails.
        problem: String,
    },
    /// The machine refused something on the way.
    #[error("{what}: {source}")]
    Io {
        /// What was tried.
        what: String,
        /// What the system said.
        source: std::io::Error,
    },
}

impl EngineError {
    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::NotInstalled { .. } => {
                "install podman (`apt-get install podman`, `dnf install podman`) or docker; on a machine without \
                 either, the systemd target runs the same binary"
                    .into()
            }
            Self::NotRunning { engine: Kind::Docker, .. } => {
                "start the daemon (`systemctl start docker`), or let your user reach it (group `docker`, or \
                 `DOCKER_HOST`)"
                    .into()
            }
            Self::NotRunning { .. } => {
                "run `podman info` and repair what it names, or install docker and ask for that".into()
            }
            Self::NameTaken { name, .. } => {
                format!("choose another name, or remove that container if it is yours: `rm --force {name}`")
            }
            Self::PortTaken { address } => {
                format!(
                    "free the port (`ss -ltnp 'sport = :{}'` says who has it) or choose another one",
                    address.port()
                )
            }
            Self::ImageMissing { .. } => "build it, or pull it from the registry it was pushed to".into(),
            Self::NoSuchContainer { .. } => "list the containers: it may have been removed by hand".into(),
            Self::InvalidSpec(_) => "change what the message names".into(),
            Self::Layout { .. } => "build the image again; if it came from elsewhere, fetch it again".into(),
            Self::Failed { command, .. } => format!("run it by hand to see more: {command}"),
            Self::TimedOut { .. } => {
                "see whether the engine is stuck (`podman ps`, `docker ps`); a busy disk can do that".into()
            }
            Self::Unreadable { .. } => {
                "the engine may be newer or older than this release knows: podman 4.3 and docker 20.10 or newer work"
                    .into()
            }
            Self::Io { .. } => "see that the disk has room and that this user may write there".into(),
        }
    }

    pub(super) fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }
}
