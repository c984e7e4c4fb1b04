//! One deploy of a name at a time, wherever it is started from.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use tokio::task::JoinHandle;

use crate::{
    DeployError, Kind, Progress,
    shelf::{Mark, Only, Shelf},
};

const NAME: &str = "lock.json";
/// After this long without renewal whoever held it is gone.
const TTL: Duration = Duration::from_secs(90);
const RENEWAL: Duration = Duration::from_secs(20);

/// Who holds the lock, and what for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// The user.
    pub user: String,
    /// The machine.
    pub host: String,
    /// The process on that machine.
    pub process: u32,
    /// Where that number means this process: the boot of the machine and the namespace. Two containers may have one name.
    #[serde(default)]
    pub place: String,
    /// What it does: `deploy 1a2b3c4`.
    pub doing: String,
    /// Since when.
    #[serde(with = "time::serde::rfc3339")]
    pub since: OffsetDateTime,
    /// Valid until then, unless renewed.
    #[serde(with = "time::serde::rfc3339")]
    pub expires: OffsetDateTime,
}

impl Owner {
    /// This process.
    pub fn this_process(doing: &str) -> Self {
        let name = |variable: &str| std::env::var(variable).ok().filter(|name| !name.is_empty());
        let now = OffsetDateTime::now_utc();
        Self {
            user: name("USER")
                .or_else(|| name("LOGNAME"))
                .unwrap_or_else(|| format!("user {}", rustix::process::getuid().as_raw())),
            host: host(),
            process: std::process::id(),
            place: place(),
            doing: doing.to_owned(),
            since: now,
            expires: now + TTL,
        }
    }

    /// Whether both are one holding of the lock.
    fn is(&self, other: &Self) -> bool {
        (&self.host, &self.place, self.process, self.since) == (&other.host, &other.place, other.process, other.since)
    }

    /// Whether it has certainly ended: its time is up, or it was a process of this machine that is no more.
    fn is_gone(&self) -> bool {
        let dead = || {
            let id = i32::try_from(self.process).ok().and_then(rustix::process::Pid::from_raw);
            id.is_none_or(|id| rustix::process::test_kill_process(id) == Err(rustix::io::Errno::SRCH))
        };
        let now = OffsetDateTime::now_utc();
        // A time so far off was never given by a clock that agrees with ours.
        let never = self.expires > now + 10 * TTL;
        self.expires < now || never || (!self.place.is_empty() && self.place == place() && dead())
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let since = self.since.replace_nanosecond(0).unwrap_or(self.since);
        let since = since.format(&time::format_description::well_known::Rfc3339).unwrap_or_default();
        write!(f, "{}@{} (process {}), {} since {since}", self.user, self.host, self.process, self.doing)
    }
}

fn place() -> String {
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let namespace = std::fs::read_link("/proc/self/ns/pid").unwrap_or_default();
    match boot.trim() {
        "" => String::new(),
        boot => format!("{boot} {}", namespace.display()),
    }
}

pub(crate) fn host() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// The lock, held and renewed until it is released.
pub struct Lock {
    shelf: Arc<dyn Shelf>,
    owner: Owner,
    /// When it expires, in seconds since 1970, by the last renewal that worked; 0 once it is lost.
    valid: Arc<AtomicI64>,
    renewal: JoinHandle<()>,
}

