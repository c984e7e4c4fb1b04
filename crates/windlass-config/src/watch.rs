//! Hot reload: settings that follow their files.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    sync::mpsc::{self, Receiver, RecvTimeoutError, Sender},
    thread,
    time::{Duration, Instant},
};

use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};

use crate::{ConfigErrors, Loaded, Reloader};

/// Editors write in several steps; this long nothing may have happened before the files are read.
const QUIET: Duration = Duration::from_millis(100);
/// And this long is waited at most.
const PATIENCE: Duration = Duration::from_secs(2);

/// What came of a change: new settings, or why the old ones stay.
pub type Change = Result<Loaded, ConfigErrors>;

/// Files cannot be watched.
#[derive(Debug, thiserror::Error)]
#[error("configuration files cannot be watched, so only SIGHUP reloads them: {0}")]
pub struct WatchError(#[from] notify::Error);

/// Watches as long as it lives.
#[derive(Debug)]
pub struct Watcher(Sender<Message>);

impl Drop for Watcher {
    fn drop(&mut self) {
        // The thread may have ended first, which is what is asked for.
        let _ = self.0.send(Message::Stop);
    }
}

#[derive(Debug)]
enum Message {
    Changed,
    Stop,
}

/// Reloads whenever one of `files` ([`Loaded::files`]) has other content, and tells `on_change`. The settings in force
/// are the caller's: on an error it simply keeps them.
///
/// Directories are watched rather than files, so a file may be replaced by renaming (editors) or by swapping a symbolic
/// link above it (Kubernetes' ConfigMaps).
pub fn watch(
    reloader: Reloader,
    files: &[PathBuf],
    on_change: impl FnMut(Change) + Send + 'static,
) -> Result<Watcher, WatchError> {
    let (sender, receiver) = mpsc::channel();
    let events = sender.clone();
    let notifier = notify::recommended_watcher(move |event: notify::Result<Event>| {
        // Our own reading is an event too. An error means that events were lost, so look.
        if !event.is_ok_and(|event| matches!(event.kind, EventKind::Access(_))) {
            let _ = events.send(Message::Changed);
        }
    })?;
    let mut follower = Follower {
        notifier,
        directories: BTreeSet::new(),
        files: files.to_vec(),
        seen: Vec::new(),
        reloader,
        on_change,
    };
    follower.subscribe()?;
    // Read after subscribing, so that no change falls between the two.
    follower.seen = contents(&follower.files);
    thread::Builder::new()
        .name("config-watch".into())
        .spawn(move || follower.follow(&receiver))
        .map_err(notify::Error::io)?;
    Ok(Watcher(sender))
}

struct Follower<F> {
    notifier: RecommendedWatcher,
    directories: BTreeSet<PathBuf>,
    files: Vec<PathBuf>,
    seen: Vec<Option<Vec<u8>>>,
    reloader: Reloader,
    on_change: F,
}

impl<F: FnMut(Change)> Follower<F> {
    fn follow(mut self, messages: &Receiver<Message>) {
        while let Ok(Message::Changed) = messages.recv() {
            if !settle(messages) {
                return;
            }
            // A link may now lead elsewhere, a directory may have come. One that cannot be watched is tried again later.
            let _ = self.subscribe();
            let now = contents(&self.files);
            if now == self.seen {
                continue;
            }
            self.seen = now;
            let change = self.reloader.reload();
            if let Ok(loaded) = &change
                && loaded.files != self.files
            {
                self.files.clone_from(&loaded.files);
                let _ = self.subscribe();
                self.seen = contents(&self.files);
            }
            (self.on_change)(change);
        }
    }

    /// Watches the directories that the files are in, by name and where links lead to, and no others.
    fn subscribe(&mut self) -> notify::Result<()> {
        let wanted: BTreeSet<PathBuf> = self.files.iter().flat_map(|file| directories(file)).collect();
        for old in self.directories.difference(&wanted) {
            // It may be gone already.
            let _ = self.notifier.unwatch(old);
        }
        let mut outcome = Ok(());
        let mut watched = BTreeSet::new();
        for directory in wanted {
            let result = match self.directories.contains(&directory) {
                true => Ok(()),
                false => self.notifier.watch(&directory, RecursiveMode::NonRecursive),
            };
            match result {
                Ok(()) => drop(watched.insert(directory)),
                Err(error) => outcome = Err(error),
            }
        }
        self.directories = watched;
        outcome
    }
}

/// Waits until nothing has happened for a while. `false` when told to stop.
fn settle(messages: &Receiver<Message>) -> bool {
    let end = Instant::now() + PATIENCE;
    loop {
        match messages.recv_timeout(QUIET) {
            Ok(Message::Changed) if Instant::now() < end => {}
            Ok(Message::Changed) | Err(RecvTimeoutError::Timeout) => return true,
            Ok(Message::Stop) | Err(RecvTimeoutError::Disconnected) => return false,
        }
    }
}

fn directories(file: &Path) -> Vec<PathBuf> {
    let parent = |path: &Path| path.parent().filter(|parent| parent.is_dir()).map(Path::to_path_buf);
    let target = fs::canonicalize(file).ok();
    [parent(file), target.as_deref().and_then(parent)].into_iter().flatten().collect()
}

fn contents(files: &[PathBuf]) -> Vec<Option<Vec<u8>>> {
    files.iter().map(|file| fs::read(file).ok()).collect()
}
