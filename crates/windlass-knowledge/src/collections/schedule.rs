//! Refreshing in the background.

use std::{
    collections::hash_map::RandomState,
    hash::BuildHasher,
    sync::Arc,
    time::{Duration, Instant},
};

use futures::FutureExt;
use tokio_util::sync::CancellationToken;

use super::{Collection, Shared, Wish};
use crate::refresh::RefreshError;

/// What could not be made at the start is tried again after this, then after twice as long, ...
const FIRST_RETRY: Duration = Duration::from_secs(30);
/// ... and at last this often.
const LAST_RETRY: Duration = Duration::from_secs(3600);

/// Refreshes until `stop`: what has no index until it has one, and everything every so often where that is set.
pub(super) async fn run(shared: Arc<Shared>, stop: CancellationToken) {
    let mut retry = FIRST_RETRY;
    let mut all = shared.options.every.is_some();
    let mut last = Instant::now();
    loop {
        let mut missing = false;
        for collection in shared.all.values() {
            if (all || has_none(collection).await) && !stop.is_cancelled() {
                refresh(&shared, collection, &stop).await;
                missing |= has_none(collection).await;
            }
        }
        if all {
            last = Instant::now();
        }
        let until_all = shared.options.every.map(|every| jittered(every).saturating_sub(last.elapsed()));
        let wait = match (missing, until_all) {
            (true, until_all) => {
                let wait = jittered(retry);
                retry = (retry * 2).min(LAST_RETRY);
                until_all.map_or(wait, |until_all| until_all.min(wait))
            }
            (false, Some(until_all)) => until_all,
            (false, None) => return,
        };
        all = until_all == Some(wait);
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = stop.cancelled() => return,
        }
    }
}

/// Whether there is nothing to search. What cannot be reached is not missing.
async fn has_none(collection: &Collection) -> bool {
    match collection.snapshot().await {
        Ok(snapshot) => snapshot.is_none(),
        Err(error) => {
            tracing::warn!(collection = collection.name(), %error, "the index cannot be looked at");
            true
        }
    }
}

async fn refresh(shared: &Shared, collection: &Collection, stop: &CancellationToken) {
    let wish = Wish { cancel: stop.clone(), ..Wish::default() };
    // A defect in a reader must not end the schedule.
    let ran = std::panic::AssertUnwindSafe(shared.refresh(collection, &wish, &|_| {})).catch_unwind().await;
    match ran {
        Ok(Ok(report)) if report.published.is_some() => {
            tracing::info!(collection = collection.name(), "{report}");
            for failed in &report.failed {
                let (path, why, kept) = (&failed.path, &failed.why, failed.kept);
                tracing::warn!(collection = collection.name(), path, why, kept, "passed over");
            }
        }
        Ok(Ok(report)) => tracing::debug!(collection = collection.name(), "{report}"),
        Ok(Err(RefreshError::Cancelled)) => {}
        // Somebody else keeps it fresh.
        Ok(Err(RefreshError::Overtaken(by))) => {
            tracing::info!(collection = collection.name(), "another refresh published generation {by}");
        }
        Ok(Err(error)) => tracing::warn!(collection = collection.name(), %error, "not refreshed"),
        Err(_) => tracing::error!(collection = collection.name(), "not refreshed: a defect ended it"),
    }
}

/// A tenth more or less, so that replicas do not all ask their sources at once.
fn jittered(span: Duration) -> Duration {
    let thousandths = RandomState::new().hash_one(0) % 201;
    span.mul_f64(0.9 + thousandths as f64 / 1000.0)
}
