//! What the tests of refresh, search and tools start from: a source that a test fills, an embedder that counts, an index that
//! fails where it is told to.

mod faulty;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
};

use async_trait::async_trait;
use tokio::sync::Semaphore;
use windlass_config::settings::EmbedderSettings;
use windlass_index::{ChangeKind, Filter, Hash, Index, Model, embedded::FileIndex};
use windlass_knowledge::{
    embed::{self, EmbedError, Embedder},
    refresh::{self, Options, RefreshError, Report},
    source::{File, Opened, Source, SourceError},
};

use crate::bench::Bench;
pub use faulty::Faulty;

/// A source whose files the test sets.
#[derive(Clone)]
pub struct Shelf {
    name: String,
    inner: Arc<Mutex<Inner>>,
}

#[derive(Default)]
struct Inner {
    files: BTreeMap<String, (String, Arc<Vec<u8>>)>,
    stamps: u64,
    at: String,
    link: Option<String>,
    gone: bool,
    lost: bool,
    unreadable: BTreeSet<String>,
    skipped: BTreeMap<String, u64>,
    reads: Vec<String>,
}

impl Shelf {
    pub fn new(name: &str) -> Self {
        Self { name: name.to_owned(), inner: Arc::default() }
    }

    fn with<T>(&self, work: impl FnOnce(&mut Inner) -> T) -> T {
        work(&mut self.inner.lock().unwrap())
    }

    /// Puts a file there, with a stamp of its own.
    pub fn write(&self, path: &str, content: impl AsRef<[u8]>) -> &Self {
        self.with(|inner| {
            inner.stamps += 1;
            let stamp = inner.stamps.to_string();
            inner.files.insert(path.to_owned(), (stamp, Arc::new(content.as_ref().to_vec())));
        });
        self
    }

    /// Gives a file another stamp.
    pub fn touch(&self, path: &str) {
        let content = self.with(|inner| inner.files[path].1.clone());
        self.write(path, content.as_slice());
    }

    pub fn remove(&self, path: &str) {
        self.with(|inner| inner.files.remove(path)).unwrap();
    }

    pub fn rename(&self, from: &str, to: &str) {
        let content = self.with(|inner| inner.files.remove(from)).unwrap().1;
        self.write(to, content.as_slice());
    }

    pub fn clear(&self) {
        self.with(|inner| inner.files.clear());
    }

    /// What it says it is at, and where its files are found.
    pub fn at(&self, at: &str, link: &str) -> &Self {
        self.with(|inner| (inner.at, inner.link) = (at.to_owned(), Some(link.to_owned())));
        self
    }

    /// Whether it is not there.
    pub fn set_gone(&self, gone: bool) {
        self.with(|inner| inner.gone = gone);
    }

    /// Whether it goes away between being looked at and being read.
    pub fn set_lost(&self, lost: bool) {
        self.with(|inner| inner.lost = lost);
    }

    /// Lets a file be another one when it is read than when it was listed.
    pub fn half_written(&self, path: &str, is_so: bool) {
        self.with(|inner| {
            if is_so {
                inner.unreadable.insert(path.to_owned())
            } else {
                inner.unreadable.remove(path)
            };
        });
    }

    pub fn skip(&self, why: &str, count: u64) {
        self.with(|inner| inner.skipped.insert(why.to_owned(), count));
    }

    /// How many have it.
    pub fn holders(&self) -> usize {
        Arc::strong_count(&self.inner)
    }

    /// What was read since this was asked last.
    pub fn reads(&self) -> Vec<String> {
        let mut reads = self.with(|inner| std::mem::take(&mut inner.reads));
        reads.sort();
        reads
    }
}

#[async_trait]
impl Source for Shelf {
    fn name(&self) -> &str {
        &self.name
    }

    async fn open(&self) -> Result<Box<dyn Opened>, SourceError> {
        self.with(|inner| {
            if inner.gone {
                return Err(SourceError::Gone(self.name.clone()));
            }
            let file = |(path, (stamp, content)): (&String, &(String, Arc<Vec<u8>>))| File {
                path: path.clone(),
                stamp: stamp.clone(),
                bytes: content.len() as u64,
                date: None,
                link: inner.link.as_ref().map(|link| format!("{link}/{path}")),
            };
            Ok(Box::new(OpenShelf {
                shelf: self.clone(),
                at: inner.at.clone(),
                files: inner.files.iter().map(file).collect(),
                contents: inner.files.iter().map(|(path, (_, content))| (path.clone(), content.clone())).collect(),
                skipped: inner.skipped.clone(),
            }) as Box<dyn Opened>)
        })
    }
}

