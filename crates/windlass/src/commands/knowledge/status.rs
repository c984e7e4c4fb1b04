//! `windlass knowledge status`.

use serde_json::{Value, json};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use windlass_index::Generation;
use windlass_knowledge::collections::Collection;

use super::{chosen, failure};
use crate::{
    exit::{Exit, Failure},
    knowledge::Knowledge,
    output::say,
};

pub async fn run(knowledge: &Knowledge, names: &[String], json: bool) -> Result<Exit, Failure> {
    let collections = chosen(&knowledge.collections, names)?;
    let mut told = Vec::new();
    if !json {
        say!("index     {}", knowledge.place);
    }
    let mut missing = false;
    for collection in collections {
        let generations = collection.index().generations().await.map_err(failure)?;
        let current = collection.index().current().await.map_err(failure)?;
        let current = current.map(|snapshot| snapshot.generation().clone());
        missing |= current.is_none();
        match json {
            true => told.push(document(&collection, current.as_ref(), &generations)),
            false => print(&collection, current.as_ref(), &generations),
        }
    }
    if json {
        say!("{:#}", json!({ "index": knowledge.place.to_string(), "collections": told }));
    }
    Ok(if missing { Exit::Failed } else { Exit::Done })
}

/// For a program. The changes of a generation are `recent_changes`, the tool.
fn document(collection: &Collection, current: Option<&Generation>, generations: &[Generation]) -> Value {
    let told = |generation: &Generation| {
        json!({
            "number": generation.number, "published": when(generation.published), "model": generation.model,
            "counts": generation.counts, "sources": generation.sources, "skipped": generation.skipped,
            "rolled_back_to": generation.rolled_back_to,
        })
    };
    json!({
        "name": collection.name(), "description": collection.description(),
        "sources": collection.sources().collect::<Vec<_>>(),
        "current": current.map(told), "generations": generations.iter().map(told).collect::<Vec<_>>(),
    })
}

fn print(collection: &Collection, current: Option<&Generation>, generations: &[Generation]) {
    say!("");
    say!("{}  {}", collection.name(), collection.description());
    let Some(current) = current else {
        for source in collection.sources() {
            say!("  source      {source}");
        }
        return say!("  no index yet; `windlass knowledge refresh {}` makes it", collection.name());
    };
    let counts = current.counts;
    say!("  documents   {}, in {} chunks", counts.documents, counts.chunks);
    let normalised = if current.model.normalised { "" } else { ", not normalised" };
    say!("  model       {}, {} numbers{normalised}", current.model.name, current.model.dimensions);
    for source in collection.sources() {
        match current.sources.get(source).filter(|at| !at.is_empty()) {
            Some(at) => say!("  source      {source} at {at}"),
            None => say!("  source      {source}"),
        }
    }
    if !current.skipped.is_empty() {
        let skipped: Vec<String> = current.skipped.iter().map(|(why, count)| format!("{count} {why}")).collect();
        say!("  passed over {}", skipped.join(", "));
    }
    for generation in generations {
        let mark = if generation.number == current.number { "*" } else { " " };
        let of = generation.rolled_back_to.map(|of| format!(", generation {of} again")).unwrap_or_default();
        let (number, documents) = (generation.number, generation.counts.documents);
        say!("  {mark} generation {number}, {}, {documents} documents{of}", when(generation.published));
    }
}

fn when(time: OffsetDateTime) -> String {
    let whole = time.replace_nanosecond(0).unwrap_or(time);
    whole.format(&Rfc3339).unwrap_or_default()
}
