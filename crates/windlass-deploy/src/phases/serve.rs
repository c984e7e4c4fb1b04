//! The server of this project on this machine, for as long as somebody asks it something.

use std::{
    process::Stdio,
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};
use url::Url;
use windlass_core::{ExposeSecret, SecretString};

use crate::{DeployError, Kind, project::Project};

/// A server that runs until this is dropped.
pub(super) struct Served {
    pub endpoint: Url,
    /// From its start to its first line about an address.
    pub started: Duration,
    _child: Child,
}

const PATIENCE: Duration = Duration::from_secs(30);

/// Starts `windlass serve` on a free port of loopback, told everything the target will be told.
pub(super) async fn serve(project: &Project, token: Option<&SecretString>) -> Result<Served, DeployError> {
    let failed = |why: String| {
        DeployError::new(Kind::NotProven, "the server does not start from this configuration")
            .hint("see `windlass config check` and `windlass doctor`")
            .detail(why)
    };
    let program = std::env::current_exe().map_err(|error| failed(error.to_string()))?;
    let mut command = Command::new(program);
    if let Some(file) = &project.file {
        command.arg("--config").arg(file);
    }
    command.args(["serve", "--transport", "http", "--host", "127.0.0.1", "--port", "0"]);
    command.current_dir(&project.root).env("WINDLASS_SERVER_RELEASE", project.commit.version.as_str());
    command.envs(project.environment());
    command.envs(project.secrets(token).iter().map(|(name, secret)| (name, secret.expose_secret())));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
    let begun = Instant::now();
    let mut child = command.spawn().map_err(|error| failed(error.to_string()))?;
    let stderr = child.stderr.take().ok_or_else(|| failed("no standard error".to_owned()))?;
    let mut lines = BufReader::new(stderr).lines();
    let mut said = Vec::new();
    let announced = tokio::time::timeout(PATIENCE, async {
        while let Ok(Some(line)) = lines.next_line().await {
            if let Some(url) = address(&line) {
                return Some(url);
            }
            said.push(line);
        }
        None
    });
    match announced.await {
        Ok(Some(endpoint)) => {
            let started = begun.elapsed();
            // Read on, or the server stops at a full pipe.
            tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
            Ok(Served { endpoint, started, _child: child })
        }
        Ok(None) => Err(failed(said.join("\n"))),
        Err(_) => Err(failed(format!("it said nothing of an address within {} s", PATIENCE.as_secs()))),
    }
}

/// `  http      http://127.0.0.1:8080/mcp` is where it listens.
fn address(line: &str) -> Option<Url> {
    let mut url: Url = line.trim().strip_prefix("http ")?.trim().parse().ok()?;
    url.set_path("/");
    Some(url)
}
