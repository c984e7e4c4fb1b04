//! A repository at one commit.

use std::{any::Any, collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use gix::{ObjectId, Repository, ThreadSafeRepository};
use tokio_util::sync::CancellationToken;

use super::tree::{Listed, NoList, Wanted, list};
use crate::source::{File, Opened, SourceError, place::Place};

/// What stands in a repository where the file itself is somewhere else.
const LFS: &[u8] = b"version https://git-lfs.github.com/spec/";
const LONGEST_POINTER: usize = 1024;

/// What keeps the objects where they are as long as they are read.
pub(super) type Keeper = Box<dyn Any + Send + Sync>;

struct Open {
    repository: Arc<ThreadSafeRepository>,
    at: String,
    place: Place,
    listed: Listed,
    _keeper: Option<Keeper>,
}

/// Lists what is wanted of `commit`.
pub(super) fn open(
    repository: Repository,
    commit: ObjectId,
    wanted: Wanted,
    keeper: Option<Keeper>,
    stop: &CancellationToken,
) -> Result<Box<dyn Opened>, SourceError> {
    match list(&repository, commit, &wanted, stop) {
        Ok(listed) => Ok(opened(repository, commit, wanted.place, listed, keeper)),
        Err(NoList::Source(error)) => Err(error),
        Err(NoList::Damaged(why)) => Err(SourceError::Unreachable(format!("{} is damaged: {why}", wanted.name))),
    }
}

/// With what was listed.
pub(super) fn opened(
    repository: Repository,
    commit: ObjectId,
    place: Place,
    listed: Listed,
    keeper: Option<Keeper>,
) -> Box<dyn Opened> {
    let repository = Arc::new(repository.into_sync());
    Box::new(Open { repository, at: commit.to_string(), place, listed, _keeper: keeper })
}

#[async_trait]
impl Opened for Open {
    fn at(&self) -> &str {
        &self.at
    }

    fn files(&self) -> &[File] {
        &self.listed.files
    }

    fn skipped(&self) -> &BTreeMap<String, u64> {
        &self.listed.skipped
    }

    async fn read(&self, file: &File) -> Result<Vec<u8>, SourceError> {
        let Some(&blob) = self.listed.blobs.get(&file.path) else {
            return Err(SourceError::File(format!("{} is not a file of this source", file.path)));
        };
        let (repository, place, path) = (self.repository.clone(), self.place.clone(), file.path.clone());
        crate::source::blocking(move |_| read(&repository.to_thread_local(), &place, &path, blob)).await
    }
}

fn read(repository: &Repository, place: &Place, path: &str, blob: ObjectId) -> Result<Vec<u8>, SourceError> {
    let failed = |error: gix::Error| SourceError::File(format!("{path} cannot be read: {error}"));
    if repository.find_header(blob).map_err(failed)?.size() > place.max_file {
        return Err(place.grew(path));
    }
    let bytes = repository.find_object(blob).map_err(failed)?.detach().data;
    match bytes.len() <= LONGEST_POINTER && bytes.starts_with(LFS) {
        true => Err(SourceError::File(format!("{path} is kept in Git LFS, which is not spoken"))),
        false => Ok(bytes),
    }
}
