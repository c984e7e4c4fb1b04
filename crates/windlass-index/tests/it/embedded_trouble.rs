//! What is kept when anything goes wrong at any moment: all of what there was, or all of what was to be.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use async_trait::async_trait;
use windlass_index::{
    About, Index, IndexError, NewDocument,
    embedded::{FileIndex, Folder, Listed, Object, Objects, Version},
};

use crate::{
    contract::*,
    embedded::{InFolder, library},
};

/// When an operation fails.
#[derive(Debug, Clone, Copy, PartialEq)]
enum When {
    /// It is not done.
    Before,
    /// It is done, and the answer is lost.
    After,
}

/// A place in which the operation of this number fails, and all that come after it: as for a process that is killed there.
#[derive(Debug)]
struct Failing<O> {
    inner: O,
    left: AtomicUsize,
    when: When,
    /// Only this operation fails, and the process goes on.
    once: bool,
}

impl<O> Failing<O> {
    fn new(inner: O, at: usize, when: When, once: bool) -> Arc<Self> {
        Arc::new(Self { inner, left: AtomicUsize::new(at), when, once })
    }

    /// Whether this operation fails.
    fn fails(&self) -> bool {
        let left = self.left.load(Ordering::SeqCst);
        match left {
            0 => !self.once,
            _ => {
                self.left.store(left - 1, Ordering::SeqCst);
                left == 1
            }
        }
    }

    async fn pass<T>(&self, done: impl Future<Output = Result<T, IndexError>>) -> Result<T, IndexError> {
        let failed = || IndexError::Unreachable("the cable is cut".to_owned());
        match (self.fails(), self.when) {
            (false, _) => done.await,
            (true, When::Before) => Err(failed()),
            (true, When::After) => {
                done.await?;
                Err(failed())
            }
        }
    }
}

#[async_trait]
impl<O: Objects> Objects for Failing<O> {
    fn directory(&self) -> &Path {
        self.inner.directory()
    }

    fn work(&self) -> &Path {
        self.inner.work()
    }

    async fn fetch(&self, object: &Object) -> Result<(), IndexError> {
        self.pass(self.inner.fetch(object)).await
    }

    async fn put(&self, object: &Object, file: &Path) -> Result<(), IndexError> {
        self.pass(self.inner.put(object, file)).await
    }

    async fn head(&self) -> Result<Option<Version>, IndexError> {
        self.pass(self.inner.head()).await
    }

    async fn swap(&self, read: Option<&Version>, next: &[u8]) -> Result<bool, IndexError> {
        self.pass(self.inner.swap(read, next)).await
    }

    async fn list(&self) -> Result<Vec<Listed>, IndexError> {
        self.pass(self.inner.list()).await
    }

    async fn delete(&self, keys: &[String]) -> Result<(), IndexError> {
        self.pass(self.inner.delete(keys)).await
    }
}

/// A refresh that changes, moves, removes and adds.
async fn refresh(index: &dyn Index) -> Result<(), IndexError> {
    let known: Vec<_> = after().iter().flat_map(|document| &document.chunks).map(|chunk| chunk.hash).collect();
    index.known(&model(), &known).await?;
    index.remember(&model(), &[(known[0], after()[0].chunks[0].vector.clone())]).await?;
    let mut writer = index.begin(&model()).await?;
    writer.put(document("guides/00000.md", &["It was changed."])).await?;
    writer.put(document("new.md", &["It was added."])).await?;
    writer.remove("guides/00001.md").await?;
    let mut moved = library(3)[2].entry.clone();
    moved.path = "moved.md".to_owned();
    writer.rename("guides/00002.md", moved).await?;
    writer.publish(About { keep: 2, ..about() }).await.map(drop)
}

fn after() -> Vec<NewDocument> {
    let mut documents = library(6);
    documents[0] = document("guides/00000.md", &["It was changed."]);
    documents[1] = document("new.md", &["It was added."]);
    documents[2].entry.path = "moved.md".to_owned();
    documents
}

async fn prepared() -> InFolder {
    let place = InFolder::new();
    publish(&place.index(), library(6)).await;
    place
}

