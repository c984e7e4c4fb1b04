//! One generation, opened: its files are mapped, and stay readable whatever is deleted.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use async_trait::async_trait;
use tantivy::{DocAddress, directory::OwnedBytes};
use tokio::sync::OnceCell;

use super::{
    allowed::Allowed,
    best::Best,
    contents::{self, Contents},
    directory::{self, Files},
    lexical,
    manifest::Manifest,
    nearest,
    objects::{Object, Objects, blocking},
    rows::Rows,
    segments::Segments,
    vectors::Vectors,
    verify::{self, Verified},
};
use crate::{ChunkId, DocumentEntry, Filter, Generation, Hash, Hit, IndexError, Snapshot, StoredChunk, StoredDocument};

/// The file of [`Contents`].
pub const CONTENTS: &str = "contents";

/// The names of the two files beside a segment.
pub fn beside(segment: &str) -> (String, String) {
    (format!("{segment}.rows"), format!("{segment}.vec"))
}

/// A generation in files.
#[derive(Clone)]
pub struct FileSnapshot(Arc<Inner>);

struct Inner {
    manifest: Arc<Manifest>,
    objects: Arc<dyn Objects>,
    verified: Arc<Verified>,
    segments: Segments,
    rows: Vec<Rows>,
    /// Fetched when the first vector is asked for.
    vectors: OnceCell<Vec<Vectors>>,
    packed_contents: OwnedBytes,
    contents: OnceLock<Arc<Contents>>,
    /// What the last filter let through: words and vectors are asked with the same one.
    allowed: Mutex<Option<(Filter, Arc<Allowed>)>>,
}

/// What is mapped at once.
type Opened = (Segments, Vec<Rows>, OwnedBytes);

impl FileSnapshot {
    /// Fetches what there is but the vectors, and opens it.
    pub async fn open(
        manifest: Arc<Manifest>,
        objects: Arc<dyn Objects>,
        verified: Arc<Verified>,
    ) -> Result<Self, IndexError> {
        if objects.is_copy() {
            // Copies that were changed are gone from the cache by now, and are fetched again.
            verified.forget(&manifest);
        }
        let now = manifest.files.iter().filter(|file| !is_large(file));
        fetch(&*objects, now).await?;
        let opened = blocking({
            let (manifest, objects) = (manifest.clone(), objects.clone());
            move || Self::opened(&manifest, &*objects)
        });
        let (segments, rows, packed_contents) = match opened.await {
            Ok(opened) => opened,
            Err(error) => return Err(blame(manifest, objects, verified, error).await),
        };
        let this = Self(Arc::new(Inner {
            manifest: manifest.clone(),
            objects,
            verified,
            segments,
            rows,
            vectors: OnceCell::new(),
            packed_contents,
            contents: OnceLock::new(),
            allowed: Mutex::default(),
        }));
        // Where they are here already they are opened at once: then they stay, whatever is deleted.
        let here = manifest.files.iter().filter(|file| is_large(file));
        if here.into_iter().all(|file| this.0.objects.directory().join(file.key()).exists()) {
            this.vectors().await?;
        }
        this.0.verified.watch(&this.0.manifest, &*this.0.objects);
        Ok(this)
    }

    fn opened(manifest: &Manifest, objects: &dyn Objects) -> Result<Opened, IndexError> {
        let objects = objects.directory();
        let no_files = manifest.files.is_empty();
        if no_files || !objects.exists() {
            return Err(IndexError::Damaged(format!("generation {} has no files", manifest.generation.number)));
        }
        for file in &manifest.files {
            if !is_large(file) {
                directory::map(objects, file)?;
            }
        }
        let segments = Segments::open(Files::of(manifest, objects)?)?;
        let rows = segments.names().into_iter().map(|segment| {
            let file = manifest.file(&beside(&segment).0)?;
            Rows::open(directory::map(objects, file)?).ok_or_else(|| file.damaged("is no file of rows"))
        });
        let rows = rows.collect::<Result<_, _>>()?;
        Ok((segments, rows, directory::map(objects, manifest.file(CONTENTS)?)?))
    }

    /// What it was published as.
    pub fn manifest(&self) -> &Arc<Manifest> {
        &self.0.manifest
    }

    /// The text index.
    pub fn segments(&self) -> &Segments {
        &self.0.segments
    }

    /// The rows of each segment.
    pub fn rows(&self) -> &[Rows] {
        &self.0.rows
    }

