//! Files and directories.

mod list;
mod read;
mod write;

use std::{
    fs, io,
    os::{
        fd::AsRawFd,
        unix::fs::{DirBuilderExt, MetadataExt},
    },
};

pub(super) use list::list;
pub(super) use read::read;
pub(super) use write::write;

use crate::protocol::{Done, EntryKind, ErrorKind, GuestError, Metadata, Name, Outcome};

/// What is at `path`; a link is not followed.
pub(super) fn stat(path: &Name) -> Done {
    let found = fs::symlink_metadata(path.as_path())?;
    let mut metadata = describe(&found);
    if found.is_symlink() {
        metadata.target = Some(fs::read_link(path.as_path())?.into());
    }
    Ok(Outcome::Stat(metadata))
}

pub(super) fn remove(path: &Name, recursive: bool) -> Done {
    let path = path.as_path();
    match (fs::symlink_metadata(path)?.is_dir(), recursive) {
        (true, true) => fs::remove_dir_all(path)?,
        (true, false) => fs::remove_dir(path)?,
        (false, _) => fs::remove_file(path)?,
    }
    Ok(Outcome::Nothing)
}

pub(super) fn make_dir(path: &Name, parents: bool, mode: Option<u32>) -> Done {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(parents).mode(mode.unwrap_or(0o777));
    builder.create(path.as_path())?;
    Ok(Outcome::Nothing)
}

fn describe(found: &fs::Metadata) -> Metadata {
    Metadata {
        kind: kind(found.file_type()),
        size: found.size(),
        mode: found.mode() & 0o7777,
        uid: found.uid(),
        gid: found.gid(),
        modified_ms: modified_ms(found),
        target: None,
    }
}

fn kind(file_type: fs::FileType) -> EntryKind {
    if file_type.is_file() {
        EntryKind::File
    } else if file_type.is_dir() {
        EntryKind::Directory
    } else if file_type.is_symlink() {
        EntryKind::Symlink
    } else {
        EntryKind::Other
    }
}

fn modified_ms(found: &fs::Metadata) -> i64 {
    found.mtime().saturating_mul(1000).saturating_add(found.mtime_nsec() / 1_000_000)
}

/// Whether a file is what the kernel tells the guest of the guest: its memory map, say. Code that has to do with files
/// asks the guest for them, and would learn of it what it cannot look up by itself.
fn is_of_the_guest(file: &fs::File) -> bool {
    let of_processes = rustix::fs::fstatfs(file).is_ok_and(|found| found.f_type == rustix::fs::PROC_SUPER_MAGIC);
    let place = || fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd()));
    of_processes && place().is_ok_and(|path| path.starts_with(format!("/proc/{}", std::process::id())))
}

/// What is said of such a file.
fn closed() -> GuestError {
    GuestError::new(ErrorKind::Permission, "it is a file of the guest itself")
}

fn broke_off() -> io::Error {
    io::Error::other("the work broke off")
}
