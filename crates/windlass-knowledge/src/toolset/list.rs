//! `list_collections` and `list_documents`.

use std::fmt::Write as _;

use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use windlass_core::{Output, ToolError};
use windlass_index::DocumentEntry;

use super::{
    answers::{CollectionAnswer, CollectionsAnswer, DocumentAnswer, DocumentsAnswer, SkippedAnswer, SourceAnswer},
    arguments::ListArguments,
    near, resources, scope,
};
use crate::{
    collections::{Collection, Collections},
    words::{ago, counted, grouped, list},
};

/// Headings of a document that are told.
const HEADINGS: usize = 5;
/// Characters of each.
const HEADING: usize = 80;

pub(super) async fn collections(collections: &Collections) -> Result<Output, ToolError> {
    let now = OffsetDateTime::now_utc();
    let mut text = String::new();
    let mut answers = Vec::new();
    for collection in collections.all() {
        let (answer, refreshed) = look(collection).await;
        let _ = write!(text, "{}: ", answer.name);
        match refreshed {
            Some(refreshed) => {
                let documents = counted(answer.documents, "document");
                let _ = writeln!(text, "{documents}, refreshed {}", ago(refreshed, now));
            }
            None => {
                let detail = answer.detail.as_deref().unwrap_or(&answer.state);
                let _ = writeln!(text, "{detail}");
            }
        }
        if !answer.description.trim().is_empty() {
            let _ = writeln!(text, "  {}", answer.description.trim());
        }
        let sources = answer.sources.iter().map(|source| match &source.commit {
            Some(commit) => format!("{} at {commit}", source.name),
            None => source.name.clone(),
        });
        let _ = writeln!(text, "  from {}", list(sources));
        if !answer.skipped.is_empty() {
            let skipped = answer.skipped.iter().map(|one| format!("{} {}", grouped(one.count), one.why));
            let _ = writeln!(text, "  passed over: {}", list(skipped));
        }
        answers.push(answer);
    }
    Output::structured(text, CollectionsAnswer { collections: answers })
}

async fn look(collection: &Collection) -> (CollectionAnswer, Option<OffsetDateTime>) {
    let mut answer = CollectionAnswer {
        name: collection.name().to_owned(),
        description: collection.description().to_owned(),
        state: "ready".to_owned(),
        detail: None,
        documents: 0,
        chunks: 0,
        refreshed: None,
        sources: Vec::new(),
        skipped: Vec::new(),
    };
    let mut refreshed = None;
    let mut commits = Default::default();
    match collection.snapshot().await {
        Ok(Some(snapshot)) => {
            let generation = snapshot.generation();
            (answer.documents, answer.chunks) = (generation.counts.documents, generation.counts.chunks);
            let skipped = generation.skipped.iter();
            answer.skipped = skipped.map(|(why, count)| SkippedAnswer { why: why.clone(), count: *count }).collect();
            commits = generation.sources.clone();
            let at = collection.refreshed(snapshot.as_ref());
            answer.refreshed = at.format(&Rfc3339).ok();
            refreshed = Some(at);
        }
        Ok(None) => match collection.being_made() {
            Some(made) => (answer.state, answer.detail) = ("being made".to_owned(), Some(made)),
            None => {
                let why = match collection.failure() {
                    Some(_) => "it could not be made yet",
                    None => "it has not been made yet",
                };
                (answer.state, answer.detail) = ("missing".to_owned(), Some(why.to_owned()));
            }
        },
        Err(error) => {
            tracing::warn!(collection = collection.name(), %error, "the index cannot be looked at");
            let why = "it cannot be read now".to_owned();
            (answer.state, answer.detail) = ("unreachable".to_owned(), Some(why));
        }
    }
    let commit = |name: &str| commits.get(name).filter(|at: &&String| !at.is_empty()).cloned();
    answer.sources =
        collection.sources().map(|name| SourceAnswer { name: name.to_owned(), commit: commit(name) }).collect();
    (answer, refreshed)
}

