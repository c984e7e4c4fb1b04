//! The document that is meant.

use windlass_core::ToolError;
use windlass_index::{DocumentEntry, Filter, StoredDocument};

use super::{Part, sections};
use crate::{
    collections::Collections,
    toolset::{
        arguments::ReadArguments,
        near, resources,
        scope::{self, Open, failure},
    },
};

/// Documents that are looked at together where a section alone is given.
const PAGE: usize = 1000;
/// Sections that are told where several have the name.
const TOLD: usize = 10;

/// A document, and what of it is wanted.
pub(super) struct Target {
    pub open: Open,
    pub document: StoredDocument,
    pub part: Part,
}

/// What the arguments mean: a path, a path with a fragment, or a section alone.
pub(super) async fn find(collections: &Collections, arguments: &ReadArguments) -> Result<Target, ToolError> {
    let given =
        |text: &Option<String>| text.as_deref().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned);
    let mut names: Vec<String> = given(&arguments.collection).or(given(&arguments.rag_setup)).into_iter().collect();
    let (path, old, section) = (given(&arguments.path), given(&arguments.section_path), given(&arguments.section));
    let is_old = path.is_none();
    let mut wanted = path.or(old);
    // What a result calls `uri` is an address too.
    if let Some((collection, path)) = wanted.as_deref().and_then(resources::parse) {
        names = vec![collection];
        wanted = Some(path);
    }
    let (open, _) = scope::open(collections, &names).await?;
    let lines = (arguments.first_line, arguments.last_line);
    let Some(wanted) = wanted else {
        let section = section.ok_or_else(|| {
            ToolError::invalid("`path` is missing")
                .hint("give a path or a citation of search_documents, or a `section`")
        })?;
        return by_section(open, &section).await;
    };
    let part = match (section, lines) {
        (Some(section), _) => Part::Section(section),
        (None, (first, last)) => Part::Lines(first, last),
    };
    match by_path(open, &wanted, part).await? {
        Ok(target) => Ok(target),
        Err(open) if is_old => by_section(open, wanted.rsplit(['#', '/']).next().unwrap_or(&wanted)).await,
        Err(open) => Err(unknown(&open, &wanted).await),
    }
}

/// The document of this path, in one of the collections. A fragment counts where no file is called like the whole, and
/// what is said beside it counts more.
async fn by_path(open: Vec<Open>, wanted: &str, part: Part) -> Result<Result<Target, Vec<Open>>, ToolError> {
    let clean = |path: &str| path.trim_start_matches("./").trim_start_matches('/').to_owned();
    let mut readings = vec![(clean(wanted), part.clone())];
    if let Some((path, fragment)) = wanted.rsplit_once('#') {
        let part = if part == Part::Lines(None, None) { Part::of_fragment(fragment) } else { part };
        readings.push((clean(path), part));
    }
    for (path, part) in readings {
        let mut found = Vec::new();
        for (at, one) in open.iter().enumerate() {
            let document = one.snapshot.document(&path).await.map_err(|error| failure(one.name(), error))?;
            found.extend(document.map(|document| (at, document)));
        }
        if found.len() > 1 {
            let names: Vec<_> = found.iter().map(|(at, _)| format!("`{}`", open[*at].name())).collect();
            return Err(ToolError::invalid(format!("`{path}` is in several collections"))
                .hint(format!("say a `collection`: {}", names.join(", "))));
        }
        if let Some((at, document)) = found.pop() {
            let mut open = open;
            return Ok(Ok(Target { open: open.swap_remove(at), document, part }));
        }
    }
    Ok(Err(open))
}

/// The only section of this name, in whatever document. Whose very title it is counts more than what begins with it.
async fn by_section(open: Vec<Open>, title: &str) -> Result<Target, ToolError> {
    let lower = title.to_lowercase();
    let (mut exact, mut like) = (Vec::new(), Vec::new());
    for (at, one) in open.iter().enumerate() {
        let mut after: Option<String> = None;
        loop {
            let page = one.snapshot.documents(&Filter::default(), after.as_deref(), PAGE).await;
            let page = page.map_err(|error| failure(one.name(), error))?;
            for entry in &page {
                if entry.sections.iter().any(|(_, title, _)| title.to_lowercase() == lower) {
                    exact.push((at, entry.path.clone()));
                } else if is_like(entry, title) {
                    like.push((at, entry.path.clone()));
                }
            }
            match page.last() {
                Some(last) if page.len() == PAGE => after = Some(last.path.clone()),
                _ => break,
            }
        }
    }
    let found = if exact.is_empty() { like } else { exact };
    match found.as_slice() {
        [] => Err(ToolError::not_found(format!("there is no section `{title}`"))
            .hint("search_documents finds passages by words; list_documents shows documents with their headings")),
        [(at, path)] => {
            let one = &open[*at];
            let document = one.snapshot.document(path).await.map_err(|error| failure(one.name(), error))?;
            let document = document.ok_or_else(|| ToolError::internal(format!("{path} is listed, but not there")))?;
            let mut open = open;
            Ok(Target { open: open.swap_remove(*at), document, part: Part::Section(title.to_owned()) })
        }
        several => {
            let told = several.iter().take(TOLD).map(|(_, path)| format!("`{path}#{title}`")).collect::<Vec<_>>();
            let more = if several.len() > TOLD { ", and others" } else { "" };
            Err(ToolError::invalid(format!("{} documents have a section `{title}`", several.len()))
                .hint(format!("read one of them by its path: {}{more}", told.join(", "))))
        }
    }
}

fn is_like(entry: &DocumentEntry, title: &str) -> bool {
    !entry.sections.is_empty() && windlass_documents::section("", &sections(entry), title).is_some()
}

async fn unknown(open: &[Open], wanted: &str) -> ToolError {
    let mut paths = Vec::new();
    for one in open {
        match one.snapshot.contents().await {
            Ok(contents) => paths.extend(contents.into_keys()),
            Err(error) => return failure(one.name(), error),
        }
    }
    let path = wanted.split_once('#').map_or(wanted, |(path, _)| path);
    let near = near::paths(path, paths.iter().map(String::as_str));
    let hint = match near.is_empty() {
        true => "search_documents finds documents by what they say, list_documents by path".to_owned(),
        false => format!("did you mean {}?", near.join(", ")),
    };
    let names: Vec<_> = open.iter().map(|one| format!("`{}`", one.name())).collect();
    ToolError::not_found(format!("there is no document `{wanted}` in {}", names.join(", "))).hint(hint)
}
