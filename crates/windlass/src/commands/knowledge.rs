//! `windlass knowledge`.

mod bar;
mod refresh;
mod search;
mod status;

use std::sync::Arc;

use anyhow::anyhow;
use serde_json::json;
use windlass_index::IndexError;
use windlass_knowledge::collections::{Collection, Collections};
use windlass_store::{Environment, Store};

use crate::{
    cli::{ConfigArgs, KnowledgeCommand},
    exit::{Exit, Failure},
    knowledge::Knowledge,
    output::say,
    wiring,
};
pub use refresh::one as refresh_one;

pub async fn run(config: &ConfigArgs, command: KnowledgeCommand) -> Result<Exit, Failure> {
    let knowledge = open(config)?;
    match command {
        KnowledgeCommand::Refresh(args) => refresh::run(&knowledge, args).await,
        KnowledgeCommand::Status { collections, json } => status::run(&knowledge, &collections, json).await,
        KnowledgeCommand::Rollback { collection, to, json } => rollback(&knowledge, &collection, to, json).await,
        KnowledgeCommand::Search(args) => search::run(&knowledge, args).await,
    }
}

/// The collections of the configuration at hand, where the server has them.
fn open(config: &ConfigArgs) -> Result<Knowledge, Failure> {
    let loaded = wiring::load(&wiring::sources(config, Vec::new())?)?;
    let store = Store::open(&loaded.settings.store, &loaded.settings.limits, &Environment::of_process());
    let store = store.map_err(|error| {
        let hint = error.hint();
        Failure::usage(error).hint(hint)
    })?;
    Knowledge::new(&loaded, store.directory())?.ok_or_else(|| {
        Failure::usage(anyhow!("there are no collections: the configuration names none below `knowledge.collections`"))
            .hint("docs/toolsets/knowledge.md begins with one of five lines")
    })
}

/// These collections, or all.
pub fn chosen(collections: &Collections, names: &[String]) -> Result<Vec<Arc<Collection>>, Failure> {
    if names.is_empty() {
        return Ok(collections.all().cloned().collect());
    }
    let found = |name: &String| {
        collections.get(name).cloned().ok_or_else(|| {
            let known: Vec<&str> = collections.all().map(|collection| collection.name()).collect();
            Failure::usage(anyhow!("there is no collection `{name}`")).hint(format!("there is {}", known.join(", ")))
        })
    };
    names.iter().map(found).collect()
}

async fn rollback(knowledge: &Knowledge, name: &str, to: Option<u64>, json: bool) -> Result<Exit, Failure> {
    let collection = chosen(&knowledge.collections, &[name.to_owned()])?.remove(0);
    let generation = collection.index().rollback(to).await.map_err(failure)?;
    match json {
        true => say!("{:#}", json!({ "collection": name, "generation": generation })),
        false => {
            let of =
                generation.rolled_back_to.map(|of| format!(", which is generation {of} again")).unwrap_or_default();
            say!("{name}: generation {}{of}, with {} documents", generation.number, generation.counts.documents);
            say!("the next refresh brings back what its sources have");
        }
    }
    Ok(Exit::Done)
}

/// What an index says, as an exit code and what to do.
fn failure(error: IndexError) -> Failure {
    match error {
        IndexError::NoGeneration(_) => {
            Failure::usage(error).hint("`windlass knowledge status` lists the generations that are kept")
        }
        IndexError::Unreachable(_) => Failure::with(Exit::Unreachable, error),
        IndexError::Damaged(_) => {
            Failure::with(Exit::Failed, error).hint("`windlass knowledge refresh --all` puts every document anew")
        }
        error => Failure::with(Exit::Failed, error),
    }
}
