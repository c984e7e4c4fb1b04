//! An index of files: text in tantivy's segments, vectors beside them, in a folder or a bucket.
//!
//! Every file is an object that never changes. A manifest names the files of one generation, and the one object that does
//! change, the head, names the manifests that are kept. To publish is to write new objects and then to swap the head, if
//! nobody else did meanwhile: killed before that, a refresh leaves what there was; after it, what it made.

mod allowed;
mod best;
mod bucket;
mod build;
mod codes;
mod contents;
mod directory;
mod folder;
mod lexical;
mod manifest;
mod nearest;
mod objects;
mod pending;
mod publish;
mod rows;
mod schema;
mod segments;
mod snapshot;
mod spool;
mod tokens;
mod vectors;
mod verify;
mod writer;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::{Arc, Mutex as PlainMutex, PoisonError},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use futures::{StreamExt, TryStreamExt};
use time::OffsetDateTime;
use tokio::sync::Mutex;

pub(crate) use self::schema::{analyser, query_analyser};
pub use self::{
    bucket::Bucket,
    folder::Folder,
    objects::{Listed, Object, Objects, Version},
};
use self::{
    manifest::{Head, Kept, Manifest},
    objects::{blocking, fetching_again, unreachable},
    pending::Pending,
    publish::{TRANSFERS, keys, writer_number},
    snapshot::{FileSnapshot, fetch},
    verify::Verified,
    writer::FileWriter,
};
use crate::{Generation, Hash, Index, IndexError, Model, Snapshot, Writer};

/// A collection in files.
#[derive(Clone)]
pub struct FileIndex {
    shared: Arc<Shared>,
}

struct Shared {
    objects: Arc<dyn Objects>,
    /// How long the head is believed to be what it was.
    recheck: Duration,
    seen: PlainMutex<Option<(Instant, Version, Head)>>,
    /// The generation that was current when it was last asked for.
    opened: Mutex<Option<FileSnapshot>>,
    manifests: PlainMutex<BTreeMap<String, Arc<Manifest>>>,
    verified: Arc<Verified>,
    pending: Pending,
}

impl FileIndex {
    /// In a folder of this machine. It need not be there yet, and where nothing is written it may be read-only.
    pub fn folder(path: &Path) -> Result<Self, IndexError> {
        Ok(Self::over(Arc::new(Folder::new(path)?)))
    }

    /// In a bucket, under this prefix. `cache` is a directory of this machine, for this collection alone; it holds what was
    /// read of the generations that are kept. Processes may share it.
    pub fn bucket(
        client: aws_sdk_s3::Client,
        bucket: impl Into<String>,
        prefix: impl Into<String>,
        cache: &Path,
    ) -> Result<Self, IndexError> {
        Ok(Self::over(Arc::new(Bucket::new(client, bucket.into(), prefix.into(), cache)?)))
    }

    /// In any place that can do what is asked of [`Objects`].
    pub fn over(objects: Arc<dyn Objects>) -> Self {
        Self::with(objects, Duration::ZERO)
    }

