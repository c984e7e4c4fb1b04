//! The releases there were, and which one is live: what a rollback goes back to.

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::OffsetDateTime;
use windlass_config::settings::TargetKind;
use windlass_core::units::Span;

use crate::{
    DeployError, Kind, Version,
    shelf::{Only, Shelf},
};

const NAME: &str = "releases.json";
/// Older ones are forgotten.
const KEPT: usize = 50;

/// What became of a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Brought up, not proven yet.
    Trying,
    /// Kept every promise.
    Proven,
    /// Did not.
    Failed,
}

/// Everything needed to bring a release up, again and from any machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Release {
    /// The version.
    pub version: Version,
    /// The whole hash of its commit.
    pub revision: String,
    /// Where it runs.
    pub target: TargetKind,
    /// The image by digest: `HOST/REPOSITORY@sha256:...`, or `sha256:...` where there is no registry.
    pub image: String,
    /// The hash of the Lambda zip, as AWS says it.
    pub package: String,
    /// Environment of the server.
    pub environment: BTreeMap<String, String>,
    /// Names of the variables whose values are secrets.
    pub secrets: Vec<String>,
    /// Changes with their values: what runs is made anew when one of them was changed.
    #[serde(default)]
    pub secrets_mark: Option<String>,
    /// Variables of the stack.
    pub variables: BTreeMap<String, Value>,
    /// The latency it promised: what it is held to when it is gone back to, whatever later ones promise.
    pub p95: Span,
    /// What became of it.
    pub state: State,
    /// When it was last brought up.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// By whom.
    pub by: String,
}

/// All that is remembered.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Releases {
    /// The version that takes requests.
    pub live: Option<Version>,
    /// Newest first.
    pub releases: Vec<Release>,
}

impl Releases {
    /// A release by its version.
    pub fn find(&self, version: &Version) -> Option<&Release> {
        self.releases.iter().find(|release| release.version == *version)
    }

    /// The newest proven release beside `other`.
    pub fn proven_beside(&self, other: &Version) -> Option<&Release> {
        self.releases.iter().find(|release| release.state == State::Proven && release.version != *other)
    }

    /// The live one, where it is known.
    pub fn live(&self) -> Option<&Release> {
        self.live.as_ref().and_then(|live| self.find(live))
    }
}

/// The list, kept beside the lock.
pub struct Ledger {
    shelf: Arc<dyn Shelf>,
}

impl Ledger {
    pub(crate) fn new(shelf: Arc<dyn Shelf>) -> Self {
        Self { shelf }
    }

    /// What is remembered.
    pub async fn read(&self) -> Result<Releases, DeployError> {
        Ok(self.marked().await?.0)
    }

    async fn marked(&self) -> Result<(Releases, Only), DeployError> {
        let Some((text, mark)) = self.shelf.get(NAME).await? else { return Ok((Releases::default(), Only::IfAbsent)) };
        let releases = serde_json::from_str(&text).map_err(|error| {
            DeployError::new(Kind::Receipt, format!("{NAME} in {} cannot be read", self.shelf.place()))
                .hint("put back an older version of it, or remove it and deploy again")
                .detail(error.to_string())
        })?;
        Ok((releases, Only::IfSame(mark)))
    }

    /// Changes the list; whoever is between loses nothing.
    async fn change(&self, change: impl Fn(&mut Releases)) -> Result<(), DeployError> {
        loop {
            let (mut releases, only) = self.marked().await?;
            change(&mut releases);
            // What is live stays, however many were tried after it.
            let live = releases.live.clone();
            let mut place = 0;
            releases.releases.retain(|release| {
                place += 1;
                place <= KEPT || Some(&release.version) == live.as_ref()
            });
            // Text, numbers and lists; writing them cannot fail.
            let text = serde_json::to_string_pretty(&releases).unwrap_or_default();
            if self.shelf.put(NAME, &text, only).await?.is_some() {
                return Ok(());
            }
        }
    }

    /// A release is being brought up: it becomes the newest.
    pub async fn enter(&self, release: &Release) -> Result<(), DeployError> {
        self.change(|all| {
            all.releases.retain(|other| other.version != release.version);
            all.releases.insert(0, release.clone());
        })
        .await
    }

    /// What became of it, and whether it is the one that takes requests.
    pub async fn settle(&self, version: &Version, state: State, live: bool) -> Result<(), DeployError> {
        self.change(|all| {
            if let Some(release) = all.releases.iter_mut().find(|release| release.version == *version) {
                release.state = state;
            }
            if live {
                all.live = Some(version.clone());
            }
        })
        .await
    }

    /// Forgets everything.
    pub async fn clear(&self) -> Result<(), DeployError> {
        self.shelf.remove(NAME).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shelf::Directory;

    fn release(version: &str) -> Release {
        Release {
            version: version.parse().unwrap(),
            revision: String::new(),
            target: TargetKind::Local,
            image: "sha256:aa".into(),
            package: String::new(),
            environment: BTreeMap::new(),
            secrets: Vec::new(),
            secrets_mark: None,
            variables: BTreeMap::new(),
            p95: Span(std::time::Duration::from_secs(2)),
            state: State::Trying,
            at: OffsetDateTime::UNIX_EPOCH,
            by: "ada".into(),
        }
    }

    #[tokio::test]
    async fn only_a_proven_release_is_gone_back_to() {
        let directory = tempfile::tempdir().unwrap();
        let ledger = Ledger::new(Arc::new(Directory(directory.path().to_owned())));
        let version = |text: &str| text.parse::<Version>().unwrap();
        for (name, state, live) in
            [("one", State::Proven, true), ("two", State::Failed, false), ("three", State::Trying, false)]
        {
            ledger.enter(&release(name)).await.unwrap();
            ledger.settle(&version(name), state, live).await.unwrap();
        }
        let all = ledger.read().await.unwrap();
        assert_eq!(all.live, Some(version("one")));
        assert_eq!(all.proven_beside(&version("three")).map(|release| release.version.as_str()), Some("one"));
        assert!(all.proven_beside(&version("one")).is_none());
        // Deployed again it is the newest.
        ledger.enter(&release("one")).await.unwrap();
        let all = ledger.read().await.unwrap();
        assert_eq!(
            all.releases.iter().map(|release| release.version.as_str()).collect::<Vec<_>>(),
            ["one", "three", "two"]
        );
    }
}
