//! A file into the guest.

use std::{
    ffi::OsString,
    fs, io,
    os::unix::{
        ffi::OsStrExt,
        fs::{MetadataExt, OpenOptionsExt},
    },
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use rustix::fs::{Gid, Mode, OFlags, Uid, fchmod, fchown};
use tokio::{fs::File, io::AsyncWriteExt};

use super::{broke_off, closed, is_of_the_guest};
use crate::{
    guest::channel::Channel,
    protocol::{Done, ErrorKind, GuestError, MAX_DATA, Outcome, WriteMode, WriteRequest},
};

/// What a new file may be, unless the host says.
const PERMISSIONS: u32 = 0o644;

/// Writes what comes. A file that is replaced stays as it was until everything has come.
pub(crate) async fn write(channel: &Channel, request: WriteRequest) -> Done {
    let opening = tokio::task::spawn_blocking(move || Target::open(&request));
    let (target, file) = opening.await.map_err(|_| broke_off())??;
    let received = tokio::select! {
        biased;
        () = channel.stopped() => Err(GuestError::new(ErrorKind::Cancelled, "cancelled")),
        received = receive(channel, file) => received,
    };
    let finishing = tokio::task::spawn_blocking(move || {
        let bytes = received?;
        target.finish()?;
        Ok(Outcome::Written { bytes })
    });
    finishing.await.map_err(|_| broke_off())?
}

async fn receive(channel: &Channel, file: fs::File) -> Result<u64, GuestError> {
    let mut file = File::from_std(file);
    file.set_max_buf_size(MAX_DATA as usize);
    let mut bytes = 0;
    loop {
        match channel.input.next(&channel.outbox).await {
            Ok(Some(data)) => {
                file.write_all(&data).await?;
                bytes += data.len() as u64;
            }
            Ok(None) => break,
            Err(_) => return Err(GuestError::new(ErrorKind::Cancelled, "the content broke off")),
        }
    }
    // Writing happens in the background: only this tells whether the last of it could be.
    file.flush().await?;
    Ok(bytes)
}

/// Where a file is written, and where it goes then.
struct Target {
    path: PathBuf,
    /// What becomes `path` in the end; removed when it does not come to that.
    written: Option<PathBuf>,
}

impl Target {
    fn open(request: &WriteRequest) -> Result<(Self, fs::File), GuestError> {
        let path = resolve(request.path.as_path())?;
        if request.parents
            && let Some(parent) = path.parent()
        {
            fs::create_dir_all(parent)?;
        }
        let before = fs::metadata(&path).ok();
        if let Some(before) = &before {
            check(before, request.mode)?;
        }
        let (target, file) = match request.mode {
            WriteMode::Replace => Self::beside(path)?,
            WriteMode::Create => {
                let file = options().create_new(true).open(&path)?;
                (Self { written: Some(path.clone()), path }, file)
            }
            WriteMode::Append => {
                let file = options().append(true).create(true).open(&path)?;
                (Self { path, written: None }, file)
            }
        };
        if is_of_the_guest(&file) {
            return Err(closed());
        }
        dress(&file, request, before.as_ref())?;
        Ok((target, file))
    }

    /// A new file in the same directory, so that it can take the place of the old one at once.
    fn beside(path: PathBuf) -> io::Result<(Self, fs::File)> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let name = path.file_name().ok_or(io::ErrorKind::IsADirectory)?;
        loop {
            let number = COUNT.fetch_add(1, Ordering::Relaxed);
            // Cut, for a name can be as long as names may be; it is only for whoever finds it.
            let start = &name.as_bytes()[..name.len().min(100)];
            let mut temporary = OsString::from(".");
            temporary.push(std::ffi::OsStr::from_bytes(start));
            temporary.push(format!(".{}-{number}.part", std::process::id()));
            let written = path.with_file_name(temporary);
            match options().create_new(true).open(&written) {
                Ok(file) => return Ok((Self { path, written: Some(written) }, file)),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn finish(mut self) -> io::Result<()> {
        if let Some(written) = &self.written
            && *written != self.path
        {
            fs::rename(written, &self.path)?;
        }
        self.written = None;
        Ok(())
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        if let Some(written) = &self.written {
            let _ = fs::remove_file(written);
        }
    }
}

fn options() -> fs::OpenOptions {
    let mut options = fs::OpenOptions::new();
    // A pipe that nobody reads must be an error and no wait.
    options.write(true).mode(PERMISSIONS).custom_flags(OFlags::NONBLOCK.bits().cast_signed());
    options
}

/// Where a link leads, so that what is replaced is the file and not the link.
fn resolve(path: &Path) -> io::Result<PathBuf> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_symlink() => fs::canonicalize(path),
        _ => Ok(path.to_owned()),
    }
}

fn check(before: &fs::Metadata, mode: WriteMode) -> Result<(), GuestError> {
    if before.is_dir() {
        return Err(GuestError::new(ErrorKind::IsDirectory, "it is a directory"));
    }
    if !before.is_file() {
        return Err(GuestError::new(ErrorKind::NotRegular, "it is no regular file"));
    }
    if mode == WriteMode::Create {
        return Err(GuestError::new(ErrorKind::Exists, "it is there already"));
    }
    Ok(())
}

/// Gives the file the owner and the permissions it is to have: those of the request, or those of the file before.
fn dress(file: &fs::File, request: &WriteRequest, before: Option<&fs::Metadata>) -> io::Result<()> {
    let found = file.metadata()?;
    let had = before.map(|before| (before.uid(), before.gid()));
    if let Some(owner) = request.owner.or(had)
        && owner != (found.uid(), found.gid())
    {
        fchown(file, Some(Uid::from_raw(owner.0)), Some(Gid::from_raw(owner.1)))?;
    }
    if let Some(mode) = request.permissions.or(before.map(|before| before.mode() & 0o7777)) {
        fchmod(file, Mode::from_raw_mode(mode & 0o7777))?;
    }
    Ok(())
}
