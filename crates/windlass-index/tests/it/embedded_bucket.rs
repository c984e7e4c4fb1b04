//! The contract, kept by files in a bucket of a stand-in that speaks S3's protocol; and what holds for a bucket alone.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc, LazyLock, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use windlass_index::{About, Index, IndexError, embedded::FileIndex};
use windlass_testkit::aws::{Asked, FakeAws, StandIn, s3_error};

use crate::{
    contract::*,
    embedded::{files_of, library},
};

const BUCKET: &str = "windlass-index";

/// One stand-in for all tests: it takes seconds to start. It ends with the last test that uses it.
static SHARED: LazyLock<tokio::sync::Mutex<std::sync::Weak<StandIn>>> = LazyLock::new(Default::default);

async fn stand_in() -> Option<Arc<StandIn>> {
    let mut shared = SHARED.lock().await;
    if let Some(running) = shared.upgrade() {
        return Some(running);
    }
    let started = Arc::new(StandIn::moto().await?);
    started.create_bucket(BUCKET).await;
    *shared = Arc::downgrade(&started);
    Some(started)
}

fn client(endpoint: &str) -> aws_sdk_s3::Client {
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(endpoint)
        .region(Region::from_static("us-east-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .retry_config(aws_sdk_s3::config::retry::RetryConfig::disabled())
        .force_path_style(true)
        .build();
    aws_sdk_s3::Client::from_conf(config)
}

/// A prefix of its own in the bucket; every process that opens it has a cache of its own.
pub struct InBucket {
    aws: Arc<StandIn>,
    prefix: String,
    caches: Mutex<Vec<tempfile::TempDir>>,
}

impl InBucket {
    fn index(&self) -> FileIndex {
        self.index_at(&self.aws.endpoint())
    }

    fn index_at(&self, endpoint: &str) -> FileIndex {
        let cache = tempfile::tempdir().unwrap();
        let index = self.cached_in(endpoint, cache.path());
        self.caches.lock().unwrap().push(cache);
        index
    }

    fn cached_in(&self, endpoint: &str, cache: &Path) -> FileIndex {
        FileIndex::bucket(client(endpoint), BUCKET, &*self.prefix, &cache.join("not there yet")).unwrap()
    }

    async fn keys(&self) -> Vec<String> {
        let client = client(&self.aws.endpoint());
        let listed = client.list_objects_v2().bucket(BUCKET).prefix(&self.prefix).send().await.unwrap();
        listed.contents().iter().map(|object| object.key().unwrap()[self.prefix.len()..].to_owned()).collect()
    }
}

#[async_trait::async_trait]
impl Place for InBucket {
    async fn open(&self) -> Arc<dyn Index> {
        Arc::new(self.index())
    }
}

pub async fn bucket() -> Option<InBucket> {
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    let aws = stand_in().await?;
    let prefix = format!("index/{}/", NUMBER.fetch_add(1, Ordering::Relaxed));
    Some(InBucket { aws, prefix, caches: Mutex::default() })
}

suite!(crate::embedded_bucket::bucket);

fn objects(cache: &Path) -> Vec<PathBuf> {
    files_of(&cache.join("not there yet/objects"))
}

fn count(files: &[PathBuf], part: &str) -> usize {
    files.iter().filter(|file| file.file_name().unwrap().to_str().unwrap().contains(part)).count()
}

#[tokio::test]
async fn a_cold_reader_fetches_what_it_touches_and_no_more() {
    let Some(place) = bucket().await else { return };
    publish(&place.index(), library(30)).await;
    let cache = tempfile::tempdir().unwrap();
    let index = place.cached_in(&place.aws.endpoint(), cache.path());
    let snapshot = current(&index).await;
    assert_eq!(found_somewhere(&*snapshot, "harbour").await.len(), 30);
    assert_eq!(count(&objects(cache.path()), ".vec."), 0, "no vector was asked for");
    snapshot.nearest(&[1.0; DIMENSIONS], &filter(), 3).await.unwrap();
    assert_eq!(count(&objects(cache.path()), ".vec."), 1);

    // What is new is all that is fetched again.
    let before = objects(cache.path());
    publish(&place.index(), [document("new.md", &["A submarine."])]).await;
    let snapshot = current(&index).await;
    assert_eq!(found(&*snapshot, "submarine").await, ["new.md:1"]);
    let after = objects(cache.path());
    assert!(before.iter().all(|file| after.contains(file)));
    assert_eq!(count(&after, ".store."), 2);
    // And nothing at all by who comes with this cache.
    let index = place.cached_in(&place.aws.endpoint(), cache.path());
    assert_eq!(found(&*current(&index).await, "submarine").await, ["new.md:1"]);
    assert_eq!(objects(cache.path()), after);
}

#[tokio::test]
async fn the_cache_keeps_what_kept_generations_have() {
    let Some(place) = bucket().await else { return };
    let cache = tempfile::tempdir().unwrap();
    let index = place.cached_in(&place.aws.endpoint(), cache.path());
    for round in 0..4 {
        let mut writer = begin(&place.index()).await;
        writer.put(document("a.md", &[&format!("round {round}")])).await.unwrap();
        writer.publish(About { keep: 1, ..about() }).await.unwrap();
        current(&index).await;
    }
    let old = std::time::SystemTime::now() - std::time::Duration::from_secs(7200);
    for file in objects(cache.path()) {
        fs::File::options().write(true).open(file).unwrap().set_modified(old).unwrap();
    }
    let mut writer = begin(&index).await;
    writer.put(document("a.md", &["the last"])).await.unwrap();
    writer.publish(About { keep: 1, ..about() }).await.unwrap();
    assert_eq!(count(&objects(cache.path()), "manifest."), 1, "{:?}", objects(cache.path()));
    assert_eq!(found(&*current(&index).await, "last").await, ["a.md:1"]);
}

#[tokio::test]
async fn what_the_bucket_gives_is_checked() {
    let Some(place) = bucket().await else { return };
    publish(&place.index(), library(3)).await;
    let s3 = client(&place.aws.endpoint());
    let keys: Vec<_> = place.keys().await.into_iter().filter(|key| key.starts_with("objects/")).collect();
    assert!(keys.len() >= 9, "{keys:?}");
    for key in keys {
        let whole = format!("{}{key}", place.prefix);
        let body = s3.get_object().bucket(BUCKET).key(&whole).send().await.unwrap().body.collect().await.unwrap();
        let bytes = body.to_vec();
        let mut changed = bytes.clone();
        changed[bytes.len() / 2] ^= 1;
        let mut longer = bytes.clone();
        longer.push(0);
        for bad in [Some(changed), Some(longer), Some(bytes[..bytes.len() - 1].to_vec()), Some(Vec::new()), None] {
            match bad {
                Some(bad) => drop(s3.put_object().bucket(BUCKET).key(&whole).body(bad.into()).send().await.unwrap()),
                None => drop(s3.delete_object().bucket(BUCKET).key(&whole).send().await.unwrap()),
            }
            let error = place.index().verify().await.unwrap_err();
            let name = key.strip_prefix("objects/").unwrap();
            assert!(matches!(&error, IndexError::Damaged(said) if said.contains(name)), "{key}: {error}");
        }
        s3.put_object().bucket(BUCKET).key(&whole).body(bytes.into()).send().await.unwrap();
        place.index().verify().await.unwrap();
    }
}

#[tokio::test]
async fn a_copy_that_was_changed_is_fetched_again() {
    let Some(place) = bucket().await else { return };
    publish(&place.index(), library(3)).await;
    let cache = tempfile::tempdir().unwrap();
    place.cached_in(&place.aws.endpoint(), cache.path()).verify().await.unwrap();
    for (file, cut) in objects(cache.path()).into_iter().zip([true, false].into_iter().cycle()) {
        let mut bytes = fs::read(&file).unwrap();
        match cut {
            true => bytes.truncate(bytes.len() / 2),
            false => bytes[0] ^= 1,
        }
        fs::write(&file, bytes).unwrap();
    }
    // Lengths are seen at once, contents once they were read; then it is as if nothing had been.
    let index = place.cached_in(&place.aws.endpoint(), cache.path());
    let mut tries = 0;
    while let Err(error) = index.verify().await {
        assert!(matches!(error, IndexError::Damaged(_)), "{error}");
        tries += 1;
        assert!(tries < 5, "{error}");
    }
    assert_eq!(Everything::of(&*current(&index).await).await, Everything::expected(&library(3)));
}

#[tokio::test]
async fn the_head_is_swapped_under_a_condition() {
    let Some(place) = bucket().await else { return };
    // Two that begin from nothing, and two that begin from one.
    for round in 1..=2 {
        let (one, two) = (place.index(), place.index());
        let (mut first, mut second) = (begin(&one).await, begin(&two).await);
        first.put(document("a.md", &["of the first"])).await.unwrap();
        second.put(document("a.md", &["of the second"])).await.unwrap();
        first.publish(about()).await.unwrap();
        let error = second.publish(about()).await.unwrap_err();
        assert!(matches!(error, IndexError::Overtaken(number) if number == round), "{error}");
        assert_eq!(found(&*current(&place.index()).await, "first").await, ["a.md:1"]);
    }
    // One whose head somebody deleted does not write over nothing.
    let index = place.index();
    let writer = begin(&index).await;
    let s3 = client(&place.aws.endpoint());
    s3.delete_object().bucket(BUCKET).key(format!("{}head", place.prefix)).send().await.unwrap();
    assert!(matches!(writer.publish(about()).await, Err(IndexError::Overtaken(_))));
    assert!(index.current().await.unwrap().is_none());
}

/// Before the stand-in: fails the request of this number, and tells how many there were.
async fn failing(place: &InBucket, at: usize) -> (FakeAws, String, Arc<AtomicUsize>) {
    let count = Arc::new(AtomicUsize::new(0));
    let counted = count.clone();
    let fake = FakeAws::before(place.aws.address(), move |_: &Asked| {
        let nth = counted.fetch_add(1, Ordering::SeqCst) + 1;
        (nth == at).then(|| s3_error(503, "SlowDown", "Please reduce your request rate."))
    });
    let fake = fake.await.unwrap();
    let endpoint = fake.environment().into_iter().find(|(name, _)| name == "AWS_ENDPOINT_URL").unwrap().1;
    (fake, endpoint, count)
}

#[tokio::test]
async fn a_request_that_fails_changes_nothing() {
    let Some(_) = stand_in().await else { return };
    let before = Everything::expected(&library(3));
    let new = document("new.md", &["A submarine."]);
    let complete = Everything::expected(library(3).iter().chain([&new]));
    let mut olds = 0;
    for at in 1.. {
        let Some(place) = bucket().await else { return };
        publish(&place.index(), library(3)).await;
        let (_fake, endpoint, count) = failing(&place, at).await;
        let index = place.index_at(&endpoint);
        let refreshed = async {
            let mut writer = index.begin(&model()).await?;
            writer.put(new.clone()).await?;
            writer.publish(about()).await
        };
        let done = refreshed.await;
        let index = place.index();
        index.verify().await.unwrap();
        let now = Everything::of(&*current(&index).await).await;
        match done {
            Ok(_) => assert_eq!(now, complete, "request {at}"),
            Err(IndexError::Unreachable(said)) => {
                assert!(said.contains("SlowDown"), "{said}");
                assert_eq!(now, before, "request {at}");
                olds += 1;
            }
            Err(other) => panic!("request {at}: {other}"),
        }
        if count.load(Ordering::SeqCst) < at {
            break;
        }
    }
    assert!(olds > 10, "{olds}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn an_answer_to_the_swap_that_is_lost_is_no_failure() {
    let Some(place) = bucket().await else { return };
    // It passes the write on, and then says that it failed.
    let upstream = place.aws.address();
    let (lost, s3) = (Arc::new(AtomicUsize::new(0)), client(&place.aws.endpoint()));
    let (counted, key) = (lost.clone(), format!("{}head", place.prefix));
    let handle = tokio::runtime::Handle::current();
    let fake = FakeAws::before(upstream, move |asked: &Asked| {
        if asked.method != "PUT" || !asked.path.ends_with("/head") || counted.fetch_add(1, Ordering::SeqCst) > 0 {
            return None;
        }
        let start = asked.body.find('{').unwrap_or(0);
        let end = asked.body.rfind('}').map_or(asked.body.len(), |at| at + 1);
        let write =
            s3.put_object().bucket(BUCKET).key(&key).body(asked.body[start..end].to_owned().into_bytes().into());
        // A worker that just waited would keep the task that it was to do next, which may be the one waited for.
        tokio::task::block_in_place(|| handle.block_on(write.send())).unwrap();
        Some(s3_error(500, "InternalError", "We encountered an internal error."))
    });
    let fake = fake.await.unwrap();
    let endpoint = fake.environment().into_iter().find(|(name, _)| name == "AWS_ENDPOINT_URL").unwrap().1;
    let generation = publish(&place.index_at(&endpoint), library(2)).await;
    assert_eq!((generation.number, lost.load(Ordering::SeqCst)), (1, 1));
    assert_eq!(Everything::of(&*current(&place.index()).await).await, Everything::expected(&library(2)));
}

#[tokio::test]
async fn a_bucket_that_is_not_there_is_said() {
    let Some(place) = bucket().await else { return };
    let cache = tempfile::tempdir().unwrap();
    let index = FileIndex::bucket(client(&place.aws.endpoint()), "no-such-bucket", "index/", cache.path()).unwrap();
    let error = index.current().await.err().unwrap();
    assert!(matches!(&error, IndexError::Unreachable(said) if said.contains("NoSuchBucket")), "{error}");
    let index = place.cached_in("http://127.0.0.1:9", cache.path());
    assert!(matches!(index.current().await.err().unwrap(), IndexError::Unreachable(_)));
}
