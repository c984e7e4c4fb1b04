//! What is in a directory.

use std::{
    collections::BinaryHeap,
    ffi::OsString,
    fs,
    os::unix::{ffi::OsStrExt, fs::MetadataExt},
};

use super::{kind, modified_ms};
use crate::protocol::{Done, Entry, Listing, MAX_JSON, Name, Outcome};

/// The most entries of one listing.
const MOST: usize = 10_000;
/// What an entry needs in JSON beside its name.
const ENTRY_COST: usize = 120;

/// The first entries by name. However many there are, only those are kept in memory.
pub(crate) fn list(path: &Name, limit: u32) -> Done {
    let limit = (limit as usize).min(MOST);
    let mut first: BinaryHeap<OsString> = BinaryHeap::new();
    let mut total = 0;
    for entry in fs::read_dir(path.as_path())? {
        total += 1;
        let name = entry?.file_name();
        if first.len() < limit {
            first.push(name);
        } else if first.peek().is_some_and(|last| name < *last) {
            first.pop();
            first.push(name);
        }
    }
    let (mut entries, mut cost, mut gone) = (Vec::with_capacity(first.len()), 0, 0);
    for name in first.into_sorted_vec() {
        // A byte may take six in JSON.
        cost += ENTRY_COST + 6 * name.as_bytes().len();
        if cost > MAX_JSON as usize / 2 {
            break;
        }
        // It may be gone since.
        let Ok(found) = fs::symlink_metadata(path.as_path().join(&name)) else {
            gone += 1;
            continue;
        };
        entries.push(Entry {
            name: name.into(),
            kind: kind(found.file_type()),
            size: found.size(),
            mode: found.mode() & 0o7777,
            modified_ms: modified_ms(&found),
        });
    }
    let truncated = (entries.len() as u64) + gone < total;
    Ok(Outcome::List(Listing { entries, total, truncated }))
}