struct OpenShelf {
    shelf: Shelf,
    at: String,
    files: Vec<File>,
    contents: BTreeMap<String, Arc<Vec<u8>>>,
    skipped: BTreeMap<String, u64>,
}

#[async_trait]
impl Opened for OpenShelf {
    fn at(&self) -> &str {
        &self.at
    }

    fn files(&self) -> &[File] {
        &self.files
    }

    fn skipped(&self) -> &BTreeMap<String, u64> {
        &self.skipped
    }

    async fn read(&self, file: &File) -> Result<Vec<u8>, SourceError> {
        self.shelf.with(|inner| {
            inner.reads.push(file.path.clone());
            if inner.lost {
                return Err(SourceError::Unreachable("the shelf fell".into()));
            }
            if inner.unreadable.contains(&file.path) {
                return Err(SourceError::File("it was written to meanwhile".into()));
            }
            Ok(self.contents[&file.path].to_vec())
        })
    }
}

/// The hashed embedder, counted; it can be made to fail, to wait, and to be another model.
pub struct Counting {
    hashed: Arc<dyn Embedder>,
    texts: AtomicU64,
    fails: AtomicBool,
    /// Vectors of documents that may still be made before it fails.
    room: AtomicUsize,
    other: AtomicBool,
    /// Each request of documents takes one.
    gate: Semaphore,
    waiting: AtomicBool,
    wrong: AtomicBool,
}

impl Counting {
    pub fn new(bench: &Bench) -> Self {
        Self {
            hashed: embed::make(&EmbedderSettings::default(), &bench.surroundings).unwrap(),
            texts: AtomicU64::new(0),
            fails: AtomicBool::new(false),
            room: AtomicUsize::new(usize::MAX),
            other: AtomicBool::new(false),
            gate: Semaphore::new(0),
            waiting: AtomicBool::new(false),
            wrong: AtomicBool::new(false),
        }
    }

    /// Texts of documents that were embedded since this was asked last.
    pub fn count(&self) -> u64 {
        self.texts.swap(0, Ordering::SeqCst)
    }

    pub fn set_fails(&self, fails: bool) {
        self.fails.store(fails, Ordering::SeqCst);
    }

    pub fn set_room(&self, room: usize) {
        self.room.store(room, Ordering::SeqCst);
    }

    pub fn set_other(&self, other: bool) {
        self.other.store(other, Ordering::SeqCst);
    }

    pub fn set_wrong(&self, wrong: bool) {
        self.wrong.store(wrong, Ordering::SeqCst);
    }

    /// From here on a request waits until it is let through.
    pub fn hold(&self) {
        self.waiting.store(true, Ordering::SeqCst);
    }

    pub fn let_through(&self) {
        self.waiting.store(false, Ordering::SeqCst);
        self.gate.add_permits(1 << 20);
    }
}

#[async_trait]
impl Embedder for Counting {
    async fn model(&self) -> Result<Model, EmbedError> {
        let model = self.hashed.model().await?;
        Ok(if self.other.load(Ordering::SeqCst) { Model { name: "other/1".into(), ..model } } else { model })
    }

    fn batch(&self) -> usize {
        8
    }

    async fn documents(&self, texts: &[String]) -> Result<Vec<Vec<f32>>, EmbedError> {
        assert!(texts.len() <= self.batch() && !texts.is_empty());
        if self.waiting.load(Ordering::SeqCst) {
            self.gate.acquire().await.unwrap().forget();
        }
        let room = self.room.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |room| room.checked_sub(texts.len()));
        if self.fails.load(Ordering::SeqCst) || room.is_err() {
            return Err(EmbedError::Unreachable("the embedder is down".into()));
        }
        self.texts.fetch_add(texts.len() as u64, Ordering::SeqCst);
        let mut vectors = self.hashed.documents(texts).await?;
        if self.wrong.load(Ordering::SeqCst) {
            vectors[0].pop();
        }
        Ok(vectors)
    }

    async fn query(&self, text: &str) -> Result<Vec<f32>, EmbedError> {
        match self.fails.load(Ordering::SeqCst) {
            true => Err(EmbedError::Unreachable("the embedder is down".into())),
            false => self.hashed.query(text).await,
        }
    }
}

