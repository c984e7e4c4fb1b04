//! What is in the directory.

use std::{collections::BTreeMap, io, path::Path};

use cap_std::fs::{Dir, Metadata};
use ignore::WalkBuilder;
use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;

use super::{read, trouble};
use crate::source::{
    File, SourceError,
    place::{HEAD, MAX_FILES, Place, Verdict, count},
    stopped,
};

/// Deeper is no collection of documents.
const MAX_DEPTH: usize = 64;

pub(super) struct Found {
    pub files: Vec<File>,
    pub skipped: BTreeMap<String, u64>,
}

/// Goes through it. Names come from the walk; whatever is known of a file or read from it comes through `dir`, so a link
/// that leads out of it, also one that was put there meanwhile, ends in an error.
pub(super) fn walk(
    name: &str,
    root: &Path,
    dir: &Dir,
    place: &Place,
    stop: &CancellationToken,
) -> Result<Found, SourceError> {
    let mut found = Found { files: Vec::new(), skipped: BTreeMap::new() };
    // Only what the repository itself says: the same files for whoever refreshes.
    let walk = WalkBuilder::new(root).git_global(false).ignore(false).max_depth(Some(MAX_DEPTH)).build();
    for entry in walk {
        if stop.is_cancelled() {
            return Err(stopped(name));
        }
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                unreadable(name, error, &mut found.skipped)?;
                continue;
            }
        };
        let Some(kind) = entry.file_type() else { continue };
        if kind.is_dir() {
            if entry.depth() == MAX_DEPTH {
                count(&mut found.skipped, "directory that is too deep");
            }
            continue;
        }
        let linked = entry.path_is_symlink();
        let Ok(path) = entry.path().strip_prefix(root) else { continue };
        match path.to_str() {
            Some(path) => take(dir, place, path, linked, &mut found),
            None => count(&mut found.skipped, "name is not UTF-8"),
        }
        if found.files.len() > MAX_FILES {
            return Err(SourceError::Refused(format!("{name} has more than {MAX_FILES} files")));
        }
    }
    found.files.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(found)
}

fn take(dir: &Dir, place: &Place, path: &str, linked: bool, found: &mut Found) {
    // Its size does not matter yet: what the settings leave out is not even looked at.
    if place.judge(path, 0) == Verdict::LeftOut {
        return;
    }
    let metadata = match dir.metadata(path) {
        Ok(metadata) => metadata,
        // Deleted since the walk saw it: then it is not there.
        Err(error) if error.kind() == io::ErrorKind::NotFound && !linked => return,
        Err(_) if linked => return count(&mut found.skipped, "link that leads out or nowhere"),
        Err(_) => return count(&mut found.skipped, "unreadable"),
    };
    if !metadata.is_file() {
        let why = if metadata.is_dir() { "link to a directory" } else { "not a regular file" };
        return count(&mut found.skipped, why);
    }
    let verdict = match place.judge(path, metadata.len()) {
        Verdict::Look => match read::head(dir, path, HEAD) {
            Ok(head) => place.judge_head(path, &head),
            Err(_) => Verdict::Skip("unreadable".to_owned()),
        },
        verdict => verdict,
    };
    match verdict {
        Verdict::Take => found.files.push(File {
            path: place.named(path),
            stamp: read::stamp(&metadata),
            bytes: metadata.len(),
            date: date(&metadata),
            link: place.link(path, ""),
        }),
        Verdict::Skip(why) => count(&mut found.skipped, why),
        Verdict::LeftOut | Verdict::Look => {}
    }
}

fn date(metadata: &Metadata) -> Option<time::Date> {
    metadata.modified().ok().map(|at| OffsetDateTime::from(at.into_std()).date())
}

/// A directory that may not be read costs what is in it, and is counted. Any other trouble is one of the disk, and then what
/// is missing from the list was not deleted.
fn unreadable(name: &str, error: ignore::Error, skipped: &mut BTreeMap<String, u64>) -> Result<(), SourceError> {
    match error.io_error().map(io::Error::kind) {
        // A line of a `.gitignore` that is none.
        None => Ok(()),
        Some(io::ErrorKind::NotFound) if !at_root(&error) => Ok(()),
        Some(io::ErrorKind::PermissionDenied) if !at_root(&error) => {
            count(skipped, "unreadable directory");
            Ok(())
        }
        Some(_) => match error.into_io_error() {
            Some(error) => Err(trouble(name, &error)),
            None => Err(SourceError::Unreachable(format!("{name} cannot be read"))),
        },
    }
}

/// Whether it is the directory itself that cannot be read.
fn at_root(error: &ignore::Error) -> bool {
    match error {
        ignore::Error::WithDepth { depth, .. } => *depth == 0,
        ignore::Error::WithPath { err, .. } | ignore::Error::WithLineNumber { err, .. } => at_root(err),
        _ => false,
    }
}
