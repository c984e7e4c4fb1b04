//! `windlass knowledge search`.

use serde_json::{Value, json};
use windlass_index::Filter;
use windlass_knowledge::search::{self, Match, Searched};

use super::{chosen, failure};
use crate::{
    cli::KnowledgeSearchArgs,
    exit::{Exit, Failure},
    knowledge::Knowledge,
    output::say,
};

/// 1 where nothing was found, as other programs that search have it.
pub async fn run(knowledge: &Knowledge, args: KnowledgeSearchArgs) -> Result<Exit, Failure> {
    let mut searched = Vec::new();
    for collection in chosen(&knowledge.collections, &args.collections)? {
        match collection.index().current().await.map_err(failure)? {
            Some(snapshot) => searched.push(Searched { name: collection.name().to_owned(), snapshot }),
            None => eprintln!("{} has no index yet: `windlass knowledge refresh`", collection.name()),
        }
    }
    let filter = Filter { path: args.path, ..Filter::default() };
    let embedder = knowledge.embedder.as_ref();
    let found = search::search(&searched, embedder, args.query.trim(), &filter, args.limit.max(1)).await;
    let found = found.map_err(failure)?;
    for note in &found.notes {
        eprintln!("note: {note}");
    }
    match args.json {
        true => say!("{:#}", json!({ "results": found.matches.iter().map(document).collect::<Vec<_>>() })),
        false => found.matches.iter().for_each(print),
    }
    Ok(if found.matches.is_empty() { Exit::Failed } else { Exit::Done })
}

fn document(found: &Match) -> Value {
    json!({
        "collection": found.collection, "path": found.document.path, "citation": found.citation(),
        "score": found.score.round(), "breadcrumb": found.breadcrumb, "snippet": found.snippet.text,
        "commit": found.at, "link": found.link, "also": found.also,
    })
}

fn print(found: &Match) {
    say!("{}: {} (score {})", found.collection, found.citation(), found.score.round());
    if !found.breadcrumb.is_empty() {
        say!("   {}", found.breadcrumb.join(" > "));
    }
    if let Some(link) = &found.link {
        say!("   {link}");
    }
    for (line, number) in found.snippet.text.lines().zip(found.snippet.first_line..) {
        say!("{number:>6}  {line}");
    }
}
