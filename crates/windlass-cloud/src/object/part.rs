//! What is there of a file so far, and of which one.

use std::{
    fs::{self, File},
    io::{self, Read, Seek, Write},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use windlass_config::Sha256Sum;

use super::{
    PullProblem,
    lock::{Lock, beside, own},
    source::Mark,
};

/// Of which object it is a part. Lies beside it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Note {
    /// Where it comes from, without what is secret in it.
    pub url: String,
    /// Bytes of the whole.
    pub bytes: u64,
    /// Which version.
    #[serde(flatten)]
    pub mark: Mark,
}

/// The file `PATH.part`, which nobody else writes.
#[derive(Debug)]
pub(super) struct Part {
    to: PathBuf,
    path: PathBuf,
    beside: PathBuf,
    file: File,
    hasher: Sha256,
    length: u64,
    note: Option<Note>,
    inherited: bool,
    _lock: Lock,
}

impl Part {
    /// What is there of `to`, as far as it is of `url`.
    pub fn open(to: &Path, url: &str, lock: Lock) -> Result<Self, PullProblem> {
        let (path, note) = (beside(to, ".part"), beside(to, ".part.json"));
        let file = own(&path).map_err(PullProblem::io(format!("writing {}", path.display())))?;
        let mut this = Self {
            to: to.to_owned(),
            path,
            beside: note,
            file,
            hasher: Sha256::new(),
            length: 0,
            note: None,
            inherited: false,
            _lock: lock,
        };
        match Note::read(&this.beside).filter(|note| note.url == url) {
            Some(note) => {
                let (mut file, hasher) = (&this.file, &mut this.hasher);
                this.length = copy(&mut file, hasher).map_err(this.failed("reading"))?;
                (this.inherited, this.note) = (this.length > 0, Some(note));
            }
            None => this.clear()?,
        }
        // Longer than the whole: of something else.
        if this.note.as_ref().is_some_and(|note| this.length > note.bytes) {
            this.clear()?;
        }
        Ok(this)
    }

    /// Bytes that are there.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Of which object, where that is known.
    pub fn note(&self) -> Option<&Note> {
        self.note.as_ref()
    }

    /// Whether another one wrote some of it.
    pub fn is_inherited(&self) -> bool {
        self.inherited
    }

    /// Gets ready for bytes of the object of `note` from `start` on. The bytes that are there; `None` where these cannot
    /// follow them.
    pub fn go_on(&mut self, start: u64, note: Note) -> Result<Option<u64>, PullProblem> {
        let same = self.note.as_ref().is_some_and(|known| known.bytes == note.bytes && known.mark.may_be(&note.mark));
        match (same && start == self.length, start) {
            (true, _) => {}
            (false, 0) => {
                self.clear()?;
                let written = serde_json::to_vec(&note).map_err(io::Error::other);
                written.and_then(|text| own(&self.beside)?.write_all(&text)).map_err(self.failed("writing"))?;
                self.note = Some(note);
            }
            (false, _) => return Ok(None),
        }
        self.room()?;
        Ok(Some(self.length))
    }

    fn room(&self) -> Result<(), PullProblem> {
        let place = self.path.parent().filter(|place| !place.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let found = rustix::fs::statvfs(place).map_err(io::Error::from).map_err(self.failed("writing"))?;
        let free = found.f_bavail.saturating_mul(found.f_frsize);
        let needed = self.note.as_ref().map_or(0, |note| note.bytes.saturating_sub(self.length));
        match needed > free {
            true => Err(PullProblem::Room { needed, free, place: place.to_owned() }),
            false => Ok(()),
        }
    }

    /// Adds bytes.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), PullProblem> {
        if let Err(error) = self.file.write_all(bytes) {
            if error.kind() == io::ErrorKind::StorageFull {
                self.room()?;
            }
            return Err(self.failed("writing")(error));
        }
        self.hasher.update(bytes);
        self.length += bytes.len() as u64;
        Ok(())
    }

    /// The sum of what is there.
    pub fn sum(&self) -> Sha256Sum {
        Sha256Sum(self.hasher.clone().finalize().into())
    }

    /// Forgets what is there.
    pub fn clear(&mut self) -> Result<(), PullProblem> {
        // In this order: a note never speaks of bytes that are of something else.
        match fs::remove_file(&self.beside) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(self.failed("clearing")(error)),
            _ => {}
        }
        self.file.set_len(0).and_then(|()| self.file.rewind()).map_err(self.failed("clearing"))?;
        (self.hasher, self.length, self.note, self.inherited) = (Sha256::new(), 0, None, false);
        Ok(())
    }

    /// Gives the file its name: it is whole, and will be so after a power cut.
    pub fn put_in_place(&mut self) -> Result<(), PullProblem> {
        self.file.sync_all().map_err(self.failed("writing"))?;
        fs::rename(&self.path, &self.to).map_err(self.failed("renaming"))?;
        let _ = fs::remove_file(&self.beside);
        let directory = self.to.parent().filter(|place| !place.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(directory).and_then(|directory| directory.sync_all()).map_err(self.failed("writing"))
    }

    fn failed(&self, doing: &str) -> impl FnOnce(io::Error) -> PullProblem + use<> {
        PullProblem::io(format!("{doing} {}", self.path.display()))
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // Nothing of it is worth keeping.
        if self.length == 0 {
            let _ = fs::remove_file(&self.beside);
            let _ = fs::remove_file(&self.path);
        }
    }
}

impl Note {
    fn read(path: &Path) -> Option<Self> {
        serde_json::from_slice(&fs::read(path).ok()?).ok()
    }
}

/// Bytes that are there of `to`, and bytes of the whole, as somebody else's part says.
pub(super) fn how_far(to: &Path) -> (u64, u64) {
    let done = fs::metadata(beside(to, ".part")).map_or(0, |part| part.len());
    (done, Note::read(&beside(to, ".part.json")).map_or(0, |note| note.bytes))
}

/// The length of the file at `path`, where there is one and it has this sum.
pub(super) fn length_with(path: &Path, sum: Sha256Sum) -> Result<Option<u64>, PullProblem> {
    let mut hasher = Sha256::new();
    let read = File::open(path).and_then(|mut file| copy(&mut file, &mut hasher));
    match read {
        Ok(length) => Ok((Sha256Sum(hasher.finalize().into()) == sum).then_some(length)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(PullProblem::io(format!("reading {}", path.display()))(error)),
    }
}

fn copy(from: &mut impl Read, to: &mut Sha256) -> io::Result<u64> {
    let (mut buffer, mut length) = (vec![0; 1 << 20], 0);
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return Ok(length),
            Ok(read) => {
                to.update(&buffer[..read]);
                length += read as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
