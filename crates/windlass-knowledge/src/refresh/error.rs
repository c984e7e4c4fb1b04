//! Why a refresh published nothing.

use windlass_index::IndexError;

use crate::{embed::EmbedError, source::SourceError};

/// Why a refresh published nothing. The index is what it was.
#[derive(Debug, thiserror::Error)]
pub enum RefreshError {
    /// A source cannot be read as a whole.
    #[error("{name}: {error}")]
    Source {
        /// Which.
        name: String,
        /// Why.
        error: SourceError,
    },
    /// Two files have one path.
    #[error("`{path}` is in {first} and in {second}: give one of them a `prefix`")]
    Duplicate {
        /// The path.
        path: String,
        /// The source that has it.
        first: String,
        /// The other one.
        second: String,
    },
    /// There are no vectors to be had.
    #[error("no vectors: {0}")]
    Embedder(#[from] EmbedError),
    /// The index cannot be read or written.
    #[error("{0}")]
    Index(IndexError),
    /// Another refresh was faster.
    #[error("another refresh published generation {0} meanwhile; this one published nothing")]
    Overtaken(u64),
    /// Too much is gone at once to be believed.
    #[error(
        "only {after} of {before} documents would be left, which is more than {most} % lost; nothing was published. If that \
         is meant, force it"
    )]
    Shrinks {
        /// Documents in the index.
        before: u64,
        /// Documents there would be, at most.
        after: u64,
        /// Percent that may be lost.
        most: u8,
    },
    /// There is nothing to be found in the first generation.
    #[error("no documents were found{}; nothing was published. If that is meant, force it", told(.skipped))]
    NoDocuments {
        /// What was passed over, in words.
        skipped: String,
    },
    /// A file could not be worked on for a reason of ours.
    #[error("{0}")]
    Internal(String),
    /// It was told to end.
    #[error("the refresh was cancelled; nothing was published")]
    Cancelled,
}

fn told(skipped: &str) -> String {
    if skipped.is_empty() { String::new() } else { format!(" (passed over: {skipped})") }
}
