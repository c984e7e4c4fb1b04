//! One collection.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use time::OffsetDateTime;
use windlass_core::Check;
use windlass_index::{Index, IndexError, Snapshot};

use super::Parts;
use crate::{
    embed::Embedder,
    refresh::{self, Phase, Progress, RefreshError, Report, Watch},
    words::{ago, counted, grouped},
};

/// For so long nobody asks whether there is a newer generation.
const FRESH: Duration = Duration::from_secs(1);

/// One collection.
pub struct Collection {
    parts: Parts,
    seen: Mutex<Option<Seen>>,
    /// Held by whoever asks for a newer generation; others go on with what they have.
    looking: tokio::sync::Mutex<()>,
    state: Mutex<State>,
}

#[derive(Clone)]
struct Seen {
    at: Instant,
    snapshot: Arc<dyn Snapshot>,
}

#[derive(Default)]
struct State {
    running: Option<Progress>,
    /// When a refresh of this process last found everything up to date, or made it so.
    refreshed: Option<OffsetDateTime>,
    /// Why the last refresh of this process failed, if it did.
    failed: Option<String>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes the progress away however the refresh ends.
struct Running<'a>(&'a Mutex<State>);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        locked(self.0).running = None;
    }
}

impl Collection {
    pub(super) fn new(parts: Parts) -> Self {
        Self { parts, seen: Mutex::default(), looking: tokio::sync::Mutex::default(), state: Mutex::default() }
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        &self.parts.name
    }

    /// What is in it.
    pub fn description(&self) -> &str {
        &self.parts.description
    }

    /// Where it is kept.
    pub fn index(&self) -> &dyn Index {
        self.parts.index.as_ref()
    }

    /// What its sources are called.
    pub fn sources(&self) -> impl Iterator<Item = &str> {
        self.parts.sources.iter().map(|source| source.name())
    }

    /// How far a refresh in this process is, where one runs.
    pub fn progress(&self) -> Option<Progress> {
        locked(&self.state).running
    }

    /// Why the last refresh in this process failed, if it did.
    pub fn failure(&self) -> Option<String> {
        locked(&self.state).failed.clone()
    }

    /// When it was last known to be as its sources are: of its generation, or of a later refresh that found nothing
    /// new.
    pub fn refreshed(&self, snapshot: &dyn Snapshot) -> OffsetDateTime {
        let published = snapshot.generation().published;
        locked(&self.state).refreshed.map_or(published, |refreshed| refreshed.max(published))
    }

    /// What there is to search; `None` before the first refresh. At most a second old, or older while the index cannot
    /// be reached.
    pub async fn snapshot(&self) -> Result<Option<Arc<dyn Snapshot>>, IndexError> {
        let seen = locked(&self.seen).clone();
        let _looking = match &seen {
            Some(seen) if seen.at.elapsed() < FRESH => return Ok(Some(seen.snapshot.clone())),
            Some(seen) => match self.looking.try_lock() {
                Ok(looking) => looking,
                Err(_) => return Ok(Some(seen.snapshot.clone())),
            },
            None => self.looking.lock().await,
        };
        let latest = locked(&self.seen).clone();
        if let Some(latest) = latest.filter(|latest| latest.at.elapsed() < FRESH) {
            return Ok(Some(latest.snapshot));
        }
        let snapshot = match (self.parts.index.current().await, seen) {
            (Ok(snapshot), _) => snapshot,
            (Err(error), Some(seen)) => {
                tracing::warn!(collection = self.name(), %error, "searching what was current before");
                Some(seen.snapshot)
            }
            (Err(error), None) => return Err(error),
        };
        *locked(&self.seen) = snapshot.clone().map(|snapshot| Seen { at: Instant::now(), snapshot });
        Ok(snapshot)
    }

    pub(super) async fn refresh(
        &self,
        embedder: &dyn Embedder,
        options: &refresh::Options,
        watch: Watch<'_>,
    ) -> Result<Report, RefreshError> {
        let _running = Running(&self.state);
        let watched = |progress: Progress| {
            locked(&self.state).running = Some(progress);
            watch(progress);
        };
        let Parts { name, index, sources, .. } = &self.parts;
        let refreshed = refresh::refresh(name, index.as_ref(), sources, embedder, options, &watched).await;
        let mut state = locked(&self.state);
        match &refreshed {
            Ok(report) => {
                (state.refreshed, state.failed) = (Some(OffsetDateTime::now_utc()), None);
                if report.published.is_some()
                    && let Some(seen) = locked(&self.seen).as_mut()
                {
                    // Stale from now on, but better than none while somebody looks.
                    seen.at = seen.at.checked_sub(FRESH).unwrap_or(seen.at);
                }
            }
            // That it was told to end says nothing about the collection.
            Err(RefreshError::Cancelled) => {}
            Err(error) => state.failed = Some(error.to_string()),
        }
        refreshed
    }

    /// How far the first refresh is, in words: `being made, 12 of 40 documents`.
    pub fn being_made(&self) -> Option<String> {
        let Progress { phase, done, total } = self.progress()?;
        Some(match phase {
            Phase::Looking => "being made, looking what there is".to_owned(),
            Phase::Reading => format!("being made, {} of {}", grouped(done), counted(total, "document")),
            Phase::Publishing => "being made, almost done".to_owned(),
        })
    }

    pub(super) async fn ready(&self) -> Check {
        let name = format!("knowledge.{}", self.name());
        let failure = self.failure();
        match self.snapshot().await {
            Err(error) => Check::failed(name, error.to_string()),
            Ok(Some(snapshot)) => {
                let documents = counted(snapshot.generation().counts.documents, "document");
                let refreshed = ago(self.refreshed(snapshot.as_ref()), OffsetDateTime::now_utc());
                let told = format!("{documents}, refreshed {refreshed}");
                match failure {
                    None => Check::ok(name, told),
                    Some(why) => Check::degraded(name, format!("{told}; the last refresh failed: {why}")),
                }
            }
            Ok(None) => match (self.being_made(), failure) {
                (Some(made), _) => Check::degraded(name, made),
                (None, Some(why)) => Check::failed(name, format!("no index: {why}")),
                (None, None) => Check::failed(name, "no index yet: run `windlass knowledge refresh`"),
            },
        }
    }
}
