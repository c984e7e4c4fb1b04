//! A folder of documents as a refresh reads, cuts and embeds it: what it puts is taken down instead of kept.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::Context as _;
use async_trait::async_trait;
use time::OffsetDateTime;
use windlass_config::{
    ProcessEnv,
    settings::{EmbedderSettings, KnowledgeSettings, KnowledgeSourceSettings},
};
use windlass_index::{
    About, Counts, DocumentEntry, Generation, Hash, Index, IndexError, Model, NewDocument, Snapshot, Writer,
};
use windlass_knowledge::{
    Surroundings,
    embed::{self, Embedder},
    refresh::{self, refresh},
    secrets::References,
    source,
};

/// The documents of a folder, with their chunks and the vectors of those. Their order is by the hash of their path: however
/// few of the first are taken, they are from everywhere.
pub async fn read(folder: &Path, embedder: &dyn Embedder) -> anyhow::Result<Vec<NewDocument>> {
    let surroundings = surroundings(folder)?;
    let settings =
        KnowledgeSourceSettings { folder: Some(surroundings.base.clone()), ..KnowledgeSourceSettings::default() };
    let source = source::make(&settings, &surroundings)?;
    let taken = Taken::default();
    let options = refresh::Options::default();
    let report = refresh("corpus", &Recorder(taken.clone()), &[source], embedder, &options, &|_| {}).await?;
    eprintln!("{report}");
    let mut documents = std::mem::take(&mut *taken.lock().unwrap_or_else(PoisonError::into_inner));
    documents.sort_by_key(|document| Hash::of(&document.entry.path));
    Ok(documents)
}

/// The embedder that needs nothing.
pub fn hashed(folder: &Path) -> anyhow::Result<Arc<dyn Embedder>> {
    Ok(embed::make(&EmbedderSettings::default(), &surroundings(folder)?)?)
}

fn surroundings(folder: &Path) -> anyhow::Result<Surroundings> {
    let base = std::path::absolute(folder).context("the folder")?;
    Ok(Surroundings {
        cache: base.clone(),
        max_file: KnowledgeSettings::default().max_file,
        secrets: Arc::new(References::new(Arc::new(ProcessEnv), base.clone())),
        aws: None,
        base,
    })
}

type Taken = Arc<Mutex<Vec<NewDocument>>>;

/// An index that is always empty, and lays aside what is put.
struct Recorder(Taken);

#[async_trait]
impl Index for Recorder {
    async fn current(&self) -> Result<Option<Arc<dyn Snapshot>>, IndexError> {
        Ok(None)
    }

    async fn begin(&self, model: &Model) -> Result<Box<dyn Writer>, IndexError> {
        Ok(Box::new(Recording { taken: self.0.clone(), model: model.clone() }))
    }

    async fn generations(&self) -> Result<Vec<Generation>, IndexError> {
        Ok(Vec::new())
    }

    async fn rollback(&self, to: Option<u64>) -> Result<Generation, IndexError> {
        Err(IndexError::NoGeneration(to.map_or_else(String::new, |number| number.to_string())))
    }

    async fn known(&self, _: &Model, _: &[Hash]) -> Result<BTreeMap<Hash, Vec<f32>>, IndexError> {
        Ok(BTreeMap::new())
    }

    async fn remember(&self, _: &Model, _: &[(Hash, Vec<f32>)]) -> Result<(), IndexError> {
        Ok(())
    }
}

struct Recording {
    taken: Taken,
    model: Model,
}

#[async_trait]
impl Writer for Recording {
    fn base(&self) -> Option<&Generation> {
        None
    }

    async fn put(&mut self, document: NewDocument) -> Result<(), IndexError> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).push(document);
        Ok(())
    }

    async fn rename(&mut self, from: &str, _: DocumentEntry) -> Result<(), IndexError> {
        Err(IndexError::Invalid(format!("nothing is at {from}")))
    }

    async fn remove(&mut self, path: &str) -> Result<(), IndexError> {
        Err(IndexError::Invalid(format!("nothing is at {path}")))
    }

    async fn publish(self: Box<Self>, about: About) -> Result<Generation, IndexError> {
        let taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let chunks = taken.iter().map(|document| document.chunks.len() as u64).sum();
        Ok(Generation {
            number: 1,
            published: OffsetDateTime::now_utc(),
            model: self.model.clone(),
            counts: Counts { documents: taken.len() as u64, chunks },
            sources: about.sources,
            changes: about.changes,
            skipped: about.skipped,
            rolled_back_to: None,
        })
    }
}
