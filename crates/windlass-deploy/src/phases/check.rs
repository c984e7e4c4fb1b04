//! `check`: the configuration is sound, and a server started from it keeps the protocol.

use std::process::Stdio;

use tokio::process::Command;
use windlass_core::SecretString;

use super::{Checked, Done, serve};
use crate::{DeployError, Kind, Progress, Proof, endpoint::Question, failed, project::Project};

/// Seed 2 promises a local server within ten seconds.
const START: f64 = 10.0;

pub(crate) async fn check(
    project: &Project,
    token: Option<&SecretString>,
    credential: Option<&SecretString>,
    progress: &dyn Progress,
) -> Result<Done<Checked>, DeployError> {
    let mut proofs = vec![tests(project, progress).await?];
    progress.step("starting the server on this machine");
    let served = serve::serve(project, token).await?;
    let seconds = served.started.as_secs_f64();
    proofs.push(
        Proof::new("start", format!("a server starts within {START:.0} s"), seconds < START)
            .measured(format!("{seconds:.2} s")),
    );
    progress.step("asking it everything a client may");
    let version = &project.commit.version;
    let question = Question { endpoint: &served.endpoint, version: Some(version), credential, closed: true, p95: None };
    proofs.extend(question.ask().await?);
    let tools = proofs.iter().find(|proof| proof.id == "tools");
    let tools = tools.and_then(|proof| proof.measured.as_deref()?.split(' ').next()?.parse().ok()).unwrap_or_default();
    Ok(Done { output: Checked { tools }, proofs })
}

/// The project's own tests, where it names some.
async fn tests(project: &Project, progress: &dyn Progress) -> Result<Proof, DeployError> {
    let promise = "the project's own tests pass";
    let Some((program, arguments)) = project.deploy().test.split_first() else {
        return Ok(Proof::skipped("tests", promise, "deploy.test names no command"));
    };
    progress.step(&format!("running {}", project.deploy().test.join(" ")));
    let output = Command::new(program).args(arguments).current_dir(&project.root).stdin(Stdio::null()).output().await;
    let output = output.map_err(|error| {
        DeployError::new(Kind::Usage, format!("deploy.test: `{program}` cannot be started: {error}"))
            .hint("name a program on the PATH, each argument as a word of its own")
    })?;
    let mut tail = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    if let Some((at, _)) = tail.char_indices().rev().nth(2000) {
        tail.drain(..at);
    }
    let kept = output.status.success();
    Ok(Proof::new("tests", promise, kept).measured(output.status.to_string()).detail(if kept {
        String::new()
    } else {
        tail
    }))
}

/// Turns promises that were not kept into the failure of their phase.
pub(crate) fn judge(proofs: &[Proof], what: &str, hint: &str) -> Result<(), DeployError> {
    let broken = failed(proofs);
    if broken.is_empty() {
        return Ok(());
    }
    let lines: Vec<String> = broken
        .iter()
        .map(|proof| {
            let figure = proof.measured.as_deref().map(|figure| format!(" ({figure})")).unwrap_or_default();
            let detail = if proof.detail.is_empty() { String::new() } else { format!(": {}", proof.detail) };
            format!("  {}: {}{figure}{detail}", proof.id, proof.promise)
        })
        .collect();
    let promises = if broken.len() == 1 { "a promise" } else { "promises" };
    Err(DeployError::new(Kind::NotProven, format!("{what} does not keep {promises}"))
        .hint(hint)
        .detail(lines.join("\n")))
}
