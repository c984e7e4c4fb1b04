use std::{path::Path, sync::Arc};

use windlass_config::settings::{LimitSettings, StoreSettings};
use windlass_core::{Check, Outputs, Principal, Sink};

use crate::{
    directory::{Environment, create_all},
    disk::Disk,
    entry::{Entry, Handle},
    memory::Memory,
    shelf::{Kept, Shelf},
    sink::{Caps, Spill},
};

/// Where what outlives a call is kept. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    shelf: Arc<dyn Shelf>,
    caps: Caps,
}

/// Why the configured directory cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("store.directory `{directory}` cannot be used: {source}")]
pub struct StoreError {
    directory: String,
    source: std::io::Error,
}

impl StoreError {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        "make it a directory this user may write to, or leave store.directory out to let the server choose one"
    }
}

impl Store {
    /// Takes a directory into use, and removes what earlier runs left over in it. Only a configured directory that cannot
    /// be used is an error; without one, the first of [`Environment`]'s that is ours serves, and memory if none is.
    pub fn open(
        settings: &StoreSettings,
        limits: &LimitSettings,
        environment: &Environment,
    ) -> Result<Self, StoreError> {
        let max = settings.max_bytes.0;
        let shelf: Arc<dyn Shelf> = match &settings.directory {
            Some(directory) => {
                // The operator's word is enough: on network file systems and mounted volumes the owner is often another.
                let disk = create_all(directory).and_then(|()| Disk::open(directory.clone(), max));
                let error = |source| StoreError { directory: directory.display().to_string(), source };
                Arc::new(Arc::new(disk.map_err(error)?))
            }
            None => choose(environment, max),
        };
        let answer = usize::try_from(limits.output.0).unwrap_or(usize::MAX);
        Ok(Self { shelf, caps: Caps { answer, spill: limits.spill.0, ttl: settings.ttl.0 } })
    }

    /// The directory, for what else must outlive a call; `None` where there is only memory.
    pub fn directory(&self) -> Option<&Path> {
        self.shelf.directory()
    }

    /// Whether long output can be kept, and where.
    pub fn ready(&self) -> Check {
        self.shelf.ready()
    }

    /// Removes what has expired. Does file IO: call it from a timer, off the async threads.
    pub fn sweep(&self) {
        self.shelf.sweep();
    }

    /// Most bytes of text one answer holds.
    pub(crate) fn answer(&self) -> usize {
        self.caps.answer
    }

    /// The output behind a handle. A stranger's, an expired and an invented one are all the same `None`.
    pub(crate) fn find(&self, who: &Principal, handle: &str) -> Option<Kept> {
        let kept = self.shelf.find(&Handle::parse(handle)?)?;
        kept.entry.readable_by(who).then_some(kept)
    }
}

fn choose(environment: &Environment, max: u64) -> Arc<dyn Shelf> {
    let mut refusals = Vec::new();
    for candidate in environment.candidates() {
        let path = candidate.path.clone();
        let disk = candidate
            .prepare()
            .and_then(|()| Disk::open(path.clone(), max).map_err(|error| format!("{}: {error}", path.display())));
        match disk {
            Ok(disk) => return Arc::new(Arc::new(disk)),
            Err(why) => refusals.push(why),
        }
    }
    let why = refusals.join("; ");
    tracing::warn!(why, "no directory can be used, long output is kept in memory");
    Arc::new(Memory::new(why))
}

impl Outputs for Store {
    fn open(&self, owner: &Principal, label: &str) -> Box<dyn Sink> {
        Box::new(Spill::new(self.shelf.clone(), self.caps, Entry::begin(owner, label)))
    }
}
