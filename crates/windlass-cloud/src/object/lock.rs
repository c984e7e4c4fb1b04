//! One at a time, of all processes of this machine.

use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use rustix::{
    fs::{FlockOperation, OFlags, flock},
    io::Errno,
};

use super::PullProblem;

/// The right to fetch a file. Ends when dropped, and with the process.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
    path: PathBuf,
}

impl Lock {
    /// For the file `to`; `None` where another one has it.
    pub fn take(to: &Path) -> Result<Option<Self>, PullProblem> {
        let path = beside(to, ".lock");
        let failed = || PullProblem::io(format!("locking {}", path.display()));
        loop {
            let file = own(&path).map_err(failed())?;
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => {}
                Err(Errno::WOULDBLOCK) => return Ok(None),
                Err(error) => return Err(failed()(error.into())),
            }
            // Whoever had it took the file away, and then this is the lock of nothing.
            let ours = file.metadata().map_err(failed())?;
            if fs::metadata(&path).is_ok_and(|there| (there.dev(), there.ino()) == (ours.dev(), ours.ino())) {
                return Ok(Some(Self { _file: file, path }));
            }
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // It is still locked: who opened it meanwhile finds out that it is gone.
        let _ = fs::remove_file(&self.path);
    }
}

/// The file at `path`, made where there is none. A link is refused: others may write in that directory too, and it would be
/// followed with this user's rights.
pub(super) fn own(path: &Path) -> io::Result<File> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).read(true).write(true).custom_flags(flags.bits().cast_signed());
    let file = options.open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("something else than a file is there"));
    }
    Ok(file)
}

/// `path` with more at its end.
pub(super) fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(end);
    name.into()
}
