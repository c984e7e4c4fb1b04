//! A stack in a directory of its own, and the commands that run there.

mod check;
mod commands;
mod overrides;
mod variables;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::Write,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    time::Duration,
};

use tokio_util::sync::CancellationToken;
use url::Url;

use crate::{Error, ErrorKind, Sources, Terraform, eject::replace, run::files};

pub use check::Tested;
pub use commands::{OnEvent, Work};
pub use overrides::Backend;
pub use variables::Variables;

/// Where Terraform leaves a state it could not save, in the directory it runs in.
const ERRORED: &str = "errored.tfstate";
/// Says that a directory is ours to empty.
const MARK: &str = ".windlass-workspace";

/// A stack, written out and ready to run. Holds `source/` (written anew each time), `data/` (Terraform's own),
/// and `log/`; nobody else may read it.
#[derive(Debug, Clone)]
pub struct Workspace {
    tool: Terraform,
    directory: PathBuf,
    /// Where the program runs.
    root: PathBuf,
    environment: BTreeMap<String, String>,
    declared: BTreeSet<String>,
    cancel: CancellationToken,
    grace: Duration,
    lock_timeout: Duration,
}

impl Workspace {
    /// Writes `sources` (a [`Stack`](crate::Stack) does) to `directory`. With `endpoint`, or where `AWS_ENDPOINT_URL` is
    /// set, provider and backend are made to speak to something that is not AWS itself.
    pub fn prepare(
        tool: &Terraform,
        sources: impl Into<Sources>,
        directory: &Path,
        backend: &Backend,
        endpoint: Option<&Url>,
    ) -> Result<Self, Error> {
        let sources = sources.into();
        let directory = std::path::absolute(directory).map_err(|error| files(directory, &error))?;
        let source = directory.join("source");
        rescue(&source.join(&sources.root).join(ERRORED), &directory.join(ERRORED))?;
        clear(&directory, &source)?;
        for folder in ["log", "data"].map(|name| directory.join(name)) {
            private_folder(&folder)?;
        }
        let root = source.join(&sources.root);
        for (path, content) in &sources.files {
            write(&source.join(path), content)?;
        }
        let mut environment = tool.environment.clone();
        environment.insert("TF_DATA_DIR".into(), directory.join("data").to_string_lossy().into_owned());
        if let Some(endpoint) = endpoint {
            environment.insert("AWS_ENDPOINT_URL".into(), endpoint.as_str().trim_end_matches('/').into());
        }
        let endpoint = environment.get("AWS_ENDPOINT_URL").and_then(|endpoint| endpoint.parse::<Url>().ok());
        let backend = overrides::backend(backend, tool, endpoint.as_ref());
        write(&root.join("backend_override.tf.json"), backend.to_string().as_bytes())?;
        if endpoint.is_some() {
            write(&root.join("provider_override.tf.json"), overrides::provider(&sources).to_string().as_bytes())?;
        }
        Ok(Self {
            tool: tool.clone(),
            declared: variables::declared(&sources),
            directory,
            root,
            environment,
            cancel: CancellationToken::new(),
            grace: Duration::from_secs(120),
            lock_timeout: Duration::from_secs(20),
        })
    }

    /// Interrupts what runs when `token` is cancelled.
    #[must_use]
    pub fn cancelled_by(self, token: CancellationToken) -> Self {
        Self { cancel: token, ..self }
    }

    /// How long an interrupted run may take to save its state before it is killed; two minutes otherwise.
    #[must_use]
    pub fn with_grace(self, grace: Duration) -> Self {
        Self { grace, ..self }
    }

    /// How long a run waits for another's lock; twenty seconds otherwise.
    #[must_use]
    pub fn with_lock_timeout(self, lock_timeout: Duration) -> Self {
        Self { lock_timeout, ..self }
    }

    /// Where the root module is.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where the output of each command is kept.
    pub fn logs(&self) -> PathBuf {
        self.directory.join("log")
    }
}

/// A state that could not be saved is all that knows what was made: it is kept until the next `init` has saved it.
fn rescue(left: &Path, kept: &Path) -> Result<(), Error> {
    match fs::rename(left, kept) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(files(left, &error)),
        _ => Ok(()),
    }
}

/// Removes what an earlier run wrote, and nothing somebody else put there.
fn clear(directory: &Path, source: &Path) -> Result<(), Error> {
    private_folder(directory)?;
    let mark = directory.join(MARK);
    if !mark.exists() {
        let foreign = fs::read_dir(directory).map_err(|error| files(directory, &error))?.next().is_some();
        if foreign {
            let problem = "is neither empty nor a working directory of windlass".into();
            return Err(ErrorKind::Files { path: directory.into(), problem }.into());
        }
        write(&mark, b"")?;
    }
    match fs::remove_dir_all(source) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(files(source, &error)),
        _ => Ok(()),
    }
}

fn private_folder(path: &Path) -> Result<(), Error> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(|error| files(path, &error))
}

fn write(path: &Path, content: &[u8]) -> Result<(), Error> {
    replace(path, content).map_err(|error| files(path, &error))
}

/// A file only its owner reads, from the moment it exists.
fn write_private(path: &Path, content: &[u8]) -> Result<(), Error> {
    _ = fs::remove_file(path);
    let mut options = fs::OpenOptions::new();
    let file = options.create_new(true).write(true).mode(0o600).open(path);
    file.and_then(|mut file| file.write_all(content)).map_err(|error| files(path, &error))
}