pub(super) async fn documents(collections: &Collections, arguments: ListArguments) -> Result<Output, ToolError> {
    let filter = arguments.filter()?;
    let limit = arguments.limit.unwrap_or(50).clamp(1, 200);
    let names: Vec<String> = arguments.collection.iter().chain(&arguments.rag_setup).cloned().collect();
    let (open, notes) = scope::open(collections, &names).await?;
    let several = collections.all().count() > 1;
    let (from, mut after) = match arguments.after.as_deref().filter(|after| !after.is_empty()) {
        None => (0, None),
        Some(after) => match open.iter().position(|one| after.starts_with(&format!("{}:", one.name()))) {
            Some(at) => (at, Some(after[open[at].name().len() + 1..].to_owned())),
            None if open.len() == 1 => (0, Some(after.to_owned())),
            None => {
                return Err(ToolError::invalid(format!("`after` is not the `next` of an answer: `{after}`"))
                    .hint("with several collections, say `collection` too"));
            }
        },
    };
    let (mut shown, mut next) = (Vec::new(), None);
    for one in &open[from..] {
        let room = limit - shown.len();
        let page = one.snapshot.documents(&filter, after.take().as_deref(), room + 1).await;
        let page = page.map_err(|error| scope::failure(one.name(), error))?;
        let more = page.len() > room;
        shown.extend(page.into_iter().take(room).map(|entry| (one.name(), entry)));
        if more {
            next = shown.last().map(|(name, entry): &(&str, DocumentEntry)| format!("{name}:{}", entry.path));
            break;
        }
    }
    let mut text = String::new();
    if shown.is_empty() {
        let advice = match (filter.is_empty(), arguments.after.is_some()) {
            (_, true) => "there are no more",
            (true, false) => "there are none",
            (false, false) => "none match: try without `path`, `languages`, `tags`, `since` and `until`",
        };
        let _ = writeln!(text, "no documents; {advice}");
    }
    for note in &notes {
        let _ = writeln!(text, "note: {note}");
    }
    for (name, entry) in &shown {
        show(&mut text, name, entry, several);
    }
    if let Some(next) = &next {
        let _ = writeln!(text, "there are more: give after=\"{next}\"");
    }
    let documents = shown.into_iter().map(|(name, entry)| answer(name, entry)).collect();
    Output::structured(text, DocumentsAnswer { documents, next, notes })
}

/// The first headings; one that says what the title says is none.
fn headings(entry: &DocumentEntry) -> Vec<String> {
    let title = entry.title.as_deref().unwrap_or_default().to_lowercase();
    let headings = entry.sections.iter().filter(|(_, heading, _)| heading.to_lowercase() != title);
    headings.take(HEADINGS).map(|(_, heading, _)| near::shortened(heading, HEADING)).collect()
}

fn show(text: &mut String, name: &str, entry: &DocumentEntry, several: bool) {
    if several {
        let _ = write!(text, "{name}: ");
    }
    let _ = write!(text, "{}", entry.path);
    if let Some(title) = &entry.title {
        let _ = write!(text, " - {title}");
    }
    let mut facts = vec![entry.language.clone(), counted(entry.lines.into(), "line")];
    facts.extend(entry.date.map(|date| date.to_string()));
    if !entry.tags.is_empty() {
        facts.push(format!("tags: {}", entry.tags.join(" ")));
    }
    let _ = writeln!(text, " ({})", facts.join(", "));
    let headings = headings(entry);
    if !headings.is_empty() {
        let more = if entry.sections.len() > headings.len() + 1 { "; ..." } else { "" };
        let _ = writeln!(text, "  {}{more}", headings.join("; "));
    }
}

fn answer(name: &str, entry: DocumentEntry) -> DocumentAnswer {
    DocumentAnswer {
        collection: name.to_owned(),
        headings: headings(&entry),
        uri: resources::uri(name, &entry.path),
        path: entry.path,
        title: entry.title,
        language: entry.language,
        date: entry.date.map(|date| date.to_string()),
        tags: entry.tags,
        lines: entry.lines,
        link: entry.link,
    }
}
