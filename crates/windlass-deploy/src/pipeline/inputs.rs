//! What a phase is made from. A receipt of anything else is stale.

use std::fs;

use serde_json::json;
use sha2::{Digest, Sha256};

use crate::{DeployError, Phase, Receipt, phases, project::Project, receipt::digest};

/// A digest of everything `phase` takes in.
pub(super) fn of(project: &Project, phase: Phase, before: Option<&Receipt>) -> Result<String, DeployError> {
    let deploy = project.deploy();
    let own = match phase {
        Phase::Check => json!([configuration(project)?, deploy.test, project.secret_names(), project.environment()]),
        Phase::Build => {
            json!([deploy.name, deploy.image, program(project)?, configuration(project)?, phases::included(project)?,])
        }
        Phase::Push => json!([deploy.name, deploy.target, deploy.registry, deploy.region, deploy.account]),
        Phase::Deploy => json!([
            deploy.name,
            deploy.target,
            deploy.local,
            deploy.variables,
            project.environment(),
            project.secret_names(),
            project.secrets_mark(),
        ]),
        Phase::Verify => json!([deploy.endpoint, deploy.p95]),
    };
    Ok(digest(&(phase, &project.commit.version, own, before.map(Receipt::identity))))
}

/// The file as it is: the version says so too, unless git does not know the file.
fn configuration(project: &Project) -> Result<Option<String>, DeployError> {
    let hash = |path: &std::path::PathBuf| {
        let bytes = fs::read(path).map_err(|error| DeployError::file("the configuration", path, &error))?;
        Ok(hex::encode(Sha256::digest(bytes)))
    };
    project.file.as_ref().map(hash).transpose()
}

/// The program that is named to be shipped, by what it is: size and time are as good as its bytes, and read at once.
fn program(project: &Project) -> Result<Option<(u64, u128)>, DeployError> {
    let Some(path) = &project.deploy().image.binary else { return Ok(None) };
    let facts = fs::metadata(path).and_then(|facts| Ok((facts.len(), facts.modified()?)));
    let (size, modified) = facts.map_err(|error| DeployError::file("deploy.image.binary:", path, &error))?;
    let since = modified.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Ok(Some((size, since.as_nanos())))
}