    /// The vectors of each segment.
    pub async fn vectors(&self) -> Result<&[Vectors], IndexError> {
        let opening = || async {
            let manifest = &self.0.manifest;
            fetch(&*self.0.objects, manifest.files.iter().filter(|file| is_large(file))).await?;
            self.blocking(Inner::open_vectors).await
        };
        Ok(self.0.vectors.get_or_try_init(opening).await?)
    }

    /// The rows of this many numbers for each chunk that is there and has one of these hashes.
    pub async fn known(&self, hashes: &[Hash]) -> Result<BTreeMap<Hash, Vec<f32>>, IndexError> {
        let find = |hash: &Hash| {
            self.0.rows.iter().enumerate().find_map(|(segment, rows)| Some((*hash, segment, rows.find(hash)?)))
        };
        let found: Vec<_> = hashes.iter().filter_map(find).collect();
        if found.is_empty() {
            return Ok(BTreeMap::new());
        }
        let vectors = self.vectors().await?;
        Ok(found.into_iter().map(|(hash, segment, row)| (hash, vectors[segment].numbers(row))).collect())
    }

    /// Every document's stamp and content.
    pub fn all_contents(&self) -> Result<Arc<Contents>, IndexError> {
        self.0.contents()
    }

    /// Does this on a thread that may wait for the disk.
    async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner) -> Result<T, IndexError> + Send + 'static,
    ) -> Result<T, IndexError> {
        self.0.verified.check(&self.0.manifest)?;
        self.blocking(work).await
    }

    /// The same, whatever is known of the files.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner) -> Result<T, IndexError> + Send + 'static,
    ) -> Result<T, IndexError> {
        let inner = self.0.clone();
        match blocking(move || work(&inner)).await {
            Err(error @ IndexError::Damaged(_)) => {
                let Inner { manifest, objects, verified, .. } = &*self.0;
                Err(blame(manifest.clone(), objects.clone(), verified.clone(), error).await)
            }
            done => done,
        }
    }
}

/// Which file it was that could not be read.
async fn blame(
    manifest: Arc<Manifest>,
    objects: Arc<dyn Objects>,
    verified: Arc<Verified>,
    error: IndexError,
) -> IndexError {
    let found = blocking(move || {
        let changed = manifest.files.iter().filter(|file| verify::is_changed(file, objects.directory()));
        let changed: Vec<_> = changed.collect();
        for copy in changed.iter().filter(|_| objects.is_copy()) {
            // It is fetched again by whoever opens the generation next; who has it open does so too, now that it is known.
            verified.is_changed(copy);
            let _ = std::fs::remove_file(objects.directory().join(copy.key()));
        }
        Ok(changed.first().map(|file| file.damaged("has another content")))
    });
    found.await.ok().flatten().unwrap_or(error)
}

/// Whether it is fetched only when it is needed.
fn is_large(file: &Object) -> bool {
    file.name.ends_with(".vec")
}

/// Several at a time: of a bucket, each takes its round trip.
pub async fn fetch<'a>(objects: &dyn Objects, files: impl IntoIterator<Item = &'a Object>) -> Result<(), IndexError> {
    use futures::{StreamExt, TryStreamExt};
    let all = files.into_iter().map(|file| objects.fetch(file)).collect::<Vec<_>>();
    futures::stream::iter(all).buffer_unordered(16).try_collect().await
}

impl Inner {
    fn open_vectors(&self) -> Result<Vec<Vectors>, IndexError> {
        let model = &self.manifest.generation.model;
        let open = |(segment, rows): (&String, &Rows)| {
            let file = self.manifest.file(&beside(segment).1)?;
            let vectors = Vectors::open(directory::map(self.objects.directory(), file)?);
            let fits = |vectors: &Vectors| (vectors.count(), vectors.dimensions()) == (rows.count(), model.dimensions);
            vectors.filter(fits).ok_or_else(|| file.damaged("does not have the vectors of its segment"))
        };
        self.segments.names().iter().zip(&self.rows).map(open).collect()
    }

    fn contents(&self) -> Result<Arc<Contents>, IndexError> {
        if let Some(contents) = self.contents.get() {
            return Ok(contents.clone());
        }
        let file = self.manifest.file(CONTENTS)?;
        file.check(&self.packed_contents)?;
        let contents =
            contents::unpack(&self.packed_contents).ok_or_else(|| file.damaged("is no list of documents"))?;
        Ok(self.contents.get_or_init(|| Arc::new(contents)).clone())
    }

