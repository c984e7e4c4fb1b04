//! The collections of a server: what is searched, and how it is kept fresh.

mod collection;
mod schedule;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use tokio_util::sync::{CancellationToken, DropGuard};
use windlass_core::Check;
use windlass_index::Index;

use crate::{
    embed::Embedder,
    refresh::{self, RefreshError, Report, Watch},
    source::Source,
};
pub use collection::Collection;

/// What a collection is made of.
pub struct Parts {
    /// What it is called.
    pub name: String,
    /// What is in it, for the model that has to choose.
    pub description: String,
    /// Where it is kept.
    pub index: Arc<dyn Index>,
    /// Where its documents come from.
    pub sources: Vec<Arc<dyn Source>>,
}

/// How collections are kept.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Refresh every so often, and at the start. Without it, only what has no index yet is refreshed.
    pub every: Option<Duration>,
    /// Generations to keep.
    pub keep: usize,
    /// Percent of its documents that a collection may lose in one refresh.
    pub max_shrink: u8,
}

impl Default for Options {
    fn default() -> Self {
        let refresh::Options { keep, max_shrink, .. } = refresh::Options::default();
        Self { every: None, keep, max_shrink }
    }
}

/// How one refresh differs from the scheduled ones.
#[derive(Debug, Clone, Default)]
pub struct Wish {
    /// See [`refresh::Options::force`].
    pub force: bool,
    /// See [`refresh::Options::all`].
    pub all: bool,
    /// Fires when it shall end.
    pub cancel: CancellationToken,
}

/// The collections of a server. Dropped, it ends what refreshes them in the background.
pub struct Collections {
    shared: Arc<Shared>,
    stop: CancellationToken,
    _stop: DropGuard,
}

/// What the background has too.
struct Shared {
    all: BTreeMap<String, Arc<Collection>>,
    embedder: Arc<dyn Embedder>,
    options: Options,
    /// One refresh at a time: each takes what memory and requests it may.
    refreshing: tokio::sync::Mutex<()>,
}

impl Collections {
    /// These collections. Nothing is read before [`Collections::start`], a search or a refresh.
    pub fn new(parts: Vec<Parts>, embedder: Arc<dyn Embedder>, options: Options) -> Self {
        let all = parts.into_iter().map(|parts| (parts.name.clone(), Arc::new(Collection::new(parts)))).collect();
        let stop = CancellationToken::new();
        let shared = Shared { all, embedder, options, refreshing: tokio::sync::Mutex::default() };
        Self { shared: Arc::new(shared), _stop: stop.clone().drop_guard(), stop }
    }

    /// Begins to refresh in the background: what has no index yet, and everything every so often where that is set.
    /// Must be called inside a tokio runtime.
    pub fn start(&self) {
        tokio::spawn(schedule::run(self.shared.clone(), self.stop.clone()));
    }

    /// Ends what [`Collections::start`] began.
    pub fn stop(&self) {
        self.stop.cancel();
    }

    /// All of them, by name.
    pub fn all(&self) -> impl Iterator<Item = &Arc<Collection>> {
        self.shared.all.values()
    }

    /// One of them.
    pub fn get(&self, name: &str) -> Option<&Arc<Collection>> {
        self.shared.all.get(name)
    }

    /// What makes vectors of questions.
    pub fn embedder(&self) -> &dyn Embedder {
        self.shared.embedder.as_ref()
    }

    /// Refreshes a collection now, after whatever is being refreshed in this process.
    pub async fn refresh(
        &self,
        collection: &Collection,
        wish: &Wish,
        watch: Watch<'_>,
    ) -> Result<Report, RefreshError> {
        self.shared.refresh(collection, wish, watch).await
    }

    /// Whether each can be searched.
    pub async fn ready(&self) -> Vec<Check> {
        futures::future::join_all(self.all().map(|collection| collection.ready())).await
    }
}

impl Shared {
    async fn refresh(&self, collection: &Collection, wish: &Wish, watch: Watch<'_>) -> Result<Report, RefreshError> {
        let _one = tokio::select! {
            one = self.refreshing.lock() => one,
            () = wish.cancel.cancelled() => return Err(RefreshError::Cancelled),
        };
        let options = refresh::Options {
            keep: self.options.keep,
            max_shrink: self.options.max_shrink,
            force: wish.force,
            all: wish.all,
            cancel: wish.cancel.clone(),
        };
        collection.refresh(self.embedder.as_ref(), &options, watch).await
    }
}
