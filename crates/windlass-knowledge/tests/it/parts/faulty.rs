//! An index that fails at one step.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use async_trait::async_trait;
use windlass_index::{
    About, ChunkId, DocumentEntry, Filter, Generation, Hash, Hit, Index, IndexError, Model, NewDocument, Snapshot,
    StoredChunk, StoredDocument, Writer,
};

/// Passes everything on, but fails at the step it is told to.
#[derive(Clone)]
pub struct Faulty {
    inner: Arc<dyn Index>,
    steps: Arc<Steps>,
}

struct Steps {
    left: AtomicUsize,
    failed: Mutex<Vec<&'static str>>,
}

impl Steps {
    fn take(&self, step: &'static str) -> Result<(), IndexError> {
        let before = self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        match before {
            Ok(_) => Ok(()),
            Err(_) => {
                self.failed.lock().unwrap().push(step);
                Err(IndexError::Unreachable(format!("{step} fails")))
            }
        }
    }
}

impl Faulty {
    pub fn new(inner: Arc<dyn Index>) -> Self {
        let steps = Steps { left: AtomicUsize::new(usize::MAX), failed: Mutex::default() };
        Self { inner, steps: Arc::new(steps) }
    }

    /// From here on so many steps succeed, and none after them.
    pub fn fail_after(&self, steps: usize) {
        self.steps.left.store(steps, Ordering::SeqCst);
    }

    /// The steps that failed, each once.
    pub fn failed(&self) -> Vec<&'static str> {
        let mut failed = self.steps.failed.lock().unwrap().clone();
        failed.sort_unstable();
        failed.dedup();
        failed
    }
}

#[async_trait]
impl Index for Faulty {
    async fn current(&self) -> Result<Option<Arc<dyn Snapshot>>, IndexError> {
        self.steps.take("current")?;
        let current = self.inner.current().await?;
        let steps = self.steps.clone();
        Ok(current.map(|inner| Arc::new(FaultySnapshot { inner, steps }) as Arc<dyn Snapshot>))
    }

    async fn begin(&self, model: &Model) -> Result<Box<dyn Writer>, IndexError> {
        self.steps.take("begin")?;
        Ok(Box::new(FaultyWriter { inner: self.inner.begin(model).await?, steps: self.steps.clone() }))
    }

    async fn generations(&self) -> Result<Vec<Generation>, IndexError> {
        self.inner.generations().await
    }

    async fn rollback(&self, to: Option<u64>) -> Result<Generation, IndexError> {
        self.inner.rollback(to).await
    }

    async fn known(&self, model: &Model, chunks: &[Hash]) -> Result<BTreeMap<Hash, Vec<f32>>, IndexError> {
        self.steps.take("known")?;
        self.inner.known(model, chunks).await
    }

    async fn remember(&self, model: &Model, vectors: &[(Hash, Vec<f32>)]) -> Result<(), IndexError> {
        self.steps.take("remember")?;
        self.inner.remember(model, vectors).await
    }
}

struct FaultySnapshot {
    inner: Arc<dyn Snapshot>,
    steps: Arc<Steps>,
}

#[async_trait]
impl Snapshot for FaultySnapshot {
    fn generation(&self) -> &Generation {
        self.inner.generation()
    }

    async fn lexical(&self, words: &str, filter: &Filter, limit: usize) -> Result<Vec<Hit>, IndexError> {
        self.steps.take("lexical")?;
        self.inner.lexical(words, filter, limit).await
    }

    async fn nearest(&self, vector: &[f32], filter: &Filter, limit: usize) -> Result<Vec<Hit>, IndexError> {
        self.steps.take("nearest")?;
        self.inner.nearest(vector, filter, limit).await
    }

    async fn chunks(&self, ids: &[ChunkId]) -> Result<Vec<StoredChunk>, IndexError> {
        self.steps.take("chunks")?;
        self.inner.chunks(ids).await
    }

    async fn document(&self, path: &str) -> Result<Option<StoredDocument>, IndexError> {
        self.steps.take("document")?;
        self.inner.document(path).await
    }

    async fn documents(
        &self,
        filter: &Filter,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<DocumentEntry>, IndexError> {
        self.steps.take("documents")?;
        self.inner.documents(filter, after, limit).await
    }

    async fn contents(&self) -> Result<BTreeMap<String, (String, Hash)>, IndexError> {
        self.steps.take("contents")?;
        self.inner.contents().await
    }
}

struct FaultyWriter {
    inner: Box<dyn Writer>,
    steps: Arc<Steps>,
}

#[async_trait]
impl Writer for FaultyWriter {
    fn base(&self) -> Option<&Generation> {
        self.inner.base()
    }

    async fn put(&mut self, document: NewDocument) -> Result<(), IndexError> {
        self.steps.take("put")?;
        self.inner.put(document).await
    }

    async fn rename(&mut self, from: &str, to: DocumentEntry) -> Result<(), IndexError> {
        self.steps.take("rename")?;
        self.inner.rename(from, to).await
    }

    async fn remove(&mut self, path: &str) -> Result<(), IndexError> {
        self.steps.take("remove")?;
        self.inner.remove(path).await
    }

    async fn publish(self: Box<Self>, about: About) -> Result<Generation, IndexError> {
        self.steps.take("publish")?;
        self.inner.publish(about).await
    }
}
