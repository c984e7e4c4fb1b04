//! The files of a commit.

use std::collections::BTreeMap;

use gix::{ObjectId, Repository, objs::tree::EntryKind};
use time::{Date, OffsetDateTime};
use tokio_util::sync::CancellationToken;

use super::link::Links;
use crate::source::{
    File, SourceError,
    place::{HEAD, MAX_FILES, Place, Verdict, count},
    stopped,
};

/// A tree may hold itself many times over: then what it holds has no end.
const MAX_ENTRIES: usize = 4 * MAX_FILES;
const MAX_DEPTH: usize = 64;

/// What is wanted of a repository.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    pub name: String,
    pub place: Place,
    pub links: Links,
    /// Without `/` at its ends; empty for all.
    pub subfolder: String,
}

pub(super) struct Listed {
    pub files: Vec<File>,
    /// Their objects, by the paths of `files`.
    pub blobs: BTreeMap<String, ObjectId>,
    pub skipped: BTreeMap<String, u64>,
}

/// Why there is no list.
pub(super) enum NoList {
    Source(SourceError),
    /// Objects are missing or broken.
    Damaged(String),
}

impl From<gix::Error> for NoList {
    fn from(error: gix::Error) -> Self {
        Self::Damaged(error.to_string())
    }
}

pub(super) fn list(
    repository: &Repository,
    commit: ObjectId,
    wanted: &Wanted,
    stop: &CancellationToken,
) -> Result<Listed, NoList> {
    let commit = repository.find_commit(commit)?;
    let date = OffsetDateTime::from_unix_timestamp(commit.time()?.seconds).ok().map(OffsetDateTime::date);
    let mut root = commit.tree()?;
    for part in wanted.subfolder.split('/').filter(|part| !part.is_empty()) {
        let entry = root.find_entry(part.as_bytes()).filter(|entry| entry.kind() == EntryKind::Tree);
        let entry = entry.map(|entry| entry.object_id());
        let Some(entry) = entry else {
            let missing = format!("the directory {} of {}", wanted.subfolder, wanted.name);
            return Err(NoList::Source(SourceError::Gone(missing)));
        };
        root = repository.find_tree(entry)?;
    }
    let listed = Listed { files: Vec::new(), blobs: BTreeMap::new(), skipped: BTreeMap::new() };
    let mut walk = Walk { repository, wanted, commit: commit.id.to_string(), date, seen: 0, listed };
    let mut trees = vec![(String::new(), root.id, 0)];
    while let Some((path, tree, depth)) = trees.pop() {
        if stop.is_cancelled() {
            return Err(NoList::Source(stopped(&wanted.name)));
        }
        walk.tree(&path, tree, depth, &mut trees)?;
    }
    let mut listed = walk.listed;
    listed.files.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(listed)
}

struct Walk<'a> {
    repository: &'a Repository,
    wanted: &'a Wanted,
    commit: String,
    date: Option<Date>,
    seen: usize,
    listed: Listed,
}

impl Walk<'_> {
    fn tree(
        &mut self,
        above: &str,
        tree: ObjectId,
        depth: usize,
        trees: &mut Vec<(String, ObjectId, usize)>,
    ) -> Result<(), NoList> {
        let tree = self.repository.find_tree(tree)?;
        for entry in tree.iter() {
            let entry = entry?;
            self.seen += 1;
            if self.seen > MAX_ENTRIES || self.listed.files.len() > MAX_FILES {
                let told = format!("{} has more than {MAX_FILES} files", self.wanted.name);
                return Err(NoList::Source(SourceError::Refused(told)));
            }
            let skipped = &mut self.listed.skipped;
            let Ok(name) = std::str::from_utf8(entry.filename()) else {
                count(skipped, "name is not UTF-8");
                continue;
            };
            // As in a folder.
            if name.starts_with('.') {
                continue;
            }
            if name.is_empty() || name.contains(['/', '\0']) {
                count(skipped, "name that is no path");
                continue;
            }
            let path = if above.is_empty() { name.to_owned() } else { format!("{above}/{name}") };
            match entry.kind() {
                EntryKind::Tree if depth < MAX_DEPTH => trees.push((path, entry.object_id(), depth + 1)),
                EntryKind::Tree => count(skipped, "directory that is too deep"),
                EntryKind::Commit => count(skipped, "submodule"),
                EntryKind::Link => count(skipped, "link"),
                EntryKind::Blob | EntryKind::BlobExecutable => self.blob(path, entry.object_id())?,
            }
        }
        Ok(())
    }

    fn blob(&mut self, path: String, id: ObjectId) -> Result<(), NoList> {
        let place = &self.wanted.place;
        if place.judge(&path, 0) == Verdict::LeftOut {
            return Ok(());
        }
        let bytes = self.repository.find_header(id)?.size();
        let verdict = match place.judge(&path, bytes) {
            Verdict::Look => {
                let blob = self.repository.find_object(id)?;
                place.judge_head(&path, &blob.data[..blob.data.len().min(HEAD)])
            }
            verdict => verdict,
        };
        match verdict {
            Verdict::Skip(why) => count(&mut self.listed.skipped, why),
            Verdict::Take => {
                let link = self.link(&path);
                let path = place.named(&path);
                self.listed.blobs.insert(path.clone(), id);
                self.listed.files.push(File { path, stamp: id.to_string(), bytes, date: self.date, link });
            }
            Verdict::LeftOut | Verdict::Look => {}
        }
        Ok(())
    }

    fn link(&self, path: &str) -> Option<String> {
        let whole = match self.wanted.subfolder.as_str() {
            "" => path.to_owned(),
            subfolder => format!("{subfolder}/{path}"),
        };
        self.wanted.place.link(&whole, &self.commit).or_else(|| self.wanted.links.to(&whole, &self.commit))
    }
}
