use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use windlass_config::settings::{LimitSettings, StoreSettings};
use windlass_core::{Check, Outputs, Principal, Sink};

use crate::{
    cloud::{self, Cloud},
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
    source: io::Error,
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
    ///
    /// A bucket and a table are asked for nothing before there is output to keep.
    pub fn open(
        settings: &StoreSettings,
        limits: &LimitSettings,
        environment: &Environment,
    ) -> Result<Self, StoreError> {
        let max = settings.max_bytes.0;
        let shelf: Arc<dyn Shelf> = match (&settings.bucket, &settings.table) {
            (Some(bucket), Some(table)) => {
                let found = place(settings, environment, cloud::probe)?;
                let (directory, why) = found.map_or_else(|why| (None, Some(why)), |((), path)| (Some(path), None));
                if let Some(why) = why {
                    tracing::warn!(why, "no directory can be used, output waits for its upload in a little memory");
                }
                Arc::new(Arc::new(Cloud::new(settings, (bucket, table), directory, environment.aws.clone())))
            }
            _ => match place(settings, environment, |path| Disk::open(path.to_owned(), max))? {
                Ok((disk, _)) => Arc::new(Arc::new(disk)),
                Err(why) => {
                    tracing::warn!(why, "no directory can be used, long output is kept in memory");
                    Arc::new(Memory::new(why))
                }
            },
        };
        let answer = usize::try_from(limits.output.0).unwrap_or(usize::MAX);
        Ok(Self { shelf, caps: Caps { answer, spill: limits.spill.0, ttl: settings.ttl.0 } })
    }

    /// The directory, for what else must outlive a call; `None` where there is only memory.
    pub fn directory(&self) -> Option<&Path> {
        self.shelf.directory()
    }

    /// Whether long output can be kept, and where. May ask the network: call it off the async threads.
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
    pub(crate) fn find(&self, who: &Principal, handle: &str) -> io::Result<Option<Kept>> {
        let Some(handle) = Handle::parse(handle) else { return Ok(None) };
        Ok(self.shelf.find(&handle)?.filter(|kept| kept.entry.readable_by(who)))
    }
}

/// The configured directory, or the first of [`Environment`]'s that is ours, with what `open` made of it; or why there
/// is none.
fn place<T>(
    settings: &StoreSettings,
    environment: &Environment,
    open: impl Fn(&Path) -> io::Result<T>,
) -> Result<Result<(T, PathBuf), String>, StoreError> {
    if let Some(directory) = &settings.directory {
        // The operator's word is enough: on network file systems and mounted volumes the owner is often another.
        let opened = create_all(directory).and_then(|()| open(directory));
        let error = |source| StoreError { directory: directory.display().to_string(), source };
        return Ok(Ok((opened.map_err(error)?, directory.clone())));
    }
    let mut refusals = Vec::new();
    for candidate in environment.candidates() {
        let path = candidate.path.clone();
        let opened =
            candidate.prepare().and_then(|()| open(&path).map_err(|error| format!("{}: {error}", path.display())));
        match opened {
            Ok(opened) => return Ok(Ok((opened, path))),
            Err(why) => refusals.push(why),
        }
    }
    Ok(Err(refusals.join("; ")))
}

impl Outputs for Store {
    fn open(&self, owner: &Principal, label: &str) -> Box<dyn Sink> {
        Box::new(Spill::new(self.shelf.clone(), self.caps, Entry::begin(owner, label)))
    }
}
