//! The files of a generation as a directory of tantivy: immutable objects below, and what a writer makes above them.

use std::{
    collections::HashMap,
    fmt,
    fs::{self, File},
    io::{self, BufWriter, ErrorKind, Write},
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
};

use tantivy::{
    Directory,
    directory::{
        AntiCallToken, DirectoryLock, FileHandle, Lock, MmapDirectory, OwnedBytes, TerminatingWrite, WatchCallback,
        WatchHandle, WritePtr,
        error::{DeleteError, LockError, OpenReadError, OpenWriteError},
    },
};

use super::{
    manifest::Manifest,
    objects::{Object, unreachable},
};
use crate::IndexError;

/// What tantivy keeps its list of segments in.
const META: &str = "meta.json";

/// The files of one generation, memory-mapped; and those of the next one, where one is made.
#[derive(Clone)]
pub struct Files(Arc<Inner>);

struct Inner {
    objects: Option<MmapDirectory>,
    /// Which object a file is.
    published: HashMap<PathBuf, String>,
    made: Option<(PathBuf, MmapDirectory)>,
    /// What tantivy rewrites: small, and never read from a disk. The manifest has what it is in the end.
    small: RwLock<HashMap<PathBuf, Vec<u8>>>,
}

impl Files {
    /// Of a generation, for reading.
    pub fn of(manifest: &Manifest, objects: &Path) -> Result<Self, IndexError> {
        Self::new(Some((manifest, objects)), None)
    }

    /// What is written goes to `work`.
    pub fn next(base: Option<(&Manifest, &Path)>, work: &Path) -> Result<Self, IndexError> {
        Self::new(base, Some(work))
    }

    fn new(base: Option<(&Manifest, &Path)>, work: Option<&Path>) -> Result<Self, IndexError> {
        let mut small = HashMap::new();
        let mut published = HashMap::new();
        if let Some((manifest, _)) = base {
            small.insert(META.into(), manifest.text.clone().into_bytes());
            published.extend(manifest.files.iter().map(|file| (file.name.clone().into(), file.key())));
        }
        let objects = base.map(|(_, objects)| mapped(objects)).transpose()?;
        let made = work.map(|work| Ok::<_, IndexError>((work.to_owned(), mapped(work)?))).transpose()?;
        Ok(Self(Arc::new(Inner { objects, published, made, small: RwLock::new(small) })))
    }

    /// What tantivy would write to `meta.json`.
    pub fn meta(&self) -> Result<String, IndexError> {
        let small = self.0.small.read().unwrap_or_else(PoisonError::into_inner);
        let text = small.get(Path::new(META)).and_then(|bytes| String::from_utf8(bytes.clone()).ok());
        text.ok_or_else(|| IndexError::Damaged("the text index has no list of segments".to_owned()))
    }

    fn small(&self, path: &Path) -> Option<Vec<u8>> {
        self.0.small.read().unwrap_or_else(PoisonError::into_inner).get(path).cloned()
    }
}

/// A directory whose files are read by mapping them.
pub fn mapped(directory: &Path) -> Result<MmapDirectory, IndexError> {
    MmapDirectory::open(directory).map_err(|error| IndexError::Damaged(format!("{}: {error}", directory.display())))
}

/// The bytes of an object that was fetched, mapped. They stay when the object is deleted.
pub fn map(objects: &Path, object: &Object) -> Result<OwnedBytes, IndexError> {
    let bytes = map_file(objects, &object.key())?;
    if bytes.len() as u64 != object.bytes {
        return Err(object.damaged(format!("has {} bytes, and not {}", bytes.len(), object.bytes)));
    }
    Ok(bytes)
}

/// The bytes of a file, mapped.
pub fn map_file(directory: &Path, name: &str) -> Result<OwnedBytes, IndexError> {
    let opened = mapped(directory)?.get_file_handle(Path::new(name));
    let handle = opened.map_err(|error| IndexError::Damaged(format!("{name} cannot be opened: {error}")))?;
    handle.read_bytes(0..handle.len()).map_err(unreachable(name))
}

impl fmt::Debug for Files {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Files").field(&self.0.published.len()).finish()
    }
}

/// Not synced here: what becomes an object is, and nothing else has to last.
struct Unsynced(File);

impl Write for Unsynced {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl TerminatingWrite for Unsynced {
    fn terminate_ref(&mut self, _: AntiCallToken) -> io::Result<()> {
        self.0.flush()
    }
}

fn read_only() -> io::Error {
    io::Error::new(ErrorKind::ReadOnlyFilesystem, "what is published does not change")
}

impl Directory for Files {
    fn get_file_handle(&self, path: &Path) -> Result<Arc<dyn FileHandle>, OpenReadError> {
        if let Some((_, made)) = &self.0.made {
            match made.get_file_handle(path) {
                Err(OpenReadError::FileDoesNotExist(_)) => {}
                done => return done,
            }
        }
        match (self.0.published.get(path), &self.0.objects) {
            (Some(key), Some(objects)) => objects.get_file_handle(Path::new(key)),
            _ => Err(OpenReadError::FileDoesNotExist(path.to_owned())),
        }
    }

    fn exists(&self, path: &Path) -> Result<bool, OpenReadError> {
        let made = self.0.made.as_ref().is_some_and(|(work, _)| work.join(path).exists());
        Ok(made || self.0.published.contains_key(path) || self.small(path).is_some())
    }

    fn delete(&self, path: &Path) -> Result<(), DeleteError> {
        // What is published stays where it is; a manifest that does not name it is all that forgetting takes.
        let Some((work, _)) = &self.0.made else { return Ok(()) };
        match fs::remove_file(work.join(path)) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(DeleteError::IoError { io_error: Arc::new(error), filepath: path.to_owned() })
            }
            _ => Ok(()),
        }
    }

    fn open_write(&self, path: &Path) -> Result<WritePtr, OpenWriteError> {
        let failed = |error| OpenWriteError::wrap_io_error(error, path.to_owned());
        let Some((work, _)) = &self.0.made else { return Err(failed(read_only())) };
        let file = File::create_new(work.join(path)).map_err(failed)?;
        Ok(BufWriter::with_capacity(64 << 10, Box::new(Unsynced(file))))
    }

    fn atomic_read(&self, path: &Path) -> Result<Vec<u8>, OpenReadError> {
        self.small(path).ok_or_else(|| OpenReadError::FileDoesNotExist(path.to_owned()))
    }

    fn atomic_write(&self, path: &Path, data: &[u8]) -> io::Result<()> {
        if self.0.made.is_none() {
            return Err(read_only());
        }
        self.0.small.write().unwrap_or_else(PoisonError::into_inner).insert(path.to_owned(), data.to_owned());
        Ok(())
    }

    fn sync_directory(&self) -> io::Result<()> {
        Ok(())
    }

    fn acquire_lock(&self, _lock: &Lock) -> Result<DirectoryLock, LockError> {
        // A writer's directory is its own, and nothing else changes.
        Ok(DirectoryLock::from(Box::new(())))
    }

    fn watch(&self, _callback: WatchCallback) -> tantivy::Result<WatchHandle> {
        Ok(WatchHandle::empty())
    }
}