/// A collection: one shelf, one index in a folder, one embedder.
pub struct Desk {
    pub bench: Bench,
    pub shelf: Shelf,
    pub index: Arc<dyn Index>,
    pub embedder: Arc<Counting>,
    pub options: Options,
}

impl Desk {
    pub fn new() -> Self {
        let bench = Bench::new();
        let index = index(&bench.path().join("index"));
        let embedder = Arc::new(Counting::new(&bench));
        Self { bench, shelf: Shelf::new("shelf"), index, embedder, options: Options::default() }
    }

    pub async fn refresh(&self) -> Result<Report, RefreshError> {
        self.refresh_into(self.index.as_ref()).await
    }

    pub async fn refresh_into(&self, index: &dyn Index) -> Result<Report, RefreshError> {
        let sources: [Arc<dyn Source>; 1] = [Arc::new(self.shelf.clone())];
        refresh::refresh("handbook", index, &sources, self.embedder.as_ref(), &self.options, &|_| {}).await
    }

    /// Counts reads and texts from here on.
    pub fn forget(&self) {
        self.shelf.reads();
        self.embedder.count();
    }

    pub async fn dump(&self) -> Dump {
        dump(self.index.as_ref()).await
    }
}

pub fn index(path: &Path) -> Arc<dyn Index> {
    Arc::new(FileIndex::folder(path).unwrap())
}

/// All that can be seen of an index: its number, its documents with their texts, how many chunks it has and finds.
#[derive(Debug, Clone, PartialEq)]
pub struct Dump {
    pub generation: Option<u64>,
    pub documents: BTreeMap<String, (Hash, String)>,
    pub chunks: u64,
    /// What each word that tests write into every document finds.
    pub found: usize,
}

/// Stands in every document of the tests that count what is found.
pub const EVERYWHERE: &str = "everywhere";

pub async fn dump(index: &dyn Index) -> Dump {
    let Some(snapshot) = index.current().await.unwrap() else {
        return Dump { generation: None, documents: BTreeMap::new(), chunks: 0, found: 0 };
    };
    let generation = snapshot.generation();
    let mut documents = BTreeMap::new();
    for entry in snapshot.documents(&Filter::default(), None, 100_000).await.unwrap() {
        let document = snapshot.document(&entry.path).await.unwrap().unwrap();
        assert_eq!(document.entry, entry);
        documents.insert(entry.path, (entry.content, document.text));
    }
    assert_eq!(generation.counts.documents, documents.len() as u64);
    let contents = snapshot.contents().await.unwrap();
    assert_eq!(contents.keys().collect::<Vec<_>>(), documents.keys().collect::<Vec<_>>());
    let found = snapshot.lexical(EVERYWHERE, &Filter::default(), 100_000).await.unwrap();
    let chunks = snapshot.chunks(&found.iter().map(|hit| hit.chunk).collect::<Vec<_>>()).await.unwrap();
    for chunk in chunks {
        assert_eq!(chunk.document.content, documents[&chunk.document.path].0);
    }
    Dump { generation: Some(generation.number), documents, chunks: generation.counts.chunks, found: found.len() }
}

/// The changes of the current generation, as `added a.md`, the newest first.
pub async fn changes(index: &dyn Index) -> Vec<String> {
    let snapshot = index.current().await.unwrap().unwrap();
    let told = snapshot.generation().changes.iter().map(|change| {
        let kind = match change.kind {
            ChangeKind::Added => "added",
            ChangeKind::Changed => "changed",
            ChangeKind::Moved => "moved",
            ChangeKind::Removed => "removed",
        };
        match &change.from {
            Some(from) => format!("{kind} {from} -> {}", change.path),
            None => format!("{kind} {}", change.path),
        }
    });
    told.collect()
}
