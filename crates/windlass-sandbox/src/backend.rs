//! What isolates a sandbox, whatever it is.

use std::{collections::BTreeMap, io, path::PathBuf};

use async_trait::async_trait;
use serde::Serialize;
use windlass_guest::client::{ClientError, GuestClient};

pub use windlass_guest::home::{HOME, USER};

/// How far code is from the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Isolation {
    /// In namespaces of the machine's own kernel.
    SharedKernel,
    /// On a kernel of its own.
    Vm,
}

impl Isolation {
    /// As it is written in settings and answers.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SharedKernel => "shared_kernel",
            Self::Vm => "vm",
        }
    }
}

/// What a sandbox is to have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spec {
    /// Bytes of memory.
    pub memory: u64,
    /// Processors.
    pub vcpus: u32,
    /// Bytes of files.
    pub disk: u64,
    /// Processes and threads.
    pub processes: u64,
}

/// What a backend is.
#[derive(Debug, Clone, Serialize)]
pub struct About {
    /// Its name in the settings.
    pub name: &'static str,
    /// How far code is from the machine.
    pub isolation: Isolation,
    /// Which protections hold here, or do not: for people.
    pub protections: BTreeMap<&'static str, String>,
}

/// Makes sandboxes.
#[async_trait]
pub trait Backend: Send + Sync + 'static {
    /// What it is.
    fn about(&self) -> &About;

    /// Makes a sandbox called `id`, with a guest that answers. What fails leaves nothing.
    async fn create(&self, id: &str, spec: &Spec) -> Result<Box<dyn Machine>, BackendError>;
}

/// One sandbox of a backend. Dropped, it is taken away as far as that goes without waiting.
#[async_trait]
pub trait Machine: Send + Sync {
    /// The guest inside.
    fn guest(&self) -> &GuestClient;

    /// Where the proxy to what it may reach listens, on its own loopback; `None` where it may reach nothing.
    fn proxy(&self) -> Option<u16> {
        None
    }

    /// From now on it is the sandbox `id` of `principal`.
    fn given_to(&self, _id: &str, _principal: &str) {}

    /// Stores the sandbox as it is now. It goes on after a moment.
    async fn store(&self) -> Result<Box<dyn Stored>, BackendError> {
        Err(BackendError::Unable)
    }

    /// Takes the sandbox away, with everything in it.
    async fn destroy(self: Box<Self>);
}

/// A sandbox as it once was. What it holds goes when it is dropped.
#[async_trait]
pub trait Stored: Send + Sync {
    /// Makes a sandbox `id` that goes on from there. What ran in it for somebody ends.
    async fn wake(&self, id: &str) -> Result<Box<dyn Machine>, BackendError>;

    /// Bytes that it takes.
    fn bytes(&self) -> u64;
}

/// Why a sandbox was not made.
#[derive(Debug, thiserror::Error)]
pub enum BackendError {
    /// Something this machine lacks.
    #[error("{what}: {hint}")]
    Missing {
        /// What it lacks.
        what: String,
        /// What to do about it.
        hint: String,
    },
    /// The system refused something.
    #[error("{doing}")]
    Io {
        /// What was being done.
        doing: String,
        /// What it said.
        source: io::Error,
    },
    /// Something that virtual machines need is on its way.
    #[error("the root file system of sandboxes is being fetched: {0}")]
    Coming(String),
    /// The backend does not know how.
    #[error("sandboxes of this backend cannot be stored")]
    Unable,
    /// The sandbox ended before its guest answered.
    #[error("the sandbox did not start: {0}")]
    Ended(String),
    /// Its guest did not answer well.
    #[error("the guest of a new sandbox did not answer")]
    Guest(#[from] ClientError),
}

impl BackendError {
    pub(crate) fn io(doing: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { doing: doing.into(), source }
    }
}

/// A program on PATH.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file())
}
