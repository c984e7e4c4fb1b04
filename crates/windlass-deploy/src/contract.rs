use std::path::Path;

use windlass_core::SecretString;

use crate::{DeployError, Progress, Proof, project::Project};

pub(crate) async fn prove(
    _project: &Project,
    _token: Option<&SecretString>,
    _layout: &Path,
    _progress: &dyn Progress,
) -> Result<Vec<Proof>, DeployError> {
    Ok(Vec::new())
}

pub(crate) async fn starts(
    _project: &Project,
    _token: Option<&SecretString>,
    _layout: &Path,
    _progress: &dyn Progress,
) -> Result<Proof, DeployError> {
    Ok(Proof::skipped("pulled_runs", "the pulled image runs", "not yet"))
}
