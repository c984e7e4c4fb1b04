//! Objects in a folder.
//!
//! A file gets its place by a rename once it is whole and on the disk. The head is swapped under a lock that the kernel
//! takes back from a process that was killed.

use std::{
    fs::{self, File},
    io::{self, ErrorKind, Write},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use async_trait::async_trait;

use super::objects::{Listed, Object, Objects, Version, blocking, unreachable};
use crate::IndexError;

/// A folder: `head` (made as `head.next`), `lock`, `objects/`, and `work/` for what is in the making.
#[derive(Debug, Clone)]
pub struct Folder {
    root: PathBuf,
    objects: PathBuf,
    work: PathBuf,
}

impl Folder {
    /// It is made when something is written.
    pub fn new(root: &Path) -> Result<Self, IndexError> {
        let root = std::path::absolute(root).map_err(unreachable(root.display()))?;
        Ok(Self { objects: root.join("objects"), work: root.join("work"), root })
    }

    fn head_file(&self) -> PathBuf {
        self.root.join("head")
    }

    fn make(&self) -> Result<(), IndexError> {
        for folder in [&self.objects, &self.work] {
            fs::create_dir_all(folder).map_err(unreachable(folder.display()))?;
        }
        Ok(())
    }

    fn read_head(&self) -> Result<Option<Version>, IndexError> {
        match fs::read(self.head_file()) {
            Ok(bytes) => Ok(Some(Version { bytes, tag: None })),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(unreachable(self.head_file().display())(error)),
        }
    }

    fn swap_head(&self, read: Option<&Version>, next: &[u8]) -> Result<bool, IndexError> {
        self.make()?;
        let lock = self.root.join("lock");
        let held = File::options().create(true).append(true).open(&lock).map_err(unreachable(lock.display()))?;
        held.lock().map_err(unreachable(lock.display()))?;
        if self.read_head()?.as_ref() != read {
            return Ok(false);
        }
        // Under the lock one name is enough, and what a killed process left there is written over.
        let made = self.root.join("head.next");
        let swapped = || -> io::Result<()> {
            let mut file = File::create(&made)?;
            file.write_all(next)?;
            file.sync_all()?;
            fs::rename(&made, self.head_file())?;
            sync(&self.root)
        };
        swapped().map_err(unreachable(self.root.display()))?;
        Ok(true)
    }

    fn keep(&self, object: &Object, file: &Path) -> Result<(), IndexError> {
        self.make()?;
        let place = self.objects.join(object.key());
        let kept = || -> io::Result<()> {
            File::open(file)?.sync_all()?;
            fs::rename(file, &place)?;
            sync(&self.objects)
        };
        kept().map_err(unreachable(place.display()))
    }

    fn listed(&self) -> Result<Vec<Listed>, IndexError> {
        let failed = || unreachable(self.objects.display());
        let head = match fs::metadata(self.head_file()) {
            Ok(known) => known.modified().map_err(failed())?,
            Err(error) if error.kind() == ErrorKind::NotFound => SystemTime::UNIX_EPOCH,
            Err(error) => return Err(failed()(error)),
        };
        let entries = match fs::read_dir(&self.objects) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(failed()(error)),
        };
        let mut listed = Vec::new();
        for entry in entries {
            let entry = entry.map_err(failed())?;
            // Another process may delete it just now.
            let Ok(known) = entry.metadata() else { continue };
            let Ok(key) = entry.file_name().into_string() else { continue };
            let age = known.modified().ok().and_then(|written| head.duration_since(written).ok());
            listed.push(Listed { key, bytes: known.len(), age: age.unwrap_or(Duration::ZERO) });
        }
        Ok(listed)
    }
}

/// A rename is on the disk when its directory is.
fn sync(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

#[async_trait]
impl Objects for Folder {
    fn directory(&self) -> &Path {
        &self.objects
    }

    fn work(&self) -> &Path {
        &self.work
    }

    async fn fetch(&self, object: &Object) -> Result<(), IndexError> {
        let (object, path) = (object.clone(), self.objects.join(object.key()));
        blocking(move || match fs::metadata(&path) {
            Ok(known) if known.len() == object.bytes => Ok(()),
            Ok(known) => Err(object.damaged(format!("has {} bytes, and not {}", known.len(), object.bytes))),
            Err(error) if error.kind() == ErrorKind::NotFound => Err(object.damaged("is missing")),
            Err(error) => Err(unreachable(path.display())(error)),
        })
        .await
    }

    async fn put(&self, object: &Object, file: &Path) -> Result<(), IndexError> {
        let (this, object, file) = (self.clone(), object.clone(), file.to_owned());
        blocking(move || this.keep(&object, &file)).await
    }

    async fn head(&self) -> Result<Option<Version>, IndexError> {
        let this = self.clone();
        blocking(move || this.read_head()).await
    }

    async fn swap(&self, read: Option<&Version>, next: &[u8]) -> Result<bool, IndexError> {
        let (this, read, next) = (self.clone(), read.cloned(), next.to_owned());
        blocking(move || this.swap_head(read.as_ref(), &next)).await
    }

    async fn list(&self) -> Result<Vec<Listed>, IndexError> {
        let this = self.clone();
        blocking(move || this.listed()).await
    }

    async fn delete(&self, keys: &[String]) -> Result<(), IndexError> {
        let (this, keys) = (self.clone(), keys.to_owned());
        blocking(move || {
            for key in &keys {
                match fs::remove_file(this.objects.join(key)) {
                    Err(error) if error.kind() != ErrorKind::NotFound => return Err(unreachable(key)(error)),
                    _ => {}
                }
            }
            Ok(())
        })
        .await
    }
}
