//! Where documents come from.

mod folder;
mod git;
mod make;
mod place;
mod s3;

use std::collections::BTreeMap;

use async_trait::async_trait;
use time::Date;
use tokio_util::sync::CancellationToken;

pub use make::make;

/// A place that documents come from.
#[async_trait]
pub trait Source: Send + Sync {
    /// What it is called where it is reported: `folder docs`, `git https://example.com/handbook.git`.
    fn name(&self) -> &str;

    /// Looks at it: what there is, all of one moment as far as the place can say so.
    async fn open(&self) -> Result<Box<dyn Opened>, SourceError>;
}

/// A source at one moment.
#[async_trait]
pub trait Opened: Send + Sync {
    /// What moment that is: a commit. Empty where the place knows none.
    fn at(&self) -> &str;

    /// Its files, by path.
    fn files(&self) -> &[File];

    /// How many files were passed over, by why; what is not a known format is named by its extension.
    fn skipped(&self) -> &BTreeMap<String, u64>;

    /// The bytes of one file.
    async fn read(&self, file: &File) -> Result<Vec<u8>, SourceError>;
}

/// A file of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its path in the collection: with the source's prefix, and with `/`.
    pub path: String,
    /// What changes when it changes: an object's id, an ETag, or its time, size and number.
    pub stamp: String,
    /// Bytes.
    pub bytes: u64,
    /// The day it was last changed, where the place says so.
    pub date: Option<Date>,
    /// Where a person finds it.
    pub link: Option<String>,
}

/// Why a source cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// It is not there (any more).
    #[error("{0} is not there")]
    Gone(String),
    /// It refuses us.
    #[error("{0}")]
    Refused(String),
    /// It does not answer, or not as it should.
    #[error("{0}")]
    Unreachable(String),
    /// One file is not what it was when it was listed, or cannot be read. Costs that file.
    #[error("{0}")]
    File(String),
}

/// Runs what would hold up everybody else where such things run. It is told to stop when nobody waits for it any more.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce(&CancellationToken) -> Result<T, SourceError> + Send + 'static,
) -> Result<T, SourceError> {
    let stop = CancellationToken::new();
    let _stops = stop.clone().drop_guard();
    let done = tokio::task::spawn_blocking(move || work(&stop)).await;
    done.unwrap_or_else(|error| Err(SourceError::Unreachable(format!("reading it failed: {error}"))))
}

/// What ends work that nobody waits for.
fn stopped(name: &str) -> SourceError {
    SourceError::Unreachable(format!("reading {name} was stopped"))
}

/// Whether a file is a document that can be read.
fn known(path: &str, head: &[u8]) -> bool {
    windlass_documents::format(path, head).is_some()
}
