//! Where an image is put together, and how it takes its place: all of it, or nothing.

use std::{
    fs::{self, File},
    io,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
};

use rustix::fs::{CWD, FlockOperation, RenameFlags, flock, renameat_with, statvfs};

use super::{ImageError, Manifest};

const SCRATCH: &str = "scratch";

/// A directory beside the image's own, on the same disk. It goes when dropped.
#[derive(Debug)]
pub(super) struct Staging {
    out: PathBuf,
    path: PathBuf,
    /// It has become the image.
    done: bool,
    /// Held while the build lasts.
    _lock: File,
}

impl Staging {
    /// Makes one for an image at `out`, with `needed` bytes of room.
    pub fn open(out: &Path, needed: u64) -> Result<Self, ImageError> {
        let out = std::path::absolute(out).map_err(ImageError::io(format!("finding {}", out.display())))?;
        let (Some(above), Some(name)) = (out.parent(), out.file_name()) else {
            return Err(ImageError::Occupied { path: out });
        };
        if !replaceable(&out).map_err(ImageError::io(format!("looking at {}", out.display())))? {
            return Err(ImageError::Occupied { path: out });
        }
        fs::create_dir_all(above).map_err(ImageError::io(format!("making {}", above.display())))?;
        let path = above.join(format!(".{}.building", name.to_string_lossy()));
        let doing = format!("making {}", path.display());
        let lock = claim(&path).map_err(ImageError::io(&doing))?;
        let lock = lock.ok_or_else(|| ImageError::Busy { path: out.clone() })?;
        // What an interrupted build left.
        empty(&path).map_err(ImageError::io(format!("emptying {}", path.display())))?;
        fs::create_dir(path.join(SCRATCH)).map_err(ImageError::io(&doing))?;
        let this = Self { out, path, done: false, _lock: lock };
        let disk = statvfs(&this.path).map_err(|error| ImageError::io(doing)(error.into()))?;
        let free = disk.f_bavail * disk.f_frsize;
        if free < needed {
            return Err(ImageError::Room { path: this.out.clone(), needed, free });
        }
        Ok(this)
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What does not belong to the image lies here.
    pub fn scratch(&self) -> PathBuf {
        self.path.join(SCRATCH)
    }

    /// It becomes the image. What was there goes.
    pub fn put_in_place(mut self) -> Result<PathBuf, ImageError> {
        let doing = || ImageError::io(format!("putting the image at {}", self.out.display()));
        let rename = |flags| renameat_with(CWD, &self.path, CWD, &self.out, flags).map_err(io::Error::from);
        match rename(RenameFlags::EXCHANGE) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => rename(RenameFlags::empty()),
            // Not every file system can do it at once.
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => {
                fs::remove_dir_all(&self.out).and_then(|()| rename(RenameFlags::empty()))
            }
            swapped => swapped,
        }
        .map_err(doing())?;
        self.done = true;
        // The old one is now where this was built, and the lock went with the new one: the next build may be there already.
        if let Ok(Some(_lock)) = claim(&self.path) {
            let _ = fs::remove_dir_all(&self.path);
        }
        Ok(self.out.clone())
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        if !self.done {
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}

/// Whether there is nothing, an empty directory or an image at `out`.
fn replaceable(out: &Path) -> io::Result<bool> {
    match fs::read_dir(out) {
        Ok(mut entries) => Ok(entries.next().is_none() || Manifest::is_one(out)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(fs::symlink_metadata(out).is_err()),
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => Ok(false),
        Err(error) => Err(error),
    }
}

/// The directory at `path`, made and locked; `None` while somebody else has it.
fn claim(path: &Path) -> io::Result<Option<File>> {
    loop {
        match fs::create_dir(path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        let lock = match File::open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            opened => opened?,
        };
        if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_err() {
            return Ok(None);
        }
        // It may have become an image, or gone, in between.
        if fs::metadata(path).is_ok_and(|now| lock.metadata().is_ok_and(|locked| locked.ino() == now.ino())) {
            fs::set_permissions(path, fs::Permissions::from_mode(0o755))?;
            return Ok(Some(lock));
        }
    }
}

fn empty(path: &Path) -> io::Result<()> {
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        match entry.file_type()?.is_dir() {
            true => fs::remove_dir_all(entry.path())?,
            false => fs::remove_file(entry.path())?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_build_at_a_time_and_its_remains_are_swept() {
        let above = tempfile::tempdir().unwrap();
        let out = above.path().join("made/image");
        let first = Staging::open(&out, 0).unwrap();
        assert!(matches!(Staging::open(&out, 0), Err(ImageError::Busy { .. })));
        fs::write(first.path().join("file"), "new").unwrap();
        let placed = first.put_in_place().unwrap();
        assert_eq!((placed.as_path(), fs::read_dir(out.parent().unwrap()).unwrap().count()), (out.as_path(), 1));

        // It is no image yet: nothing replaces it.
        assert!(matches!(Staging::open(&out, 0), Err(ImageError::Occupied { .. })));
        fs::write(out.join("image.json"), r#"{"format": 7, "tree_sha256": ""}"#).unwrap();
        fs::create_dir(above.path().join("made/.image.building")).unwrap();
        fs::write(above.path().join("made/.image.building/left"), "behind").unwrap();
        let second = Staging::open(&out, 0).unwrap();
        fs::write(second.path().join("file"), "newer").unwrap();
        second.put_in_place().unwrap();
        assert_eq!(fs::read_to_string(out.join("file")).unwrap(), "newer");
        assert!(!out.join("left").exists() && !out.join("image.json").exists());
        assert_eq!(fs::read_dir(out.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn a_full_disk_is_said_before_anything_is_made() {
        let above = tempfile::tempdir().unwrap();
        let refused = Staging::open(&above.path().join("image"), u64::MAX).unwrap_err();
        assert!(matches!(refused, ImageError::Room { needed: u64::MAX, .. }), "{refused}");
        assert_eq!(fs::read_dir(above.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_link_or_a_file_is_not_replaced() {
        let above = tempfile::tempdir().unwrap();
        fs::write(above.path().join("file"), "").unwrap();
        std::os::unix::fs::symlink("nowhere", above.path().join("link")).unwrap();
        for name in ["file", "link"] {
            assert!(matches!(Staging::open(&above.path().join(name), 0), Err(ImageError::Occupied { .. })), "{name}");
        }
    }
}