    fn with(objects: Arc<dyn Objects>, recheck: Duration) -> Self {
        let shared = Shared {
            objects,
            recheck,
            seen: PlainMutex::default(),
            opened: Mutex::default(),
            manifests: PlainMutex::default(),
            verified: Arc::default(),
            pending: Pending::default(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Looks for a newer generation only so often: each look at a bucket takes a round trip. Who refreshes always looks.
    pub fn recheck_after(self, recheck: Duration) -> Self {
        Self::with(self.shared.objects.clone(), recheck)
    }

    /// Reads every file of the current generation, and fails where one is not what was written.
    pub async fn verify(&self) -> Result<(), IndexError> {
        let Some(snapshot) = self.shared.current(Duration::ZERO).await? else { return Ok(()) };
        snapshot.vectors().await?;
        let shared = self.shared.clone();
        shared.verified.watch(snapshot.manifest(), &*shared.objects);
        blocking(move || {
            shared.verified.wait();
            shared.verified.check(snapshot.manifest())
        })
        .await
    }
}

impl Shared {
    /// What the head is, asked again after this time.
    async fn head(&self, recheck: Duration) -> Result<Option<(Version, Head)>, IndexError> {
        let seen = || self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, version, head)) = &*seen()
            && at.elapsed() < recheck
        {
            return Ok(Some((version.clone(), head.clone())));
        }
        let Some(version) = self.objects.head().await? else { return Ok(None) };
        let head = Head::parse(&version.bytes)?;
        *seen() = Some((Instant::now(), version.clone(), head.clone()));
        Ok(Some((version, head)))
    }

    /// The current generation, opened.
    async fn current(self: &Arc<Self>, recheck: Duration) -> Result<Option<FileSnapshot>, IndexError> {
        let head = self.head(recheck).await?;
        self.open(head.as_ref()).await
    }

    async fn open(self: &Arc<Self>, head: Option<&(Version, Head)>) -> Result<Option<FileSnapshot>, IndexError> {
        let Some((version, head)) = head else { return Ok(None) };
        let mut opened = self.opened.lock().await;
        let mut head = head.clone();
        let mut read = version.clone();
        loop {
            let Some(kept) = head.kept.first().cloned() else { return Ok(None) };
            if let Some(snapshot) = opened.as_ref().filter(|known| known.manifest().generation.number == kept.number)
                && (!self.objects.is_copy() || self.verified.check(snapshot.manifest()).is_ok())
            {
                return Ok(Some(snapshot.clone()));
            }
            match self.open_kept(&kept).await {
                Ok(snapshot) => {
                    *opened = Some(snapshot.clone());
                    if self.objects.is_copy() {
                        tokio::spawn(self.clone().trim(head));
                    }
                    return Ok(Some(snapshot));
                }
                Err(error) => {
                    // Who reads slowly may find that what the head led to was replaced and deleted meanwhile.
                    match self.head(Duration::ZERO).await? {
                        Some((version, newer)) if version != read => (read, head) = (version, newer),
                        _ => return Err(error),
                    }
                }
            }
        }
    }

    /// Takes out of the cache what no kept generation has.
    async fn trim(self: Arc<Self>, head: Head) {
        let trimmed = async {
            let manifests = self.manifests(&head).await?;
            self.objects.trim(&keys(&head, &manifests).collect()).await
        };
        if let Err(error) = trimmed.await {
            tracing::debug!(%error, "the cache of an index is not trimmed");
        }
    }

    async fn open_kept(&self, kept: &Kept) -> Result<FileSnapshot, IndexError> {
        let manifest = self.manifest(kept).await?;
        let open = || FileSnapshot::open(manifest.clone(), self.objects.clone(), self.verified.clone());
        fetching_again(&*self.objects, open).await
    }

    async fn manifest(&self, kept: &Kept) -> Result<Arc<Manifest>, IndexError> {
        let known = || self.manifests.lock().unwrap_or_else(PoisonError::into_inner);
        let object = &kept.manifest;
        if let Some(manifest) = known().get(&object.key()) {
            return Ok(manifest.clone());
        }
        let manifest = fetching_again(&*self.objects, || self.read_manifest(object)).await?;
        known().insert(object.key(), manifest.clone());
        Ok(manifest)
    }

    async fn read_manifest(&self, object: &Object) -> Result<Arc<Manifest>, IndexError> {
        self.objects.fetch(object).await?;
        let (file, objects) = (object.clone(), self.objects.clone());
        blocking(move || {
            let bytes = directory::map(objects.directory(), &file)?;
            let checked = file.check(&bytes);
            if checked.is_err() && objects.is_copy() {
                // It is fetched again by whoever needs it next.
                let _ = std::fs::remove_file(objects.directory().join(file.key()));
            }
            checked?;
            Manifest::parse(&bytes).map(Arc::new)
        })
        .await
    }

    async fn manifests(&self, head: &Head) -> Result<Vec<Arc<Manifest>>, IndexError> {
        let each = head.kept.iter().map(|kept| self.manifest(kept)).collect::<Vec<_>>();
        futures::stream::iter(each).buffered(TRANSFERS).try_collect().await
    }
}

#[async_trait]
impl Index for FileIndex {
    async fn current(&self) -> Result<Option<Arc<dyn Snapshot>>, IndexError> {
        let current = self.shared.current(self.shared.recheck).await?;
        Ok(current.map(|snapshot| Arc::new(snapshot) as Arc<dyn Snapshot>))
    }