    fn allowed(&self, filter: &Filter) -> Result<Arc<Allowed>, IndexError> {
        let last = || self.allowed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, allowed)) = last().as_ref().filter(|(known, _)| known == filter) {
            return Ok(allowed.clone());
        }
        let segments = self.segments.searcher.segment_readers();
        let allowed = Arc::new(Allowed::of(filter, &self.segments.fields, segments)?);
        *last() = Some((filter.clone(), allowed.clone()));
        Ok(allowed)
    }

    fn hits(&self, best: Best) -> Vec<Hit> {
        let hit = |(score, (segment, doc))| Hit { chunk: ChunkId(u64::from(segment) << 32 | u64::from(doc)), score };
        best.finish(&self.segments).into_iter().map(hit).collect()
    }

    fn chunks(&self, ids: &[ChunkId]) -> Result<Vec<StoredChunk>, IndexError> {
        let mut documents = BTreeMap::<DocAddress, DocumentEntry>::new();
        let chunk = |&id: &ChunkId| {
            let (segment, doc) = ((id.0 >> 32) as u32, id.0 as u32);
            let none = || IndexError::Invalid(format!("there is no chunk {}", id.0));
            if !self.segments.is_chunk((segment, doc)) {
                return Err(none());
            }
            let rows = &self.rows[segment as usize];
            let hash = rows.hash(rows.of(doc).ok_or_else(none)?);
            let document = match documents.entry(self.segments.document_of((segment, doc))?) {
                Entry::Occupied(document) => document.get().clone(),
                Entry::Vacant(new) => {
                    let document = self.segments.document_at(*new.key())?;
                    new.insert(document).clone()
                }
            };
            let kept = self.segments.chunk(DocAddress::new(segment, doc))?;
            Ok(StoredChunk {
                id,
                hash,
                document,
                breadcrumb: kept.breadcrumb,
                first_line: kept.first_line,
                last_line: kept.last_line,
                text: kept.text,
            })
        };
        ids.iter().map(chunk).collect()
    }
}

#[async_trait]
impl Snapshot for FileSnapshot {
    fn generation(&self) -> &Generation {
        &self.0.manifest.generation
    }

    async fn lexical(&self, words: &str, filter: &Filter, limit: usize) -> Result<Vec<Hit>, IndexError> {
        let (words, filter) = (words.to_owned(), filter.clone());
        self.read(move |inner| {
            let allowed = inner.allowed(&filter)?;
            let chunks = inner.rows.iter().map(|rows| rows.count() as u64).sum();
            let segments = &inner.segments;
            let best = lexical::search(&segments.searcher, (&segments.fields, chunks), &words, &allowed, limit)?;
            Ok(inner.hits(best))
        })
        .await
    }

    async fn nearest(&self, vector: &[f32], filter: &Filter, limit: usize) -> Result<Vec<Hit>, IndexError> {
        let query = nearest::direction(&self.0.manifest.generation.model, vector)?;
        self.vectors().await?;
        let filter = filter.clone();
        self.read(move |inner| {
            let allowed = inner.allowed(&filter)?;
            let vectors = inner.vectors.get().map_or(&[][..], |vectors| vectors);
            let both: Vec<_> = inner.rows.iter().zip(vectors).collect();
            Ok(inner.hits(nearest::scan(&inner.segments.searcher, &both, &query, &allowed, limit)))
        })
        .await
    }

    async fn chunks(&self, ids: &[ChunkId]) -> Result<Vec<StoredChunk>, IndexError> {
        let ids = ids.to_owned();
        self.read(move |inner| inner.chunks(&ids)).await
    }

    async fn document(&self, path: &str) -> Result<Option<StoredDocument>, IndexError> {
        let path = path.to_owned();
        self.read(move |inner| {
            let Some(entry) = inner.segments.document(&path)? else { return Ok(None) };
            let missing = || IndexError::Damaged(format!("{path} has no text"));
            let text = inner.segments.text(&path)?.ok_or_else(missing)?;
            Ok(Some(StoredDocument { entry, text }))
        })
        .await
    }

    async fn documents(
        &self,
        filter: &Filter,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<DocumentEntry>, IndexError> {
        let (filter, after) = (filter.clone(), after.map(str::to_owned));
        self.read(move |inner| {
            let allowed = inner.allowed(&filter)?;
            inner.segments.page(&allowed, after.as_deref(), limit)
        })
        .await
    }

    async fn contents(&self) -> Result<BTreeMap<String, (String, Hash)>, IndexError> {
        self.read(|inner| Ok((*inner.contents()?).clone())).await
    }
}
