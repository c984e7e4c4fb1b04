//! The root file system of virtual machines, fetched before the first of them is made.
//!
//! Who knows how to fetch is told from outside ([`Fetch`]): nothing here speaks to anybody.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use tokio::{sync::watch, task::AbortHandle, time::timeout};
use windlass_config::settings::{BackendKind, SandboxesSettings};
use windlass_core::Check;

use crate::{backend::BackendError, image::Image};

/// How long a call waits for it. Longer, and its caller would give up.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a readiness check waits for the first news of it.
const NEWS: Duration = Duration::from_secs(2);
/// Before what failed is tried again, at first; then each time twice as long.
const REST: Duration = Duration::from_secs(15);
const LONGEST_REST: Duration = Duration::from_secs(15 * 60);

/// Hears how many bytes are there, and of how many; 0 as long as nobody knows.
pub type Told<'a> = &'a (dyn Fn(u64, u64) + Send + Sync);

/// Knows how to fetch a large file.
#[async_trait]
pub trait Fetch: Send + Sync + 'static {
    /// Brings what is at `url` to `to`, if it has this SHA-256 sum. What is interrupted may be gone on with later.
    async fn fetch(&self, url: &str, sha256: &str, to: &Path, told: Told<'_>) -> Result<(), Unfetched>;
}

/// Why it could not be fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfetched {
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    pub hint: String,
    /// Whether it may work later, although nothing was changed here.
    pub may_pass: bool,
}

/// Where the root file system with this sum is kept when nobody says where: in this user's cache, beside the image.
pub fn default_place(sha256: &str) -> Option<PathBuf> {
    let name: String = sha256.trim_start_matches("sha256:").chars().take(16).collect();
    let image = Image::default_directory()?;
    Some(image.with_file_name("sandbox-rootfs").join(format!("{}.ext4", name.to_ascii_lowercase())))
}

/// One that is being fetched, or was.
pub(crate) struct Rootfs {
    path: PathBuf,
    state: watch::Receiver<State>,
    task: AbortHandle,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    Coming { done: u64, total: u64 },
    Failed(Unfetched),
    There,
}

impl Rootfs {
    /// Begins to fetch what `settings` name, in the background; `None` where they name nothing, or nothing that is needed.
    pub fn begin(settings: &SandboxesSettings, base: &Path, fetch: Option<Arc<dyn Fetch>>) -> Option<Self> {
        let (url, sum) = (settings.rootfs_url.clone()?, settings.rootfs_sha256.clone().unwrap_or_default());
        if settings.backend == BackendKind::Namespace {
            return None;
        }
        let named = settings.rootfs.as_ref().map(|path| base.join(path));
        let Some(path) = named.or_else(|| default_place(&sum)) else {
            return Some(Self::failed(
                "there is no home directory to put the root file system below",
                "set `sandbox.rootfs`",
            ));
        };
        let Some(fetch) = fetch.filter(|_| !path.exists()) else {
            // What is missing is said by who looks for it.
            let (_, state) = watch::channel(State::There);
            return Some(Self { path, state, task: nothing() });
        };
        let (news, state) = watch::channel(State::Coming { done: 0, total: 0 });
        let to = path.clone();
        let task = tokio::spawn(async move { keep_trying(&*fetch, &url, &sum, &to, &news).await }).abort_handle();
        Some(Self { path, state, task })
    }

    fn failed(what: &str, hint: &str) -> Self {
        let failure = Unfetched { what: what.into(), hint: hint.into(), may_pass: false };
        let (_, state) = watch::channel(State::Failed(failure));
        Self { path: PathBuf::new(), state, task: nothing() }
    }

    /// Where it is, once it is there. Waits a while, and says then how far it is.
    pub async fn path(&self) -> Result<&Path, BackendError> {
        let mut state = self.state.clone();
        // Also where whoever fetched has ended, the last word counts.
        let _ = timeout(PATIENCE, state.wait_for(|state| !matches!(state, State::Coming { .. }))).await;
        self.now()
    }

    /// The same, however long it takes and however often it fails.
    pub async fn arrived(&self) -> Result<(), BackendError> {
        let _ = self.state.clone().wait_for(|state| *state == State::There).await;
        self.now().map(drop)
    }

    fn now(&self) -> Result<&Path, BackendError> {
        match &*self.state.borrow() {
            State::There => Ok(&self.path),
            State::Coming { done, total } => Err(BackendError::Coming(far(*done, *total))),
            State::Failed(failure) => {
                Err(BackendError::Missing { what: failure.what.clone(), hint: failure.hint.clone() })
            }
        }
    }

    /// Fetches no more. What there is of it so far stays, for the next start to go on with.
    pub fn stop(&self) {
        self.task.abort();
    }

    /// What is to be said of it as long as it is not there.
    pub async fn check(&self) -> Option<Check> {
        let mut state = self.state.clone();
        let _ = timeout(NEWS, state.wait_for(|state| *state != State::Coming { done: 0, total: 0 })).await;
        let told = match &*self.state.borrow() {
            State::There => return None,
            State::Coming { done, total } => format!("the root file system is being fetched: {}", far(*done, *total)),
            State::Failed(Unfetched { what, hint, may_pass: true }) => format!("{what}; tried again soon. {hint}"),
            State::Failed(Unfetched { what, hint, .. }) => format!("{what}. {hint}"),
        };
        Some(Check::failed("sandbox.rootfs", told))
    }
}

