//! A tree as an archive, and as a directory.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, BufWriter, Read, Write},
    path::Path,
};

use sha2::{Digest, Sha256};
use tar::{Builder, EntryType, Header};

use super::{
    ImageError,
    tools::{Tools, command, run},
};

/// A clean tree.
#[derive(Debug)]
pub(super) struct Tree {
    /// Everything in it, in the order of the archive.
    pub items: Vec<Item>,
    /// The time of its youngest file, in seconds.
    pub newest: u64,
    pub packages: BTreeMap<String, String>,
    pub python: BTreeMap<String, String>,
    /// The sum of the archive.
    pub sha256: String,
}

/// One file, directory or link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Item {
    /// From the root of the tree: `usr/bin`, and nothing for the root itself.
    pub path: String,
    pub mode: u32,
    /// User and group.
    pub owner: (u64, u64),
    /// In seconds.
    pub time: u64,
    pub kind: Kind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    Directory,
    /// With so many bytes.
    File(u64),
    Symlink(String),
    /// Another name of a file.
    Link(String),
}

impl Item {
    /// A directory of one user's. It is as old as the tree.
    pub fn directory(path: &str, mode: u32, owner: u64) -> Self {
        Self { path: path.to_owned(), mode, owner: (owner, owner), time: u64::MAX, kind: Kind::Directory }
    }

    /// A file that everybody may read. It is as old as the tree.
    pub fn file(path: &str, text: &str) -> Self {
        Self { path: path.to_owned(), mode: 0o644, owner: (0, 0), time: u64::MAX, kind: Kind::File(text.len() as u64) }
    }
}

/// Writes a tree's archive.
pub(super) struct Writer {
    builder: Builder<Summing>,
    items: Vec<Item>,
    newest: u64,
}

impl Writer {
    /// One for a file at `path`. Nothing in it is younger than `newest`.
    pub fn create(path: &Path, newest: u64) -> io::Result<Self> {
        let to = BufWriter::with_capacity(1 << 16, File::create(path)?);
        Ok(Self { builder: Builder::new(Summing { to, sum: Sha256::new() }), items: Vec::new(), newest })
    }

    pub fn write(&mut self, mut item: Item, bytes: &mut dyn Read) -> io::Result<()> {
        item.time = item.time.min(self.newest);
        let mut header = Header::new_gnu();
        header.set_mode(item.mode);
        header.set_uid(item.owner.0);
        header.set_gid(item.owner.1);
        header.set_mtime(item.time);
        header.set_size(0);
        let path = format!("./{}", item.path);
        match &item.kind {
            Kind::Directory => {
                header.set_entry_type(EntryType::Directory);
                self.builder.append_data(&mut header, path.trim_end_matches('/').to_owned() + "/", io::empty())?;
            }
            Kind::File(size) => {
                header.set_entry_type(EntryType::Regular);
                header.set_size(*size);
                self.builder.append_data(&mut header, path, bytes)?;
            }
            Kind::Symlink(target) => {
                header.set_entry_type(EntryType::Symlink);
                self.builder.append_link(&mut header, path, target)?;
            }
            Kind::Link(target) => {
                header.set_entry_type(EntryType::Link);
                self.builder.append_link(&mut header, path, format!("./{target}"))?;
            }
        }
        self.items.push(item);
        Ok(())
    }

    pub fn finish(self, packages: BTreeMap<String, String>, python: BTreeMap<String, String>) -> io::Result<Tree> {
        let mut summing = self.builder.into_inner()?;
        summing.to.flush()?;
        let sha256 = hex::encode(summing.sum.finalize());
        Ok(Tree { items: self.items, newest: self.newest, packages, python, sha256 })
    }
}

/// Sums up what it writes.
struct Summing {
    to: BufWriter<File>,
    sum: Sha256,
}

impl Write for Summing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.to.write(bytes)?;
        self.sum.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

/// Unpacks the archive `tar` to the directory `to`. Root gives every file its owner; anybody else owns them all, as every
/// user does inside a sandbox that this user starts.
pub(super) async fn unpack(tools: &Tools, tar: &Path, to: &Path) -> Result<(), ImageError> {
    fs::create_dir(to).map_err(ImageError::io(format!("making {}", to.display())))?;
    let owner = if rustix::process::geteuid().is_root() { "--same-owner" } else { "--no-same-owner" };
    let mut unpacking = command(&tools.tar, to);
    unpacking
        .args(["--extract", "--preserve-permissions", "--numeric-owner", "--delay-directory-restore", owner, "--file"])
        .arg(tar);
    run(unpacking, "unpacking the tree").await.map(drop)
}
