//! The image's contract, kept by a real container of it on this machine.

use std::path::Path;

use windlass_containers::{
    contract::{self, Expectations, Fact},
    engine::{Engine, EngineError},
};
use windlass_core::SecretString;

use crate::{
    DeployError, Outcome, Progress, Proof, engine_error,
    project::{PORT, Project},
};

/// Every promise of the contract. Where there is no engine they are skipped, each by its name in the receipt.
pub(crate) async fn prove(
    project: &Project,
    token: Option<&SecretString>,
    layout: &Path,
    progress: &dyn Progress,
) -> Result<Vec<Proof>, DeployError> {
    let engine = match Engine::find(project.deploy().local.engine.as_deref()).await {
        Ok(engine) => engine,
        Err(error @ EngineError::NotInstalled { .. }) => {
            let why = format!("{error}; {}", error.hint());
            return Ok(vec![Proof::skipped("container", "the image keeps its contract as a container", why)]);
        }
        Err(error) => return Err(engine_error(error)),
    };
    for name in contract::sweep(&engine).await.map_err(engine_error)? {
        progress.notice(&format!("removed {name}, which a killed build had left"));
    }
    let version = &project.commit.version;
    progress.step("starting a container of the image");
    let tag = format!("{}:{version}", project.deploy().name);
    let image = engine.load(layout, &tag).await.map_err(engine_error)?;
    let mut expected = Expectations::of(version.as_str());
    expected.environment =
        project.environment().iter().map(|(name, value)| (name.clone(), value.clone().into())).collect();
    expected.environment.extend(project.secrets(token));
    expected.port = PORT;
    expected.token = project.credential(token, &windlass_config::ProcessEnv);
    // What started wrongly can be looked at: its log is in the finding.
    let proof = contract::prove(&engine, &image, &expected).await;
    Ok(proof.facts.iter().map(found).collect())
}

/// The same for an image that came back from a registry, as one promise.
pub(crate) async fn starts(
    project: &Project,
    token: Option<&SecretString>,
    layout: &Path,
    progress: &dyn Progress,
) -> Result<Proof, DeployError> {
    let promise = "the pulled image keeps its contract as a container";
    let proofs = prove(project, token, layout, progress).await?;
    let broken: Vec<String> =
        crate::failed(&proofs).iter().map(|proof| format!("{}: {}", proof.promise, proof.detail)).collect();
    let asked = proofs.iter().filter(|proof| proof.outcome != Outcome::Skipped).count();
    if asked == 0 {
        let why = proofs.first().map(|proof| proof.detail.clone()).unwrap_or_default();
        return Ok(Proof::skipped("pulled_runs", promise, why));
    }
    Ok(Proof::new("pulled_runs", promise, broken.is_empty())
        .measured(format!("{asked} promises"))
        .detail(broken.join("; ")))
}

fn found(fact: &Fact) -> Proof {
    let outcome = match fact.outcome {
        contract::Outcome::Passed => Outcome::Passed,
        contract::Outcome::Failed => Outcome::Failed,
        contract::Outcome::Skipped => Outcome::Skipped,
    };
    let measured = fact.measured.map(|figure| {
        // Counted rather than measured: no decimals.
        let decimals = if figure.value.fract() == 0.0 { 0 } else { 2 };
        format!("{:.decimals$} {}", figure.value, figure.unit)
    });
    Proof { id: fact.id.to_owned(), promise: fact.promise.clone(), outcome, measured, detail: fact.detail.clone() }
}