#[tokio::test]
async fn whatever_fails_the_index_is_the_old_one_or_the_new_one() {
    let (before, complete) = (Everything::expected(&library(6)), Everything::expected(&after()));
    for (when, once) in [(When::Before, false), (When::After, false), (When::Before, true), (When::After, true)] {
        let (mut olds, mut news) = (0, 0);
        for at in 1.. {
            let place = prepared().await;
            let failing = Failing::new(Folder::new(&place.root()).unwrap(), at, when, once);
            let done = refresh(&FileIndex::over(failing.clone())).await;
            let reached = failing.left.load(Ordering::SeqCst) == 0;
            // Somebody who comes later sees the one or the other, and nothing of it is broken.
            let index = place.index();
            index.verify().await.unwrap();
            let now = Everything::of(&*current(&index).await).await;
            let what = format!("operation {at} {when:?}, once {once}: {done:?}");
            match &done {
                Ok(()) => assert_eq!(now, complete, "{what}"),
                Err(_) if now == before => olds += 1,
                Err(_) => {
                    assert_eq!(now, complete, "{what}");
                    news += 1;
                }
            }
            // And the next refresh makes it whole.
            if done.is_err() && now == before {
                refresh(&index).await.unwrap();
                assert_eq!(Everything::of(&*current(&index).await).await, complete, "{what}");
            }
            if !reached {
                break;
            }
        }
        assert!(olds > 15, "{when:?}, once {once}: {olds} kept the old one");
        // Killed between the swap and its answer, it is published and says that it may not be.
        assert_eq!(news > 0, when == When::After && !once, "{when:?}, once {once}: {news}");
    }
}

#[tokio::test]
async fn going_back_is_all_or_nothing_too() {
    for when in [When::Before, When::After] {
        for at in 1.. {
            let place = prepared().await;
            refresh(&place.index()).await.unwrap();
            let failing = Failing::new(Folder::new(&place.root()).unwrap(), at, when, false);
            let done = FileIndex::over(failing.clone()).rollback(None).await;
            let index = place.index();
            index.verify().await.unwrap();
            let now = Everything::of(&*current(&index).await).await;
            match done {
                Ok(generation) => {
                    assert_eq!(generation.rolled_back_to, Some(1));
                    assert_eq!(now, Everything::expected(&library(6)));
                }
                Err(_) if when == When::After => {
                    let number = current(&index).await.generation().number;
                    let expected = if number == 2 { after() } else { library(6) };
                    assert_eq!(now, Everything::expected(&expected), "{at}");
                }
                Err(_) => assert_eq!(now, Everything::expected(&after()), "{at}"),
            }
            if failing.left.load(Ordering::SeqCst) > 0 {
                break;
            }
        }
    }
}

/// Runs refreshes until it is killed: this test's own program, started by the next test.
#[tokio::test]
#[ignore = "is started by the test that kills it"]
async fn refreshes_until_it_is_killed() {
    let Ok(root) = std::env::var("WINDLASS_TEST_INDEX") else { return };
    let index = FileIndex::folder(Path::new(&root)).unwrap();
    for round in 0_u64.. {
        let mut writer = index.begin(&model()).await.unwrap();
        for document in round_of(round) {
            writer.put(document).await.unwrap();
        }
        writer.publish(about()).await.unwrap();
        println!("round {round}");
    }
}

/// Every document says which round it is of.
fn round_of(round: u64) -> Vec<NewDocument> {
    (0..5).map(|nth| document(&format!("{nth}.md"), &[&format!("Of round{round}."), "And more."])).collect()
}

#[tokio::test]
async fn killed_at_any_moment_nothing_is_lost() {
    use std::process::{Command, Stdio};
    let place = InFolder::new();
    let mut seen = 0;
    for (nth, delay) in [40, 90, 15, 140, 65, 200, 25, 110].into_iter().enumerate() {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "embedded_trouble::refreshes_until_it_is_killed", "--ignored", "--nocapture"])
            .env("WINDLASS_TEST_INDEX", place.root())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // From the first round on it may be anywhere in one.
        let mut lines = std::io::BufRead::lines(std::io::BufReader::new(child.stdout.take().unwrap()));
        while !lines.next().unwrap().unwrap().starts_with("round ") {}
        tokio::time::sleep(std::time::Duration::from_millis(delay)).await;
        child.kill().unwrap();
        child.wait().unwrap();

        let index = place.index();
        index.verify().await.unwrap();
        let snapshot = current(&index).await;
        let number = snapshot.generation().number;
        assert!(number > seen, "kill {nth}: generation {number} after {seen}");
        let text = snapshot.document("0.md").await.unwrap().unwrap().text;
        let round = text.strip_prefix("Of round").unwrap().split('.').next().unwrap().parse().unwrap();
        assert_eq!(Everything::of(&*snapshot).await, Everything::expected(&round_of(round)));
        seen = number;
    }
    // What the killed ones left is swept by whoever comes next.
    drop(begin(&place.index()).await);
    assert_eq!(crate::embedded::files_of(&place.root().join("work")), [""; 0].map(std::path::PathBuf::from));
}
