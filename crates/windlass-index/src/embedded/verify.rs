//! Whether files still have the content they were written with.
//!
//! Opening an index looks at lengths only: who asks one question does not wait until all of it was read. A thread reads it
//! meanwhile, once for each file, and what it finds changed is said to everybody from then on.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
    io::{self, Read},
    path::Path,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
};

use sha2::{Digest, Sha256};

use super::{
    manifest::Manifest,
    objects::{Object, Objects},
};
use crate::{Hash, IndexError};

/// What is known of the files of an index.
#[derive(Default)]
pub struct Verified {
    files: Mutex<BTreeMap<String, State>>,
    done: Condvar,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Waiting,
    Whole,
    Changed,
}

impl Verified {
    fn files(&self) -> MutexGuard<'_, BTreeMap<String, State>> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads the files of a generation, where they are here and were not read yet. Copies that were changed are removed.
    pub fn watch(self: &Arc<Self>, manifest: &Manifest, objects: &dyn Objects) {
        let (directory, is_copy) = (objects.directory(), objects.is_copy());
        let mut files = self.files();
        let current: BTreeSet<_> = manifest.files.iter().map(Object::key).collect();
        files.retain(|key, state| *state != State::Whole || current.contains(key));
        let new = manifest.files.iter().filter(|file| !files.contains_key(&file.key()));
        let new: Vec<_> = new.map(|file| (file.clone(), directory.join(file.key()))).collect();
        files.extend(new.iter().map(|(file, _)| (file.key(), State::Waiting)));
        drop(files);
        if new.is_empty() {
            return;
        }
        let this = Arc::downgrade(self);
        // No task of the runtime, which would wait for it when it ends.
        let work = move || {
            for (file, path) in new {
                let state = look(&file, &path);
                if is_copy && state == Some(State::Changed) {
                    let _ = fs::remove_file(&path);
                }
                let Some(this) = this.upgrade() else { return };
                this.found(&file.key(), state);
            }
        };
        if let Err(error) = thread::Builder::new().name("index-verify".to_owned()).spawn(work) {
            tracing::warn!(%error, "the files of an index are not verified");
        }
    }

    fn found(&self, key: &str, state: Option<State>) {
        match state {
            Some(state) => self.files().insert(key.to_owned(), state),
            // It was not here to be read; it is another time.
            None => self.files().remove(key),
        };
        self.done.notify_all();
    }

    /// These were just read from end to end, or written.
    pub fn is_whole(&self, file: &Object) {
        self.files().insert(file.key(), State::Whole);
    }

    /// This was just found to be another one.
    pub fn is_changed(&self, file: &Object) {
        self.files().insert(file.key(), State::Changed);
    }

    /// Fails where a file of this generation was found to be another one.
    pub fn check(&self, manifest: &Manifest) -> Result<(), IndexError> {
        let files = self.files();
        let changed = manifest.files.iter().find(|file| files.get(&file.key()) == Some(&State::Changed));
        changed.map_or(Ok(()), |file| Err(file.damaged("has another content")))
    }

    /// What is known of the files of this generation that were changed, as if they had not been looked at.
    pub fn forget(&self, manifest: &Manifest) {
        let mut files = self.files();
        for file in &manifest.files {
            if files.get(&file.key()) == Some(&State::Changed) {
                files.remove(&file.key());
            }
        }
    }

    /// Waits until every file was looked at.
    pub fn wait(&self) {
        let waiting = |files: &mut BTreeMap<String, State>| files.values().any(|&state| state == State::Waiting);
        drop(self.done.wait_while(self.files(), waiting).unwrap_or_else(PoisonError::into_inner));
    }
}

/// Whether it is here, and is not what it should be.
pub fn is_changed(file: &Object, directory: &Path) -> bool {
    look(file, &directory.join(file.key())) == Some(State::Changed)
}

/// `None` where it is not here.
fn look(file: &Object, path: &Path) -> Option<State> {
    let mut open = File::open(path).ok()?;
    match hash(&mut open) {
        Ok(hash) if hash == file.hash => Some(State::Whole),
        Ok(_) => Some(State::Changed),
        Err(error) => {
            tracing::warn!(%error, file = %path.display(), "cannot be verified");
            None
        }
    }
}

/// The hash of what is left to read.
pub fn hash(from: &mut impl Read) -> io::Result<Hash> {
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 256 << 10];
    loop {
        match from.read(&mut buffer)? {
            0 => return Ok(Hash(hasher.finalize().into())),
            length => hasher.update(&buffer[..length]),
        }
    }
}
