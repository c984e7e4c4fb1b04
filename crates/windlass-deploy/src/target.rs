//! A place a release can run. A target knows how to bring one up there and what to ask of it, and nothing of phases,
//! receipts or rollbacks.

mod aws;
mod local;

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Url;
use windlass_config::{Env, settings::TargetKind};
use windlass_core::SecretString;
use windlass_image::RegistryOptions;

use crate::{DeployError, Progress, Proof, Release, Version, project::Project, shelf::Shelf};

/// Where a release runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Deployed {
    /// What clients reach, without a path.
    pub endpoint: Url,
    /// What else the target says of it: names, addresses.
    pub facts: BTreeMap<String, Value>,
}

/// What takes requests at a target now.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Running {
    /// The release.
    pub version: Version,
    /// What runs, by digest or hash.
    pub digest: String,
    /// Where.
    pub endpoint: Url,
}

/// What a deploy would change at the target.
#[derive(Debug, Clone, Serialize)]
pub struct Changes {
    /// Resources to be made.
    pub add: usize,
    /// To be changed in place.
    pub change: usize,
    /// To be removed.
    pub destroy: usize,
    /// Each of them: what is done, and to what.
    pub resources: Vec<String>,
}

/// What was built, on this machine.
pub struct Artifacts {
    /// The image, as an OCI layout.
    pub image: PathBuf,
    /// The Lambda zip.
    pub package: PathBuf,
}

/// A place a release can run.
#[async_trait]
pub trait Target: Send + Sync {
    /// Whether the place of the lock is there. Makes it where it is missing, if it is to.
    async fn found(&self, make: bool, progress: &dyn Progress) -> Result<bool, DeployError>;

    /// Makes what must be there before anything is pushed, where it is missing: a registry, a bucket.
    async fn prepare(&self, secrets: &[String], progress: &dyn Progress) -> Result<(), DeployError>;

    /// The registry images go to; `None` where the target takes them as they are.
    async fn registry(&self) -> Result<Option<RegistryOptions>, DeployError>;

    /// The token that was made for this deployment, making one on first use.
    async fn token(&self) -> Result<SecretString, DeployError>;

    /// Makes `release` the one that takes requests. Until it is ready the former one does; if it never is, nothing has
    /// changed for clients. Doing it again is fine.
    async fn deploy(
        &self,
        release: &Release,
        artifacts: &Artifacts,
        secrets: &BTreeMap<String, SecretString>,
        progress: &dyn Progress,
    ) -> Result<Deployed, DeployError>;

    /// What [`Target::deploy`] would change beside the release itself; `None` where there is nothing, or no saying.
    async fn preview(&self, _release: &Release, _artifacts: &Artifacts) -> Result<Option<Changes>, DeployError> {
        Ok(None)
    }

    /// `release` is proven: what was kept of the former one to go back to may go.
    async fn settle(&self, release: &Release) -> Result<(), DeployError>;

    /// What takes requests now.
    async fn running(&self) -> Result<Option<Running>, DeployError>;

    /// The promises only this target can be asked for.
    async fn prove(&self, release: &Release, deployed: &Deployed) -> Vec<Proof>;

    /// The last lines the server wrote.
    async fn logs(&self, lines: usize) -> Result<String, DeployError>;

    /// Stops what costs money, or starts it again. Names what was done.
    async fn power(&self, on: bool, progress: &dyn Progress) -> Result<String, DeployError>;

    /// Removes everything, the place of the lock last. Names what was removed.
    async fn destroy(&self, progress: &dyn Progress) -> Result<Vec<String>, DeployError>;
}

/// The target of a project, and where its lock and its list of releases lie.
pub(crate) async fn of(project: &Project, env: &dyn Env) -> Result<(Box<dyn Target>, Arc<dyn Shelf>), DeployError> {
    match project.deploy().target {
        TargetKind::Local => {
            let local = local::Local::new(project).await?;
            let shelf = local.shelf();
            Ok((Box::new(local), Arc::new(shelf)))
        }
        TargetKind::Ecs | TargetKind::Lambda | TargetKind::Ec2 => {
            let aws = aws::Aws::new(project, env).await?;
            let shelf = aws.shelf();
            Ok((Box::new(aws), Arc::new(shelf)))
        }
    }
}
