//! A refresh: what changed in the sources becomes the next generation of the index.
//!
//! Sources are opened first, all of them: one that is not there ends the refresh, so that its documents do not look
//! deleted. A file whose stamp is that of the index is not read, one whose content is has no chunk made again, and one
//! whose content came from a path that is gone has moved. What is left is read, cut and put, a few files at a time.
//! Vectors are asked for only where the index knows none for the very text. Everything is published at once, or nothing
//! is.

mod build;
mod error;
mod plan;
mod prepare;
mod report;
mod vectors;

use std::{sync::Arc, time::Instant};

use tokio_util::sync::CancellationToken;
use windlass_index::{Index, IndexError};

use crate::{embed::Embedder, source::Source};
pub use error::RefreshError;
pub use report::{Failed, Report};

use build::Built;

/// Changes that a generation remembers, earlier ones included.
const CHANGES: usize = 300;

/// How to refresh.
#[derive(Debug, Clone)]
pub struct Options {
    /// Generations to keep, the new one included.
    pub keep: usize,
    /// Percent of the documents that may be lost.
    pub max_shrink: u8,
    /// Publish however many documents are lost, and also none at all.
    pub force: bool,
    /// Read and put every document, also where nothing says that it changed: after settings or readers did.
    pub all: bool,
    /// Fires when it shall end. What is being published then still is.
    pub cancel: CancellationToken,
}

impl Default for Options {
    fn default() -> Self {
        Self { keep: 5, max_shrink: 50, force: false, all: false, cancel: CancellationToken::new() }
    }
}

/// What a refresh is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Looking what there is in its sources.
    Looking,
    /// Reading what changed.
    Reading,
    /// Making it current.
    Publishing,
}

/// How far a refresh is: sources that were looked at, or documents that were read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// In what.
    pub phase: Phase,
    /// So many are done.
    pub done: u64,
    /// Of so many.
    pub total: u64,
}

/// Takes [`Progress`].
pub type Watch<'a> = &'a (dyn Fn(Progress) + Send + Sync);

/// Brings the index of `collection` up to date with its sources. Dropped anywhere before it publishes, it leaves the
/// index as it was.
pub async fn refresh(
    collection: &str,
    index: &dyn Index,
    sources: &[Arc<dyn Source>],
    embedder: &dyn Embedder,
    options: &Options,
    watch: Watch<'_>,
) -> Result<Report, RefreshError> {
    let began = Instant::now();
    let built = tokio::select! {
        biased;
        () = options.cancel.cancelled() => return Err(RefreshError::Cancelled),
        built = build::build(collection, index, sources, embedder, options, watch) => built?,
    };
    let Built { next, mut report } = built;
    if let Some((writer, about)) = next {
        watch(Progress { phase: Phase::Publishing, done: 0, total: 1 });
        let published = writer.publish(about).await.map_err(RefreshError::from)?;
        watch(Progress { phase: Phase::Publishing, done: 1, total: 1 });
        report.documents = published.counts.documents;
        report.published = Some(published.number);
    }
    report.took = began.elapsed();
    Ok(report)
}

impl From<IndexError> for RefreshError {
    fn from(error: IndexError) -> Self {
        match error {
            IndexError::Overtaken(by) => Self::Overtaken(by),
            other => Self::Index(other),
        }
    }
}
