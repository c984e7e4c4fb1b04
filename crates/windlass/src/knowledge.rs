//! From the section `knowledge` to collections: where the index is, who makes the vectors, where documents come from.

mod place;

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, Once},
};

use anyhow::Context;
use tokio::runtime::Handle;
use windlass_config::{ConfigError, ConfigErrors, Loaded, settings::KnowledgeSettings};
use windlass_core::Toolset;
use windlass_index::Index;
use windlass_knowledge::{
    Collections, KnowledgeToolset, SettingError, Surroundings,
    collections::{Options, Parts},
    embed::{self, Embedder},
    secrets::{References, Secrets},
    source::{self, Source},
};

use crate::exit::{Exit, Failure};
pub use place::Place;

/// The collections of one configuration.
pub struct Knowledge {
    settings: KnowledgeSettings,
    /// Where the index is kept.
    pub place: Place,
    /// What each collection is made of.
    pub sources: BTreeMap<String, Vec<Arc<dyn Source>>>,
    /// What makes vectors.
    pub embedder: Arc<dyn Embedder>,
    /// All of them.
    pub collections: Arc<Collections>,
    toolset: Arc<KnowledgeToolset>,
    started: Once,
}

impl Knowledge {
    /// What `loaded` says; `None` where it names no collection. `state` is the state directory. Nothing is read yet.
    pub fn new(loaded: &Loaded, state: Option<&Path>) -> Result<Option<Self>, Failure> {
        let Some(settings) = named(loaded) else { return Ok(None) };
        let place = Place::of(loaded, settings, state)?;
        let Made { embedder, sources, secrets } = made(loaded, settings, state)?;
        let mut parts = Vec::new();
        for (name, collection) in &settings.collections {
            parts.push(Parts {
                name: name.clone(),
                description: collection.description.clone(),
                index: index(&place, name, &secrets)?,
                sources: sources[name].clone(),
            });
        }
        let every = settings.refresh.map(|every| every.0);
        let options = Options { every, keep: settings.keep, max_shrink: settings.max_shrink };
        let collections = Arc::new(Collections::new(parts, embedder.clone(), options));
        let toolset = Arc::new(KnowledgeToolset::new(collections.clone()));
        let settings = settings.clone();
        Ok(Some(Self { settings, place, sources, embedder, collections, toolset, started: Once::new() }))
    }

    /// Whether everything could be made that the section names; how many collections these are.
    pub fn check(loaded: &Loaded) -> Result<usize, Failure> {
        let Some(settings) = named(loaded) else { return Ok(0) };
        made(loaded, settings, None).map(|made| made.sources.len())
    }

    /// Whether `loaded` says the same.
    pub fn is_as_in(&self, loaded: &Loaded) -> bool {
        named(loaded) == Some(&self.settings)
    }

    /// To search them.
    pub fn toolset(&self) -> Arc<dyn Toolset> {
        self.toolset.clone()
    }

    /// Begins to refresh in the background, unless that began before.
    pub fn start(&self) {
        self.started.call_once(|| self.collections.start());
    }
}

fn index(place: &Place, collection: &str, secrets: &Arc<dyn Secrets>) -> Result<Arc<dyn Index>, Failure> {
    let opening = place.index(collection, secrets);
    let opened = tokio::task::block_in_place(|| Handle::current().block_on(opening));
    opened.context("knowledge.index").map_err(Failure::usage)
}

/// What the settings describe, beside the index.
struct Made {
    embedder: Arc<dyn Embedder>,
    sources: BTreeMap<String, Vec<Arc<dyn Source>>>,
    secrets: Arc<dyn Secrets>,
}

/// Makes it, or says everything that is wrong and where it stands. Nobody is asked, and nothing read.
fn made(loaded: &Loaded, settings: &KnowledgeSettings, state: Option<&Path>) -> Result<Made, Failure> {
    let secrets: Arc<dyn Secrets> = Arc::new(References::new(loaded.env.clone(), loaded.base.clone()));
    let surroundings = Surroundings {
        base: loaded.base.clone(),
        cache: place::cache(state),
        max_file: settings.max_file,
        secrets: secrets.clone(),
        aws: None,
    };
    let mut mistakes = Vec::new();
    let embedder = embed::make(&settings.embedder, &surroundings);
    let embedder = embedder.map_err(|error| mistakes.push(located(loaded, "knowledge.embedder", error))).ok();
    let mut sources = BTreeMap::new();
    for (name, collection) in &settings.collections {
        let made = collection.sources.iter().enumerate().filter_map(|(at, source)| {
            let made = source::make(source, &surroundings);
            let setting = format!("knowledge.collections.{name}.sources[{at}]");
            made.map_err(|error| mistakes.push(located(loaded, &setting, error))).ok()
        });
        sources.insert(name.clone(), made.collect::<Vec<_>>());
    }
    match embedder.filter(|_| mistakes.is_empty()) {
        Some(embedder) => Ok(Made { embedder, sources, secrets }),
        None => Err(Failure::with(Exit::Usage, ConfigErrors(mistakes))),
    }
}

/// The section, where it names a collection.
fn named(loaded: &Loaded) -> Option<&KnowledgeSettings> {
    loaded.settings.knowledge.as_ref().filter(|knowledge| !knowledge.collections.is_empty())
}

fn located(loaded: &Loaded, section: &str, error: SettingError) -> ConfigError {
    let setting = match error.setting {
        // Of the source as a whole.
        "sources" => section.to_owned(),
        setting => format!("{section}.{setting}"),
    };
    loaded.mistake(&setting, error.why, None)
}
