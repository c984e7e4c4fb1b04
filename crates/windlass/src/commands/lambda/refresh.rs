//! The Lambda function that refreshes the index. It has no toolsets and lets nobody in.

use std::{sync::Arc, time::Instant};

use anyhow::{Context, anyhow};
use serde_json::{Value, json};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use windlass_config::Sources;
use windlass_knowledge::collections::Wish;
use windlass_lambda::Refresh;

use super::refused;
use crate::{
    commands::knowledge::{chosen, refresh_one},
    exit::{Exit, Failure},
    knowledge::Knowledge,
    telemetry, wiring,
};

pub async fn run(sources: &Sources) -> Result<Exit, Failure> {
    let loaded = wiring::load(sources)?;
    let _telemetry = telemetry::start(&loaded.settings.telemetry).map_err(Failure::usage)?;
    let mut terminate = signal(SignalKind::terminate()).context("signals cannot be received")?;
    let directory = std::env::temp_dir().join("windlass");
    let knowledge = Knowledge::new(&loaded, Some(&directory))?.ok_or_else(|| {
        Failure::usage(anyhow!("there is nothing to refresh: the configuration names no collection"))
            .hint("name them below `knowledge.collections`, or leave out the stack's `refresh_schedule`")
    })?;
    let knowledge = Arc::new(knowledge);
    let work = move |asked: Refresh| {
        let knowledge = knowledge.clone();
        async move { refresh(&knowledge, asked).await }
    };
    let stop = async move {
        terminate.recv().await;
    };
    windlass_lambda::refreshes(work, stop).await.map(|()| Exit::Done).map_err(refused)
}

/// Refreshes what is asked for, all of it also where one fails; then the invocation has failed, and says which and why.
async fn refresh(knowledge: &Knowledge, asked: Refresh) -> Result<Value, String> {
    let collections = chosen(&knowledge.collections, &asked.collections).map_err(|failure| failure.to_string())?;
    let wish = Wish { force: asked.force, all: false, cancel: CancellationToken::new() };
    let _late = EndsAt::new(asked.until, wish.cancel.clone());
    let (mut told, mut failed) = (Vec::new(), Vec::new());
    for collection in &collections {
        let refreshed = refresh_one(&knowledge.collections, collection, &wish, &|_| {}).await;
        match &refreshed.outcome {
            Ok(report) => tracing::info!(collection = collection.name(), "{report}"),
            Err(error) => {
                tracing::error!(collection = collection.name(), %error, "not refreshed");
                failed.push(format!("{}: {error}", collection.name()));
            }
        }
        told.push(refreshed.json());
    }
    match failed.is_empty() {
        true => Ok(json!({ "collections": told })),
        false => Err(failed.join("; ")),
    }
}

/// Fires a token at a time, unless it is dropped before.
struct EndsAt(tokio::task::JoinHandle<()>);

impl EndsAt {
    fn new(until: Instant, cancel: CancellationToken) -> Self {
        Self(tokio::spawn(async move {
            tokio::time::sleep_until(until.into()).await;
            cancel.cancel();
        }))
    }
}

impl Drop for EndsAt {
    fn drop(&mut self) {
        self.0.abort();
    }
}
