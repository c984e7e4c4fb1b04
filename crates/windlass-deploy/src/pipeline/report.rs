//! What the line came to, and what stands.

use serde::Serialize;
use url::Url;

use super::Pipeline;
use crate::{DeployError, Phase, Receipt, Release, Version, ledger::Releases, target::Running};

/// What a run came to.
#[derive(Debug, Clone, Serialize)]
pub struct Summary {
    /// The version.
    pub version: Version,
    /// Where it is reached, once it is.
    pub endpoint: Option<Url>,
    /// The receipts there are of this version, in order.
    pub receipts: Vec<Receipt>,
}

/// A return to an earlier release.
#[derive(Debug, Clone, Serialize)]
pub struct RolledBack {
    /// The release that takes requests again.
    pub version: Version,
    /// Where.
    pub endpoint: Url,
    /// What it was asked for, again.
    pub proofs: Vec<crate::Proof>,
}

/// How things stand at the target.
#[derive(Debug, Clone, Serialize)]
pub struct Standing {
    /// What takes requests, by the target.
    pub running: Option<Running>,
    /// The live release, by the list of releases.
    pub live: Option<Release>,
    /// The version of the tree at hand.
    pub here: Version,
    /// Phases of that version with a receipt.
    pub done: Vec<Phase>,
}

impl Pipeline {
    pub(super) async fn summary(&self) -> Result<Summary, DeployError> {
        let mut receipts = Vec::new();
        for phase in Phase::ALL {
            receipts.extend(self.receipts.read(phase)?);
        }
        let deployed = receipts.iter().find(|receipt| receipt.phase == Phase::Deploy);
        let deployed = deployed.map(Receipt::output::<crate::target::Deployed>).transpose()?;
        Ok(Summary {
            version: self.project.commit.version.clone(),
            endpoint: deployed.map(|deployed| deployed.endpoint),
            receipts,
        })
    }

    /// How things stand.
    pub async fn status(&self) -> Result<Standing, DeployError> {
        let mut done = Vec::new();
        for phase in Phase::ALL {
            done.extend(self.receipts.read(phase)?.map(|receipt| receipt.phase));
        }
        Ok(Standing {
            running: self.target().await?.running().await?,
            live: self.ledger().await?.read().await?.live().cloned(),
            here: self.project.commit.version.clone(),
            done,
        })
    }

    /// Every release there was.
    pub async fn history(&self) -> Result<Releases, DeployError> {
        self.ledger().await?.read().await
    }

    /// The last lines the server wrote.
    pub async fn logs(&self, lines: usize) -> Result<String, DeployError> {
        self.target().await?.logs(lines).await
    }

    /// The token that was made for this deployment; `None` where the configuration says who may connect.
    pub async fn token(&self) -> Result<Option<windlass_core::SecretString>, DeployError> {
        self.made_token().await
    }
}
