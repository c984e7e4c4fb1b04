//! Where the files of an index are kept: a folder or a bucket, as what both can do.

use std::{collections::HashSet, fmt, io, path::Path, time::Duration};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::{Hash, IndexError};

/// Places that keep objects that never change, and one head that does.
///
/// An object is named by who wrote it and by its content, so no name is ever written with another content, and one that
/// was deleted does not come back. Whatever of these operations fails, what the head leads to stays whole.
#[async_trait]
pub trait Objects: fmt::Debug + Send + Sync {
    /// The directory that has an object under its name once it was fetched.
    fn directory(&self) -> &Path;

    /// A directory for files in the making, of which [`Objects::put`] can make objects.
    fn work(&self) -> &Path;

    /// Whether the directory has copies only, so that one that was changed can be fetched again.
    fn is_copy(&self) -> bool {
        false
    }

    /// Sees to it that this object is in the directory, and as long as it should be.
    async fn fetch(&self, object: &Object) -> Result<(), IndexError>;

    /// Keeps this file as an object; the file is gone then, and the object is in the directory.
    async fn put(&self, object: &Object, file: &Path) -> Result<(), IndexError>;

    /// What the head is now; `None` before the first.
    async fn head(&self) -> Result<Option<Version>, IndexError>;

    /// Writes the head, if it is still what was read. Says whether it was.
    async fn swap(&self, read: Option<&Version>, next: &[u8]) -> Result<bool, IndexError>;

    /// Every object there is.
    async fn list(&self) -> Result<Vec<Listed>, IndexError>;

    /// Deletes the objects of these keys, and what the directory has of them. One that is gone already is none to fail for.
    async fn delete(&self, keys: &[String]) -> Result<(), IndexError>;

    /// Where the directory is not the place itself, takes everything out of it that is none of these and not new.
    async fn trim(&self, kept: &HashSet<String>) -> Result<(), IndexError> {
        let _ = kept;
        Ok(())
    }
}

/// One object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Object {
    /// What it is in the index: the name of a file.
    pub name: String,
    /// A number of whoever wrote it, for nobody else.
    pub writer: String,
    /// Of its content.
    pub hash: Hash,
    /// Its length.
    pub bytes: u64,
}

impl Object {
    /// What it is kept under.
    pub fn key(&self) -> String {
        format!("{}.{}.{}", self.name, self.writer, self.hash)
    }

    /// Whether these bytes are its content.
    pub(super) fn check(&self, bytes: &[u8]) -> Result<(), IndexError> {
        if bytes.len() as u64 != self.bytes {
            return Err(self.damaged(format!("has {} bytes, and not {}", bytes.len(), self.bytes)));
        }
        if Hash::of(bytes) != self.hash { Err(self.damaged("has another content")) } else { Ok(()) }
    }

    /// This object is not what was written.
    pub(super) fn damaged(&self, how: impl fmt::Display) -> IndexError {
        IndexError::Damaged(format!("{} {how}", self.key()))
    }
}

/// The head as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// Its content.
    pub bytes: Vec<u8>,
    /// What the place calls this version of it.
    pub tag: Option<String>,
}

/// An object, as a list has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its [`Object::key`].
    pub key: String,
    /// Its length.
    pub bytes: u64,
    /// How long before the head it was written; nothing for one that is newer. Both times are the place's own.
    pub age: Duration,
}

/// An error of the disk, with what it was about.
pub(super) fn unreachable(what: impl fmt::Display) -> impl FnOnce(io::Error) -> IndexError {
    move |error| IndexError::Unreachable(format!("{what}: {error}"))
}

/// Does this. Where the place has copies only and one was found to be damaged, whoever found that has removed it: then it is
/// done once more, and the copy is fetched again.
pub(super) async fn fetching_again<T, F: Future<Output = Result<T, IndexError>>>(
    objects: &dyn Objects,
    work: impl Fn() -> F,
) -> Result<T, IndexError> {
    match work().await {
        Err(IndexError::Damaged(_)) if objects.is_copy() => work().await,
        done => done,
    }
}

/// Does this where a thread may wait for a disk.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, IndexError> + Send + 'static,
) -> Result<T, IndexError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        // What reads files believes their content; where one is not what was written, that may end in a panic.
        Err(error) if error.is_panic() => Err(IndexError::Damaged("a file cannot be read as what it should be".into())),
        Err(error) => Err(IndexError::Unreachable(error.to_string())),
    }
}
