//! Where the chunks of a collection are kept, and how they are found.
//!
//! An [`Index`] holds one collection as a row of generations, one of which is current. Who searches takes a [`Snapshot`] and
//! keeps it for as long as it likes; who refreshes takes a [`Writer`], which starts from the current generation and
//! publishes the next one whole or not at all. There are two of them with one contract: [`embedded`] keeps immutable files in a folder or
//! a bucket, [`postgres`] tables of PostgreSQL with pgvector.

#![forbid(unsafe_code)]

pub mod embedded;

mod error;
mod filter;
mod model;

pub mod postgres;

pub use error::IndexError;
pub use filter::Filter;
pub use model::{
    Change, ChangeKind, ChunkId, Counts, DocumentEntry, Generation, Hash, Hit, Model, NewChunk, NewDocument,
    StoredChunk, StoredDocument,
};

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;

/// One collection, kept.
#[async_trait]
pub trait Index: Send + Sync {
    /// What there is to search now; `None` before the first refresh.
    async fn current(&self) -> Result<Option<Arc<dyn Snapshot>>, IndexError>;

    /// Begins the next generation from the current one. One whose vectors were made by another model is not built upon:
    /// the writer then starts with nothing, and the caller puts every document.
    async fn begin(&self, model: &Model) -> Result<Box<dyn Writer>, IndexError>;

    /// The generations that are kept, the newest first.
    async fn generations(&self) -> Result<Vec<Generation>, IndexError>;

    /// Makes a kept generation the current one: the one of this number, or that before the current. It is published under a
    /// new number, so that numbers only grow.
    async fn rollback(&self, to: Option<u64>) -> Result<Generation, IndexError>;

    /// The vectors that this model is known to have made of these chunks, in the current generation or by [`Index::remember`].
    async fn known(&self, model: &Model, chunks: &[Hash]) -> Result<BTreeMap<Hash, Vec<f32>>, IndexError>;

    /// Keeps vectors that are not published yet, so that a refresh that is killed pays for them once. Publishing makes room.
    async fn remember(&self, model: &Model, vectors: &[(Hash, Vec<f32>)]) -> Result<(), IndexError>;
}

/// One generation, as it was published, for as long as it is held.
#[async_trait]
pub trait Snapshot: Send + Sync {
    /// Which.
    fn generation(&self) -> &Generation;

    /// The chunks that match these words best, by BM25 over text and headings. Whatever the words are, it is a query.
    async fn lexical(&self, words: &str, filter: &Filter, limit: usize) -> Result<Vec<Hit>, IndexError>;

    /// The chunks nearest to this vector, by cosine. Exact.
    async fn nearest(&self, vector: &[f32], filter: &Filter, limit: usize) -> Result<Vec<Hit>, IndexError>;

    /// These chunks, in this order.
    async fn chunks(&self, ids: &[ChunkId]) -> Result<Vec<StoredChunk>, IndexError>;

    /// One document with its text.
    async fn document(&self, path: &str) -> Result<Option<StoredDocument>, IndexError>;

    /// The documents the filter lets through, by path, after this one.
    async fn documents(
        &self,
        filter: &Filter,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<DocumentEntry>, IndexError>;

    /// Every document's stamp and content, by path: what a refresh compares with its sources.
    async fn contents(&self) -> Result<BTreeMap<String, (String, Hash)>, IndexError>;
}

/// The next generation, while it is made. Dropped, it leaves nothing.
#[async_trait]
pub trait Writer: Send {
    /// What it builds upon; `None` where it starts with nothing.
    fn base(&self) -> Option<&Generation>;

    /// Adds a document, in place of the one of that path.
    async fn put(&mut self, document: NewDocument) -> Result<(), IndexError>;

    /// The document that stands at `from` is at `to` now, its content unchanged.
    async fn rename(&mut self, from: &str, to: DocumentEntry) -> Result<(), IndexError>;

    /// Takes a document out.
    async fn remove(&mut self, path: &str) -> Result<(), IndexError>;

    /// Makes it current, unless another one became so meanwhile ([`IndexError::Overtaken`]).
    async fn publish(self: Box<Self>, about: About) -> Result<Generation, IndexError>;
}

/// What a refresh says of the generation it publishes.
#[derive(Debug, Clone, Default)]
pub struct About {
    /// What each source was at, by its name: a commit, for example.
    pub sources: BTreeMap<String, String>,
    /// What changed in it, the last first.
    pub changes: Vec<Change>,
    /// How many documents were passed over, by why.
    pub skipped: BTreeMap<String, u64>,
    /// How many generations to keep, this one included.
    pub keep: usize,
}
