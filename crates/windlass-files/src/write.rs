//! `write_file`: a new file that takes the old one's place, or nothing.

use std::{fs::File, io, io::Write as _, os::fd::AsFd, sync::PoisonError};

use base64::{Engine, prelude::BASE64_STANDARD};
use cap_std::fs::{Dir, Permissions, PermissionsExt};
use rustix::{
    fs::{AtFlags, Mode as Permission, OFlags, RenameFlags},
    io::Errno,
};
use windlass_core::CancellationToken;

use crate::{
    arguments::{Mode, WriteAnswer, WriteArguments},
    content::sum,
    error::FileError,
    path::UNFINISHED,
    read,
    root::Root,
};

/// What a new file may be to whom, before the server's umask.
const PERMISSIONS: u32 = 0o644;

/// Writes a file. Either all of it is there afterwards, or what was there before.
pub(crate) fn write(root: &Root, given: WriteArguments, cancel: &CancellationToken) -> Result<WriteAnswer, FileError> {
    let content = content(given.content, given.content_base64)?;
    let most = root.settings.max_bytes.0;
    if content.len() as u64 > most {
        return Err(FileError::TooLarge { size: content.len(), most });
    }
    if given.path.ends_with('/') || given.path.ends_with("/.") {
        return Err(FileError::Directory(given.path));
    }
    let place = root.place(&given.path)?;
    let text = place.text();
    let (above, name) = place.split().ok_or_else(|| FileError::Directory(text.clone()))?;
    let told = |error: io::Error| FileError::of(&text, error);

    let _alone = root.writing.lock().unwrap_or_else(PoisonError::into_inner);
    if !root.settings.directory.exists() {
        std::fs::create_dir_all(&root.settings.directory).map_err(FileError::Root)?;
    }
    let opened = root.open()?;
    if !above.is_root() {
        opened.create_dir_all(above.as_path()).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => FileError::NoDirectory(text.clone()),
            _ => FileError::of(&above.text(), error),
        })?;
    }
    // From here on there is only this directory and a name in it, so nothing above can be exchanged.
    let directory = root.directory(&opened, &above)?;
    let before = before(&directory, name, &text)?;
    match (given.mode, &before) {
        (Some(Mode::Create), Some(_)) => return Err(FileError::Exists(text)),
        (Some(Mode::Replace), None) => return Err(FileError::Missing(text)),
        _ => {}
    }
    if let Some(expected) = &given.expected_sha256 {
        if before.is_none() {
            return Err(FileError::Missing(text));
        }
        let sha256 = read::whole_sum(root, &text, cancel)?;
        if !expected.eq_ignore_ascii_case(&sha256) {
            return Err(FileError::Changed { path: text, sha256 });
        }
    }

    let mut unfinished = Unfinished::create(&directory).map_err(told)?;
    unfinished.file.write_all(&content).map_err(told)?;
    let mode = before.as_ref().map_or(PERMISSIONS, |permissions| permissions.mode() & 0o777);
    rustix::fs::fchmod(&unfinished.file, Permission::from_bits_truncate(mode)).map_err(|error| told(error.into()))?;
    unfinished.file.sync_all().map_err(told)?;
    if cancel.is_cancelled() {
        return Err(FileError::Cancelled);
    }
    unfinished.become_(name, given.mode == Some(Mode::Create)).map_err(|error| match error {
        Errno::EXIST => FileError::Exists(text.clone()),
        error => told(error.into()),
    })?;
    // Without this the name could be lost with the power, though not the old content. Not every file system can.
    let _ = File::from(directory_for_sync(&directory).map_err(|error| told(error.into()))?).sync_all();
    Ok(WriteAnswer { path: text, size: content.len() as u64, created: before.is_none(), sha256: sum(&content) })
}

fn content(text: Option<String>, base64: Option<String>) -> Result<Vec<u8>, FileError> {
    match (text, base64) {
        (Some(text), None) => Ok(text.into_bytes()),
        (None, Some(base64)) => BASE64_STANDARD.decode(base64.as_bytes()).map_err(|error| {
            let why = error.to_string();
            let why = why.trim_end_matches('.');
            FileError::Arguments(format!("`content_base64` is not base64: {why}; text goes into `content`"))
        }),
        _ => Err(FileError::Arguments(
            "give exactly one of `content` and `content_base64`; an empty file is an empty `content`".to_owned(),
        )),
    }
}

/// The permissions of the file that is to be replaced.
fn before(directory: &Dir, name: &str, text: &str) -> Result<Option<Permissions>, FileError> {
    let metadata = match directory.symlink_metadata(name) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        found => found.map_err(|error| FileError::of(text, error))?,
    };
    let text = text.to_owned();
    if metadata.is_symlink() {
        return Err(FileError::Link(text));
    }
    if metadata.is_dir() {
        return Err(FileError::Directory(text));
    }
    if !metadata.is_file() {
        return Err(FileError::NoFile { path: text, what: "a pipe, a socket or a device" });
    }
    Ok(Some(metadata.permissions()))
}

fn directory_for_sync(directory: &Dir) -> Result<std::os::fd::OwnedFd, Errno> {
    rustix::fs::openat(directory, ".", OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Permission::empty())
}

/// A file under a name of ours. It goes away, unless it becomes what it is for.
struct Unfinished<'a> {
    directory: &'a Dir,
    name: String,
    file: File,
    done: bool,
}

impl<'a> Unfinished<'a> {
    fn create(directory: &'a Dir) -> io::Result<Self> {
        let name = format!("{UNFINISHED}{:016x}", rand::random::<u64>());
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = rustix::fs::openat(directory, name.as_str(), flags, Permission::RUSR | Permission::WUSR)?;
        Ok(Self { directory, name, file: File::from(file), done: false })
    }

    /// Takes its name, in one step.
    fn become_(&mut self, name: &str, only_new: bool) -> Result<(), Errno> {
        let directory = self.directory.as_fd();
        let own = self.name.as_str();
        if !only_new {
            rustix::fs::renameat(directory, own, directory, name)?;
            self.done = true;
            return Ok(());
        }
        match rustix::fs::renameat_with(directory, own, directory, name, RenameFlags::NOREPLACE) {
            // Some file systems cannot. A second name is refused as well where there is a first; ours is taken away.
            Err(Errno::INVAL | Errno::NOSYS) => rustix::fs::linkat(directory, own, directory, name, AtFlags::empty()),
            renamed => {
                self.done = renamed.is_ok();
                renamed
            }
        }
    }
}

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        if !self.done {
            let _ = rustix::fs::unlinkat(self.directory, self.name.as_str(), AtFlags::empty());
        }
    }
}