impl Lock {
    /// Takes the lock, or waits up to `patience` for it.
    pub(crate) async fn take(
        shelf: Arc<dyn Shelf>,
        owner: Owner,
        patience: Duration,
        progress: &dyn Progress,
    ) -> Result<Self, DeployError> {
        let until = tokio::time::Instant::now() + patience;
        let mut told = false;
        loop {
            let holder = match shelf.get(NAME).await? {
                None => {
                    if let Some(mark) = shelf.put(NAME, &text(&owner), Only::IfAbsent).await? {
                        return Ok(Self::keep(shelf, owner, mark));
                    }
                    continue;
                }
                Some((text, mark)) => match serde_json::from_str::<Owner>(&text) {
                    Ok(holder) if !holder.is_gone() => holder,
                    gone => {
                        if let Some(mark) = shelf.put(NAME, &self::text(&owner), Only::IfSame(mark)).await? {
                            let holder = gone.map_or_else(|_| "an unreadable one".to_owned(), |gone| gone.to_string());
                            progress.notice(&format!("took over the lock of {holder}, which is gone"));
                            return Ok(Self::keep(shelf, owner, mark));
                        }
                        continue;
                    }
                },
            };
            if tokio::time::Instant::now() >= until {
                return Err(DeployError::new(Kind::Locked, format!("locked by {holder}"))
                    .hint("let it finish and try again, or wait for it with `--wait 10m`; a lock whose owner died frees itself")
                    .detail(format!("the lock is {NAME} in {}", shelf.place())));
            }
            if !told {
                progress.notice(&format!("waiting for {holder}"));
                told = true;
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }

    fn keep(shelf: Arc<dyn Shelf>, mut owner: Owner, mut mark: Mark) -> Self {
        let valid = Arc::new(AtomicI64::new(owner.expires.unix_timestamp()));
        let (shelf_, valid_, own) = (shelf.clone(), valid.clone(), owner.clone());
        let renewal = tokio::spawn(async move {
            loop {
                tokio::time::sleep(RENEWAL).await;
                owner.expires = OffsetDateTime::now_utc() + TTL;
                match shelf_.put(NAME, &text(&owner), Only::IfSame(mark.clone())).await {
                    Ok(Some(renewed)) => {
                        mark = renewed;
                        valid_.store(owner.expires.unix_timestamp(), Ordering::Relaxed);
                    }
                    Ok(None) => break,
                    // Not renewed is not lost: there are several tries before it expires.
                    Err(error) => tracing::warn!("the lock could not be renewed: {error}"),
                }
            }
            valid_.store(0, Ordering::Relaxed);
        });
        Self { shelf, owner: own, valid, renewal }
    }

    /// An error when somebody else has taken it over in the meantime, as after this machine slept.
    pub fn check(&self) -> Result<(), DeployError> {
        match self.valid.load(Ordering::Relaxed) > OffsetDateTime::now_utc().unix_timestamp() {
            true => Ok(()),
            false => Err(DeployError::new(Kind::Locked, "the lock was lost: this process was away for too long")
                .hint("see `windlass deploy status`, then run `windlass deploy` again: it goes on where it stopped")),
        }
    }

    /// Lets others in.
    pub async fn release(self) -> Result<(), DeployError> {
        self.renewal.abort();
        let holder = self.shelf.get(NAME).await?.and_then(|(text, _)| serde_json::from_str::<Owner>(&text).ok());
        match holder.is_some_and(|holder| holder.is(&self.owner)) {
            true => self.shelf.remove(NAME).await,
            // Somebody took it over.
            false => Ok(()),
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        self.renewal.abort();
    }
}

fn text(owner: &Owner) -> String {
    // An owner is text and numbers; writing it cannot fail.
    serde_json::to_string_pretty(owner).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Quiet, shelf::Directory};

    fn shelf(directory: &std::path::Path) -> Arc<dyn Shelf> {
        Arc::new(Directory(directory.to_owned()))
    }

    #[tokio::test]
    async fn the_second_is_told_who_is_first() {
        let directory = tempfile::tempdir().unwrap();
        let shelf = shelf(directory.path());
        let first = Owner { user: "ada".into(), ..Owner::this_process("deploy 1a2b3c4") };
        let lock = Lock::take(shelf.clone(), first, Duration::ZERO, &Quiet).await.unwrap();
        let second = Owner::this_process("destroy");
        let error = Lock::take(shelf.clone(), second.clone(), Duration::ZERO, &Quiet).await.err().unwrap();
        assert_eq!(error.kind, Kind::Locked);
        assert!(error.message.contains("ada@") && error.message.contains("deploy 1a2b3c4"), "{error}");
        lock.release().await.unwrap();
        Lock::take(shelf, second, Duration::ZERO, &Quiet).await.unwrap();
    }

    #[tokio::test]
    async fn a_waiting_deploy_gets_it_when_it_is_free() {
        let directory = tempfile::tempdir().unwrap();
        let shelf = shelf(directory.path());
        let lock = Lock::take(shelf.clone(), Owner::this_process("one"), Duration::ZERO, &Quiet).await.unwrap();
        let waiting = tokio::spawn(async move {
            Lock::take(shelf, Owner::this_process("two"), Duration::from_secs(30), &Quiet).await.map(drop)
        });
        lock.release().await.unwrap();
        waiting.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn what_the_dead_held_is_free() {
        let directory = tempfile::tempdir().unwrap();
        let shelf = shelf(directory.path());
        let now = OffsetDateTime::now_utc();
        let expired = Owner { host: "elsewhere".into(), expires: now - TTL, ..Owner::this_process("x") };
        // Process ids end far below this.
        let dead = Owner { process: 0x3fff_ffff, ..Owner::this_process("x") };
        let elsewhere = Owner { place: "elsewhere".into(), process: 0x3fff_ffff, ..Owner::this_process("x") };
        let unbelievable = Owner { expires: now + 1000 * TTL, ..Owner::this_process("x") };
        for (owner, free) in [(expired, true), (dead, true), (elsewhere, false), (unbelievable, true)] {
            shelf.remove(NAME).await.unwrap();
            shelf.put(NAME, &text(&owner), Only::IfAbsent).await.unwrap();
            let taken = Lock::take(shelf.clone(), Owner::this_process("y"), Duration::ZERO, &Quiet).await;
            assert_eq!(taken.is_ok(), free, "{owner}");
        }
    }
}
