//! A large file from S3 or the web, by its sum.
//!
//! It is written to `PATH.part`, and `PATH.part.json` remembers of which object that is a part, so whoever comes next goes
//! on where the last one stopped: after a broken connection, an interrupt, a crash. Only what has the right sum gets the
//! name `PATH`. `PATH.lock` is held meanwhile: of two who want the same, one fetches.

mod error;
mod fill;
mod lock;
mod part;
mod s3;
mod source;
mod web;

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use aws_config::SdkConfig;
use tokio::time::sleep;
use windlass_config::{ObjectUrl, Sha256Sum};

pub use error::{PullError, PullProblem};

use lock::Lock;
use part::Part;
use source::{Failure, Source};

/// How often is looked whether another process is done.
const LOOK: Duration = Duration::from_millis(250);

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Bytes that are there.
    pub done: u64,
    /// Bytes of the whole; 0 as long as nobody knows.
    pub total: u64,
    /// Whether another process fetches, and this one waits for it.
    pub waiting: bool,
}

/// Hears how far it is.
pub type Told<'a> = &'a (dyn Fn(Progress) + Send + Sync);

/// A file that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pulled {
    /// Where.
    pub path: PathBuf,
    /// Its bytes.
    pub bytes: u64,
    /// Whether this call brought it; else it was there already.
    pub fetched: bool,
}

/// A file that can be fetched.
#[derive(Debug, Clone)]
pub struct Object {
    url: ObjectUrl,
    config: Option<SdkConfig>,
}

impl Object {
    /// What `url` names. Region and credentials are those of the environment.
    pub fn new(url: ObjectUrl) -> Self {
        Self { url, config: None }
    }

    /// With another configuration of the SDK.
    #[must_use]
    pub fn with_config(mut self, config: SdkConfig) -> Self {
        self.config = Some(config);
        self
    }

    /// The sum of the whole object that S3 computed itself when it was uploaded.
    ///
    /// # Errors
    /// [`PullProblem::NoSum`] where there is none: nobody else's word counts.
    pub async fn verified_sum(&self) -> Result<Sha256Sum, PullError> {
        let sum = match self.source().await {
            Ok(source) => source.sum().await.map_err(Failure::last),
            Err(problem) => Err(problem),
        };
        sum.and_then(|sum| sum.ok_or(PullProblem::NoSum)).map_err(|problem| self.error(problem))
    }

    /// Brings the object to `to`, unless a file with this sum is there; another one is replaced when the new one is whole.
    ///
    /// Dropped before its end, it leaves what it has so far for the next.
    pub async fn pull(&self, sum: Sha256Sum, to: &Path, told: Told<'_>) -> Result<Pulled, PullError> {
        self.bring(sum, to, told).await.map_err(|problem| self.error(problem))
    }

    async fn bring(&self, sum: Sha256Sum, to: &Path, told: Told<'_>) -> Result<Pulled, PullProblem> {
        let there = |bytes: u64, fetched| Pulled { path: to.to_owned(), bytes, fetched };
        if let Some(bytes) = found(to, sum).await? {
            return Ok(there(bytes, false));
        }
        if let Some(directory) = to.parent() {
            let made = tokio::fs::create_dir_all(directory).await;
            made.map_err(PullProblem::io(format!("making {}", directory.display())))?;
        }
        let lock = lock(to, told).await?;
        // Whoever held it before may have brought it.
        if let Some(bytes) = found(to, sum).await? {
            return Ok(there(bytes, false));
        }
        let (path, url) = (to.to_owned(), self.url.to_string());
        let part = blocking(move || Part::open(&path, &url, lock)).await?;
        let part = Arc::new(Mutex::new(part));
        let source = self.source().await?;
        loop {
            self.fill(&source, &part, told).await?;
            let (is_right, bytes) = within(&part, move |part| Ok((part.sum() == sum, part.length()))).await?;
            if is_right {
                within(&part, Part::put_in_place).await?;
                return Ok(there(bytes, true));
            }
            // What an earlier process left may have been damaged since: then all of it anew, once.
            let (inherited, found) = within(&part, |part| Ok((part.is_inherited(), part.sum()))).await?;
            within(&part, Part::clear).await?;
            if !inherited {
                return Err(PullProblem::WrongSum { wanted: sum, found });
            }
        }
    }

    async fn source(&self) -> Result<Source, PullProblem> {
        Source::of(&self.url, self.config.as_ref()).await
    }

    fn error(&self, problem: PullProblem) -> PullError {
        PullError { url: self.url.to_string(), problem }
    }
}

/// A write that was begun ends, and the lock is held until then, also where whoever waits for it is gone.
type Shared = Arc<Mutex<Part>>;

async fn within<T: Send + 'static>(
    part: &Shared,
    work: impl FnOnce(&mut Part) -> Result<T, PullProblem> + Send + 'static,
) -> Result<T, PullProblem> {
    let part = part.clone();
    blocking(move || work(&mut part.lock().unwrap_or_else(PoisonError::into_inner))).await
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, PullProblem> + Send + 'static,
) -> Result<T, PullProblem> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(PullProblem::Failed(error.to_string())))
}

/// The length of the file at `path`, where it has this sum.
async fn found(path: &Path, sum: Sha256Sum) -> Result<Option<u64>, PullProblem> {
    let path = path.to_owned();
    blocking(move || part::length_with(&path, sum)).await
}

async fn lock(to: &Path, told: Told<'_>) -> Result<Lock, PullProblem> {
    loop {
        let path = to.to_owned();
        if let Some(lock) = blocking(move || Lock::take(&path)).await? {
            return Ok(lock);
        }
        let path = to.to_owned();
        let (done, total) = blocking(move || Ok(part::how_far(&path))).await?;
        told(Progress { done, total, waiting: true });
        sleep(LOOK).await;
    }
}
