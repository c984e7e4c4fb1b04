//! Documents to search: forms, ranges, and what contradicts what. Whether a source can be reached is found by a refresh.

mod embedder;
mod index;
mod source;

pub(crate) use source::is_remote;

use std::{collections::BTreeMap, time::Duration};

use super::{
    Checker,
    sql::{NAME, REFERENCE, is_name, is_reference},
};
use crate::{
    node::Path,
    settings::{CollectionSettings, KnowledgeSettings},
};

/// Sources are asked each time.
const SHORTEST: Duration = Duration::from_secs(10);

pub(super) fn check(checker: &mut Checker, knowledge: Option<&KnowledgeSettings>) {
    let Some(knowledge) = knowledge else { return };
    let path = |key: &str| Path::dotted("knowledge").key(key);
    if knowledge.collections.is_empty() {
        checker.notice(&path("collections"), "there is none, so there is nothing to search");
    }
    let choice = knowledge.collections.len() > 1;
    for (name, collection) in &knowledge.collections {
        let path = path("collections").key(name);
        if !is_name(name) {
            checker.refuse(&path, format!("`{}` is no name for a collection", name.escape_debug()), NAME);
        }
        if choice && collection.description.trim().is_empty() {
            checker.notice(&path, "has no `description`, so a model cannot know when to search it");
        }
        sources(checker, &path, collection);
    }
    index::check(checker, &path("index"), &knowledge.index);
    embedder::check(checker, &path("embedder"), &knowledge.embedder);
    if knowledge.refresh.is_some_and(|every| every.0 < SHORTEST) {
        checker.refuse(&path("refresh"), "sources would be asked all the time", "10s or more; 1h is usual");
    }
    if knowledge.keep == 0 {
        checker.refuse(&path("keep"), "the index that is in use is a generation too", "write 1 or more");
    }
    if knowledge.max_shrink > 100 {
        checker.refuse(&path("max_shrink"), "there is no more than all of it", "write a share in percent, 0 to 100");
    }
    if knowledge.max_file.0 == 0 {
        checker.refuse(&path("max_file"), "every file would be passed over", "write 1B or more, or leave it out");
    }
}

fn sources(checker: &mut Checker, path: &Path, collection: &CollectionSettings) {
    if collection.sources.is_empty() {
        checker.refuse(path, "nothing says where its documents come from", "add a source: `folder`, `git` or `s3`");
    }
    let mut prefixes: BTreeMap<&str, usize> = BTreeMap::new();
    for (index, given) in collection.sources.iter().enumerate() {
        let path = path.clone().key("sources").index(index);
        source::check(checker, &path, given);
        if let Some(first) = prefixes.insert(given.prefix.trim_end_matches('/'), index) {
            let same = "so of two files of one name only one is a document; a `prefix` tells them apart";
            checker.notice(&path, format!("its paths begin as those of `sources[{first}]` do, {same}"));
        }
    }
}

/// A setting that has to name a secret.
fn secret(checker: &mut Checker, path: &Path, text: Option<&str>) {
    if text.is_some_and(|text| !is_reference(text)) {
        checker.refuse(path, "this must name a secret, not be one", REFERENCE);
    }
}

/// Notices settings that nothing looks at.
fn unused(checker: &mut Checker, path: &Path, settings: &[(&str, bool)], why: &str) {
    for (name, _) in settings.iter().filter(|(_, given)| *given) {
        checker.notice(&path.clone().key(*name), format!("not used, because {why}"));
    }
}