    async fn begin(&self, model: &Model) -> Result<Box<dyn Writer>, IndexError> {
        let read = self.shared.head(Duration::ZERO).await?;
        let current = self.shared.open(read.as_ref()).await?;
        let base = current.filter(|base| base.manifest().generation.model == *model);
        Ok(Box::new(FileWriter::begin(self.shared.clone(), model, read, base).await?))
    }

    async fn generations(&self) -> Result<Vec<Generation>, IndexError> {
        let Some((_, head)) = self.shared.head(Duration::ZERO).await? else { return Ok(Vec::new()) };
        let manifests = self.shared.manifests(&head).await?;
        Ok(manifests.iter().map(|manifest| manifest.generation.clone()).collect())
    }

    async fn rollback(&self, to: Option<u64>) -> Result<Generation, IndexError> {
        let none = || IndexError::NoGeneration(to.map_or_else(|| "before".to_owned(), |number| number.to_string()));
        let read = self.shared.head(Duration::ZERO).await?.ok_or_else(none)?;
        let head = &read.1;
        let target = match to {
            Some(number) => head.kept.iter().find(|kept| kept.number == number),
            None => head.kept.get(1),
        };
        let target = self.shared.manifest(target.ok_or_else(none)?).await?;
        // What is brought back has to be there.
        fetch(&*self.shared.objects, &target.files).await?;
        let generation = Generation {
            number: head.number() + 1,
            published: OffsetDateTime::now_utc(),
            rolled_back_to: Some(target.generation.number),
            ..target.generation.clone()
        };
        let manifest = Manifest::new(generation, target.text.clone(), target.files.clone());
        let work = self.shared.objects.work().to_owned();
        let work = blocking(move || {
            let made = std::fs::create_dir_all(&work).and_then(|()| tempfile::tempdir_in(&work));
            made.map_err(unreachable(work.display()))
        });
        let work = work.await?;
        self.shared.make_current(Some(&read), manifest, writer_number(), work.path(), head.keep).await
    }

    async fn known(&self, model: &Model, chunks: &[Hash]) -> Result<BTreeMap<Hash, Vec<f32>>, IndexError> {
        let mut known = BTreeMap::new();
        if chunks.is_empty() {
            return Ok(known);
        }
        if let Some(snapshot) = self.shared.current(Duration::ZERO).await?
            && snapshot.manifest().generation.model == *model
        {
            known = snapshot.known(chunks).await?;
        }
        let missing: BTreeSet<_> = chunks.iter().filter(|hash| !known.contains_key(hash)).collect();
        if !missing.is_empty() {
            for kept in self.shared.pending.all(&self.shared.objects, model).await? {
                known.extend(missing.iter().filter_map(|&hash| Some((*hash, kept.get(hash)?.clone()))));
            }
        }
        Ok(known)
    }

    async fn remember(&self, model: &Model, vectors: &[(Hash, Vec<f32>)]) -> Result<(), IndexError> {
        if let Some((_, wrong)) = vectors.iter().find(|(_, vector)| vector.len() != model.dimensions) {
            return Err(nearest::other_model(model, wrong.len()));
        }
        if vectors.is_empty() {
            return Ok(());
        }
        self.shared.pending.keep(&self.shared.objects, model, writer_number(), vectors).await
    }
}
