//! What has to be done, before anything is read.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use futures::future::try_join_all;
use windlass_index::Hash;

use super::{Phase, Progress, RefreshError, Watch};
use crate::source::{File, Opened, Source};

/// A source that is open.
#[derive(Clone)]
pub(super) struct Place {
    pub name: Arc<str>,
    pub opened: Arc<dyn Opened>,
}

/// A file that may have changed.
pub(super) struct Candidate {
    pub place: Place,
    pub file: File,
    /// The content the index has of this path.
    pub before: Option<Hash>,
}

/// What has to be done.
pub(super) struct Plan {
    /// Files there are.
    pub files: u64,
    /// Those that may have changed, by path.
    pub candidates: Vec<Candidate>,
    /// What the index has and no source does: content and path.
    pub gone: BTreeSet<(Hash, String)>,
}

/// Opens every source.
pub(super) async fn open(sources: &[Arc<dyn Source>], watch: Watch<'_>) -> Result<Vec<Place>, RefreshError> {
    let total = sources.len() as u64;
    let done = AtomicU64::new(0);
    watch(Progress { phase: Phase::Looking, done: 0, total });
    try_join_all(sources.iter().map(|source| async {
        let opened = source.open().await;
        let opened = opened.map_err(|error| RefreshError::Source { name: source.name().to_owned(), error })?;
        let done = done.fetch_add(1, Ordering::Relaxed) + 1;
        watch(Progress { phase: Phase::Looking, done, total });
        Ok(Place { name: source.name().into(), opened: opened.into() })
    }))
    .await
}

/// Compares what there is with what the index has. With `all`, every file is a candidate.
pub(super) fn plan(
    places: &[Place],
    mut contents: BTreeMap<String, (String, Hash)>,
    all: bool,
) -> Result<Plan, RefreshError> {
    let mut files: BTreeMap<&str, (&Place, &File)> = BTreeMap::new();
    for place in places {
        for file in place.opened.files() {
            if let Some((first, _)) = files.insert(&file.path, (place, file)) {
                return Err(RefreshError::Duplicate {
                    path: file.path.clone(),
                    first: first.name.to_string(),
                    second: place.name.to_string(),
                });
            }
        }
    }
    let mut candidates = Vec::new();
    for (path, (place, file)) in &files {
        let before = contents.remove(*path);
        if !all && before.as_ref().is_some_and(|(stamp, _)| *stamp == file.stamp) {
            continue;
        }
        let before = before.map(|(_, content)| content);
        candidates.push(Candidate { place: (*place).clone(), file: (*file).clone(), before });
    }
    let gone = contents.into_iter().map(|(path, (_, content))| (content, path)).collect();
    Ok(Plan { files: files.len() as u64, candidates, gone })
}
