//! `windlass knowledge refresh`.

use anyhow::anyhow;
use serde_json::{Value, json};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use windlass_index::{Change, ChangeKind};
use windlass_knowledge::{
    collections::{Collection, Collections, Wish},
    refresh::{Progress, RefreshError, Report},
};

use super::{bar::Bar, chosen};
use crate::{
    cli::KnowledgeRefreshArgs,
    exit::{Exit, Failure},
    knowledge::Knowledge,
    output::say,
};

/// Changes that are told by path.
const TOLD: usize = 20;

pub async fn run(knowledge: &Knowledge, args: KnowledgeRefreshArgs) -> Result<Exit, Failure> {
    let collections = chosen(&knowledge.collections, &args.collections)?;
    let wish = Wish { force: args.force, all: args.all, cancel: CancellationToken::new() };
    let mut terminate = signal(SignalKind::terminate())?;
    let cancel = wish.cancel.clone();
    let listening = tokio::spawn(async move {
        tokio::select! { _ = tokio::signal::ctrl_c() => {}, _ = terminate.recv() => {} }
        cancel.cancel();
    });
    let (mut told, mut failed) = (Vec::new(), 0_usize);
    for collection in &collections {
        let bar = Bar::new(collection.name());
        let refreshed = one(&knowledge.collections, collection, &wish, &|progress| bar.tell(progress)).await;
        drop(bar);
        failed += usize::from(refreshed.outcome.is_err());
        match args.json {
            true => told.push(refreshed.json()),
            false => refreshed.print(),
        }
        if wish.cancel.is_cancelled() {
            break;
        }
    }
    listening.abort();
    if args.json {
        say!("{:#}", json!({ "collections": told }));
    }
    match (wish.cancel.is_cancelled(), failed) {
        (_, 0) => Ok(Exit::Done),
        (true, _) => Err(Failure::with(Exit::Failed, anyhow!("interrupted")).hint("what was searched before still is")),
        (false, failed) => {
            let error = anyhow!("{failed} of {} collections were not refreshed", collections.len());
            Err(Failure::with(Exit::Failed, error).hint("what was searched before still is"))
        }
    }
}

/// What became of one collection.
pub struct Refreshed {
    name: String,
    /// The report, or why there is none.
    pub outcome: Result<Report, RefreshError>,
    /// What changed, where a generation was published.
    changes: Vec<Change>,
}

/// Refreshes one collection, and looks up what changed in it.
pub async fn one(
    collections: &Collections,
    collection: &Collection,
    wish: &Wish,
    watch: &(dyn Fn(Progress) + Send + Sync),
) -> Refreshed {
    let outcome = collections.refresh(collection, wish, watch).await;
    let mut changes = Vec::new();
    if let Ok(report) = &outcome
        && report.published.is_some()
        && let Ok(Some(snapshot)) = collection.index().current().await
        && report.published == Some(snapshot.generation().number)
    {
        // Those of earlier generations come after them.
        let count = report.added + report.changed + report.moved + report.removed;
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        changes.extend(snapshot.generation().changes.iter().take(count).cloned());
    }
    Refreshed { name: collection.name().to_owned(), outcome, changes }
}

impl Refreshed {
    /// For a program.
    pub fn json(&self) -> Value {
        match &self.outcome {
            Ok(report) => json!({ "collection": self.name, "report": report, "changes": self.changes }),
            Err(error) => json!({ "collection": self.name, "error": error.to_string() }),
        }
    }

    fn print(&self) {
        let report = match &self.outcome {
            Ok(report) => report,
            Err(error) => {
                eprintln!("{}: {error}", self.name);
                return;
            }
        };
        say!("{report}");
        for change in self.changes.iter().take(TOLD) {
            let what = match change.kind {
                ChangeKind::Added => "added",
                ChangeKind::Changed => "changed",
                ChangeKind::Moved => "moved",
                ChangeKind::Removed => "removed",
            };
            match &change.from {
                Some(from) => say!("  {what:<8} {from} to {}", change.path),
                None => say!("  {what:<8} {}", change.path),
            }
        }
        if self.changes.len() > TOLD {
            say!("  and {} more", self.changes.len() - TOLD);
        }
        for failed in &report.failed {
            let kept = if failed.kept { "; its former version stays" } else { "" };
            say!("  passed over {}: {}{kept}", failed.path, failed.why);
        }
    }
}
