//! Vectors of chunks: those the index knows, and new ones for the rest.

use std::{
    collections::BTreeMap,
    future::ready,
    sync::atomic::{AtomicBool, Ordering},
};

use futures::{StreamExt, stream};
use windlass_index::{Hash, Index, Model};

use super::RefreshError;
use crate::embed::{EmbedError, Embedder};

/// Requests to the embedder at a time.
const REQUESTS: usize = 4;

/// Where vectors come from.
pub(super) struct Vectors<'a> {
    index: &'a dyn Index,
    embedder: &'a dyn Embedder,
    model: Model,
    made: u64,
}

impl<'a> Vectors<'a> {
    pub fn new(index: &'a dyn Index, embedder: &'a dyn Embedder, model: Model) -> Self {
        Self { index, embedder, model, made: 0 }
    }

    /// How many had to be made.
    pub fn made(&self) -> u64 {
        self.made
    }

    /// The vectors of these texts, by their hashes. What is made is remembered at once.
    pub async fn of(
        &mut self,
        texts: impl Iterator<Item = (Hash, &str)>,
    ) -> Result<BTreeMap<Hash, Vec<f32>>, RefreshError> {
        let mut texts: BTreeMap<Hash, &str> = texts.collect();
        if texts.is_empty() {
            return Ok(BTreeMap::new());
        }
        let hashes: Vec<Hash> = texts.keys().copied().collect();
        let mut vectors = self.index.known(&self.model, &hashes).await?;
        texts.retain(|hash, _| !vectors.contains_key(hash));
        let missing: Vec<(Hash, String)> = texts.into_iter().map(|(hash, text)| (hash, text.to_owned())).collect();
        self.made += missing.len() as u64;
        let batches: Vec<Vec<_>> = missing.chunks(self.embedder.batch().max(1)).map(<[_]>::to_vec).collect();
        let (this, failed) = (&*self, AtomicBool::new(false));
        // After a failure nothing more is asked for, but what was is waited for: it will have been paid for.
        let wanted = stream::iter(batches).take_while(|_| ready(!failed.load(Ordering::Relaxed)));
        let mut made = wanted.map(|batch| this.make(batch)).buffer_unordered(REQUESTS);
        let mut first = Ok(());
        while let Some(batch) = made.next().await {
            match batch {
                Ok(batch) => vectors.extend(batch),
                Err(error) => {
                    failed.store(true, Ordering::Relaxed);
                    first = first.and(Err(error));
                }
            }
        }
        first.map(|()| vectors)
    }

    async fn make(&self, batch: Vec<(Hash, String)>) -> Result<Vec<(Hash, Vec<f32>)>, RefreshError> {
        let (hashes, texts): (Vec<Hash>, Vec<String>) = batch.into_iter().unzip();
        let vectors = self.embedder.documents(&texts).await?;
        let dimensions = self.model.dimensions;
        let fits = |vector: &Vec<f32>| vector.len() == dimensions && vector.iter().all(|number| number.is_finite());
        if vectors.len() != hashes.len() || !vectors.iter().all(fits) {
            let what =
                format!("{} did not answer with {} vectors of {dimensions} numbers", self.model.name, hashes.len());
            return Err(EmbedError::Wrong(what).into());
        }
        let made: Vec<_> = hashes.into_iter().zip(vectors).collect();
        self.index.remember(&self.model, &made).await?;
        Ok(made)
    }
}