impl Drop for Rootfs {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A task that has nothing to do.
fn nothing() -> AbortHandle {
    tokio::spawn(async {}).abort_handle()
}

async fn keep_trying(fetch: &dyn Fetch, url: &str, sum: &str, to: &Path, news: &watch::Sender<State>) {
    let mut rest = REST;
    loop {
        let told = |done, total| drop(news.send_replace(State::Coming { done, total }));
        let failure = match fetch.fetch(url, sum, to, &told).await {
            Ok(()) => {
                tracing::info!("the root file system of sandboxes is there: {}", to.display());
                news.send_replace(State::There);
                return;
            }
            Err(failure) => failure,
        };
        tracing::warn!("the root file system of sandboxes: {}. {}", failure.what, failure.hint);
        let may_pass = failure.may_pass;
        news.send_replace(State::Failed(failure));
        if !may_pass {
            return;
        }
        tokio::time::sleep(rest).await;
        rest = (rest * 2).min(LONGEST_REST);
    }
}

fn far(done: u64, total: u64) -> String {
    match (done * 100).checked_div(total) {
        Some(percent) => format!("{percent} % of {} MiB", total.div_ceil(1 << 20)),
        None => "it has begun".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use tokio::{sync::Notify, time::Instant};

    use super::*;

    /// Fails as often as it is told, and then waits for a sign in the middle of it.
    struct Slow {
        failures: Mutex<Vec<bool>>,
        sign: Notify,
    }

    #[async_trait]
    impl Fetch for Slow {
        async fn fetch(&self, url: &str, sha256: &str, _to: &Path, told: Told<'_>) -> Result<(), Unfetched> {
            assert_eq!((url, sha256.len()), ("s3://images/root.ext4", 64));
            if let Some(may_pass) = self.failures.lock().unwrap().pop() {
                return Err(Unfetched { what: "it broke".into(), hint: "mend it".into(), may_pass });
            }
            told(450 << 20, 1000 << 20);
            self.sign.notified().await;
            Ok(())
        }
    }

    fn begin(failures: &[bool]) -> (Arc<Slow>, Rootfs) {
        let slow = Arc::new(Slow { failures: Mutex::new(failures.to_vec()), sign: Notify::new() });
        (slow.clone(), with(|_| {}, Some(slow)).unwrap())
    }

    fn with(change: impl FnOnce(&mut SandboxesSettings), fetch: Option<Arc<Slow>>) -> Option<Rootfs> {
        let mut settings = SandboxesSettings {
            rootfs: Some("not/there.ext4".into()),
            rootfs_url: Some("s3://images/root.ext4".into()),
            rootfs_sha256: Some("5E".repeat(32)),
            ..SandboxesSettings::default()
        };
        change(&mut settings);
        Rootfs::begin(&settings, Path::new("/nowhere"), fetch.map(|slow| slow as Arc<dyn Fetch>))
    }

    async fn told(rootfs: &Rootfs) -> String {
        rootfs.check().await.unwrap().detail
    }

    #[tokio::test(start_paused = true)]
    async fn how_far_it_is_is_told_until_it_is_there() {
        let (slow, rootfs) = begin(&[]);
        assert_eq!(told(&rootfs).await, "the root file system is being fetched: 45 % of 1000 MiB");
        let asked = Instant::now();
        let error = rootfs.path().await.unwrap_err();
        assert_eq!(error.to_string(), "the root file system of sandboxes is being fetched: 45 % of 1000 MiB");
        assert_eq!(asked.elapsed().as_secs(), PATIENCE.as_secs());
        slow.sign.notify_one();
        rootfs.arrived().await.unwrap();
        assert!(rootfs.check().await.is_none());
        assert_eq!(rootfs.path().await.unwrap(), Path::new("/nowhere/not/there.ext4"));
    }

    #[tokio::test(start_paused = true)]
    async fn what_may_pass_is_tried_again() {
        let (slow, rootfs) = begin(&[true, true]);
        assert_eq!(told(&rootfs).await, "it broke; tried again soon. mend it");
        assert_eq!(rootfs.path().await.unwrap_err().to_string(), "it broke: mend it");
        slow.sign.notify_one();
        rootfs.arrived().await.unwrap();

        let (_slow, rootfs) = begin(&[false]);
        assert!(rootfs.arrived().await.is_err());
        assert_eq!(told(&rootfs).await, "it broke. mend it");
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_stopped_keeps_nobody_waiting() {
        let (_slow, rootfs) = begin(&[]);
        rootfs.stop();
        assert!(rootfs.arrived().await.is_err());
    }

    #[tokio::test]
    async fn nothing_is_fetched_that_is_there_or_of_no_use() {
        assert!(with(|settings| settings.rootfs_url = None, None).is_none());
        assert!(with(|settings| settings.backend = BackendKind::Namespace, None).is_none());
        let there = with(|settings| settings.rootfs = Some("/proc/self/exe".into()), None).unwrap();
        assert!(there.check().await.is_none());
        assert_eq!(there.path().await.unwrap(), Path::new("/proc/self/exe"));
    }

    #[test]
    fn a_place_for_each_sum() {
        let place = |sum: &str| default_place(sum).map(|path| path.file_name().unwrap().to_owned());
        if let Some(name) = place(&"5E".repeat(32)) {
            assert_eq!(name, "5e5e5e5e5e5e5e5e.ext4");
            assert_eq!(place(&format!("sha256:{}", "5e".repeat(32))), Some(name));
        }
    }
}
