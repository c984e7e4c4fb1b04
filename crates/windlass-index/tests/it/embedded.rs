//! The contract, kept by files in a folder; and what holds for a folder alone.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use windlass_index::{About, Index, IndexError, NewDocument, embedded::FileIndex};

use crate::contract::*;

pub struct InFolder(pub tempfile::TempDir);

impl InFolder {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn index(&self) -> FileIndex {
        FileIndex::folder(&self.root()).unwrap()
    }

    pub fn root(&self) -> PathBuf {
        // Not there yet.
        self.0.path().join("state/index")
    }

    fn objects(&self) -> Vec<PathBuf> {
        files_of(&self.root().join("objects"))
    }
}

#[async_trait::async_trait]
impl Place for InFolder {
    async fn open(&self) -> Arc<dyn Index> {
        Arc::new(self.index())
    }
}

pub async fn folder() -> Option<InFolder> {
    Some(InFolder::new())
}

suite!(crate::embedded::folder);

pub fn files_of(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// A few documents with two chunks each.
pub fn library(count: usize) -> Vec<NewDocument> {
    let texts = |nth| [format!("The boat number {nth} crosses the river."), format!("Harbour {nth} closes at night.")];
    (0..count)
        .map(|nth| {
            let texts = texts(nth);
            document(&format!("guides/{nth:05}.md"), &[&texts[0], &texts[1]])
        })
        .collect()
}

/// As if everything there had been written this long ago.
fn age(folder: &Path, by: Duration) {
    for file in files_of(folder) {
        fs::File::options().write(true).open(file).unwrap().set_modified(SystemTime::now() - by).unwrap();
    }
}

#[tokio::test]
async fn a_small_change_writes_little() {
    let place = InFolder::new();
    let index = place.index();
    let documents = library(2000);
    publish(&index, documents.clone()).await;
    let before = place.objects();
    let bytes = |files: &[PathBuf]| files.iter().map(|file| fs::metadata(file).unwrap().len()).sum::<u64>();
    let all = bytes(&before);

    let changed = document("guides/00007.md", &["Something else stands here now."]);
    publish(&index, [changed.clone()]).await;

    let new: Vec<_> = place.objects().into_iter().filter(|file| !before.contains(file)).collect();
    assert!(bytes(&new) * 5 < all, "{} of {all} bytes were written anew: {new:?}", bytes(&new));
    assert!(before.iter().all(|file| file.exists()), "what the generation before needs stays");
    let snapshot = current(&index).await;
    assert_eq!(found(&*snapshot, "something stands").await, ["guides/00007.md:1"]);
    let expected = documents.iter().filter(|document| document.entry.path != changed.entry.path).chain([&changed]);
    assert_eq!(Everything::of(&*snapshot).await, Everything::expected(expected));
}

#[tokio::test]
async fn segments_stay_few_and_shed_what_is_deleted() {
    let place = InFolder::new();
    let index = place.index();
    let documents = library(40);
    for document in &documents {
        publish(&index, [document.clone()]).await;
    }
    let segments = |place: &InFolder| {
        let head: serde_json::Value = serde_json::from_slice(&fs::read(place.root().join("head")).unwrap()).unwrap();
        let manifest = &head["kept"][0]["manifest"];
        let text = |name: &str| manifest[name].as_str().unwrap().to_owned();
        let key = [text("name"), text("writer"), text("hash")].join(".");
        let manifest = fs::read(place.root().join("objects").join(key)).unwrap();
        let manifest: serde_json::Value = serde_json::from_slice(&manifest).unwrap();
        let files = manifest["files"].as_array().unwrap().clone();
        files.iter().filter(|file| file["name"].as_str().unwrap().ends_with(".vec")).count()
    };
    assert!((1..=9).contains(&segments(&place)), "{}", segments(&place));
    assert_eq!(Everything::of(&*current(&index).await).await, Everything::expected(&documents));

    let mut writer = begin(&index).await;
    for document in &documents[..36] {
        writer.remove(&document.entry.path).await.unwrap();
    }
    writer.publish(about()).await.unwrap();
    assert_eq!(Everything::of(&*current(&index).await).await, Everything::expected(&documents[36..]));
    assert!(segments(&place) <= 5, "{}", segments(&place));
}

#[tokio::test]
async fn a_snapshot_outlives_everything_on_the_disk() {
    let place = InFolder::new();
    let index = place.index();
    let documents = library(20);
    publish(&index, documents.clone()).await;
    let held = current(&index).await;
    fs::remove_dir_all(place.root()).unwrap();
    assert_eq!(Everything::of(&*held).await, Everything::expected(&documents));
    assert_eq!(found(&*held, "harbour 7").await[0], "guides/00007.md:3");
}

#[tokio::test]
async fn what_is_not_needed_any_more_is_deleted_after_a_while() {
    let place = InFolder::new();
    let index = place.index();
    for round in 0..4 {
        let mut writer = begin(&index).await;
        writer.put(document("a.md", &[&format!("round {round}")])).await.unwrap();
        writer.publish(About { keep: 1, ..about() }).await.unwrap();
    }
    let young = place.objects();
    // A refresh that runs now may be about to need what is not an hour old.
    assert!(young.len() > 20, "{young:?}");
    age(&place.root().join("objects"), Duration::from_secs(2 * 3600));
    let mut writer = begin(&index).await;
    writer.put(document("a.md", &["the last round"])).await.unwrap();
    writer.publish(About { keep: 1, ..about() }).await.unwrap();
    let left = place.objects();
    let old = left.iter().filter(|file| young.contains(file)).count();
    assert_eq!(old, 0, "{left:?}");
    place.index().verify().await.unwrap();
    assert_eq!(found(&*current(&place.index()).await, "last").await, ["a.md:1"]);
}

#[tokio::test]
async fn writers_that_were_killed_leave_nothing_for_long() {
    let place = InFolder::new();
    let index = place.index();
    let mut killed = begin(&index).await;
    killed.put(document("a.md", &["text"])).await.unwrap();
    let work = place.root().join("work");
    let [left] = &files_of(&work)[..] else { panic!("one writer has one folder") };
    // What a kill leaves: the folder, and nobody who holds the lock in it.
    let dead = work.join("writer-dead");
    fs::create_dir(&dead).unwrap();
    for file in files_of(left) {
        fs::copy(&file, dead.join(file.file_name().unwrap())).unwrap();
    }
    let living = begin(&index).await;
    assert!(!dead.exists());
    assert!(left.exists(), "that one lives");
    drop((killed, living));
    assert_eq!(files_of(&work), [""; 0].map(PathBuf::from));
}

/// What is done to a file.
type Harm = fn(&Path);

#[tokio::test]
async fn every_damaged_file_is_named() {
    let harms: [(&str, Harm); 4] = [
        ("missing", |path| fs::remove_file(path).unwrap()),
        ("short", |path| {
            let length = fs::metadata(path).unwrap().len();
            fs::File::options().write(true).open(path).unwrap().set_len(length - 1).unwrap();
        }),
        ("empty", |path| fs::write(path, "").unwrap()),
        ("changed", |path| {
            let mut bytes = fs::read(path).unwrap();
            let middle = bytes.len() / 2;
            bytes[middle] ^= 0x10;
            fs::write(path, bytes).unwrap();
        }),
    ];
    let place = InFolder::new();
    publish(&place.index(), library(6)).await;
    let named = |file: &PathBuf| file.file_name().unwrap().to_str().unwrap().to_owned();
    // What only the generation before needs is not missed by this one.
    let before: Vec<_> = place.objects().iter().map(named).collect();
    let is_older =
        |name: &String| before.contains(name) && ["contents.", "manifest."].iter().any(|p| name.starts_with(p));
    publish(&place.index(), [document("guides/00001.md", &["Another text."])]).await;
    let mut told = 0;
    for file in place.objects() {
        let name = named(&file);
        for (what, harm) in harms {
            let whole = fs::read(&file).unwrap();
            harm(&file);
            match place.index().verify().await {
                Err(IndexError::Damaged(said)) => assert!(said.contains(&name), "{what} {name}: {said}"),
                Err(other) => panic!("{what} {name}: {other}"),
                Ok(()) => assert!(is_older(&name), "{what} {name}"),
            }
            told += usize::from(!is_older(&name));
            fs::write(&file, whole).unwrap();
            place.index().verify().await.unwrap();
        }
    }
    // Two segments of eight files, what is deleted of one, the list of documents, the manifest.
    assert_eq!(told, 4 * 19);
    let bad_head = place.root().join("head");
    for head in ["", "{}", "{\"format\":99,\"keep\":1,\"kept\":[]}", "null"] {
        fs::write(&bad_head, head).unwrap();
        assert!(matches!(place.index().current().await, Err(IndexError::Damaged(_))), "{head}");
        assert!(matches!(place.index().begin(&model()).await, Err(IndexError::Damaged(_))), "{head}");
    }
}

#[tokio::test]
async fn a_changed_file_is_told_while_it_is_served() {
    let place = InFolder::new();
    publish(&place.index(), library(6)).await;
    let store = place.objects().into_iter().find(|file| file.to_str().unwrap().contains(".store.")).unwrap();
    let mut bytes = fs::read(&store).unwrap();
    bytes[10] ^= 1;
    fs::write(&store, bytes).unwrap();
    let index = place.index();
    assert!(matches!(index.verify().await, Err(IndexError::Damaged(_))));
    let snapshot = current(&index).await;
    assert!(matches!(snapshot.lexical("boat", &filter(), 5).await, Err(IndexError::Damaged(_))));
    assert!(matches!(snapshot.contents().await, Err(IndexError::Damaged(_))));
}

#[tokio::test]
async fn reading_writes_nothing() {
    let place = InFolder::new();
    assert!(place.index().current().await.unwrap().is_none());
    assert_eq!(place.index().generations().await.unwrap(), []);
    assert!(!place.root().exists());
    publish(&place.index(), library(3)).await;
    let files = |place: &InFolder| (files_of(&place.root()), place.objects(), files_of(&place.root().join("work")));
    let before = files(&place);
    let snapshot = current(&place.index()).await;
    assert_eq!(found_somewhere(&*snapshot, "boat").await.len(), 3);
    snapshot.nearest(&[1.0; DIMENSIONS], &filter(), 3).await.unwrap();
    assert_eq!(files(&place), before);
}
