//! Which engine there is, and whether it works.

use std::{ffi::OsString, os::unix::fs::PermissionsExt, path::PathBuf};

use serde::Deserialize;

use super::{
    Engine, EngineError, Flags, Kind, Limits,
    cli::{Cli, PATIENCE, words},
    flags::{Info, Surroundings},
};

/// How to find an engine.
#[derive(Debug, Clone, Default)]
pub struct EngineOptions {
    /// `podman`, `docker`, or the path of one of them; without it whichever works, podman first.
    pub preferred: Option<String>,
    /// Where podman keeps images and containers instead of its usual place, so that neither sees the other's.
    pub storage: Option<Storage>,
}

/// A store of podman's own making, apart from the user's.
#[derive(Debug, Clone)]
pub struct Storage {
    /// What lasts: images, containers.
    pub root: PathBuf,
    /// What lasts until the machine restarts.
    pub run_root: PathBuf,
    /// `overlay`, `vfs`; podman's choice without it.
    pub driver: Option<String>,
}

impl Storage {
    fn arguments(&self) -> Vec<OsString> {
        let mut arguments = words!["--root", &self.root, "--runroot", &self.run_root].to_vec();
        if let Some(driver) = &self.driver {
            arguments.extend(words!["--storage-driver", driver]);
        }
        arguments
    }
}

#[derive(Deserialize)]
struct DockerVersion {
    #[serde(rename = "Server")]
    server: Option<DockerServer>,
}

#[derive(Deserialize)]
struct DockerServer {
    #[serde(rename = "Version")]
    version: String,
}

impl Engine {
    /// As [`Engine::find`], with more say in it.
    pub async fn find_with(options: EngineOptions) -> Result<Self, EngineError> {
        let candidates = match &options.preferred {
            Some(name) => vec![name.as_str()],
            None => vec!["podman", "docker"],
        };
        let mut looked = Vec::new();
        let mut stopped = None;
        for name in candidates {
            let Some(path) = program(name) else {
                looked.push(format!("there is no program `{name}`"));
                continue;
            };
            match Self::open(path, options.storage.as_ref()).await {
                Ok(engine) => return Ok(engine),
                Err(error) => {
                    looked.push(format!("{name}: {error}"));
                    stopped = stopped.or(Some(error));
                }
            }
        }
        Err(stopped.unwrap_or(EngineError::NotInstalled { looked: looked.join("; ") }))
    }

    async fn open(program: PathBuf, storage: Option<&Storage>) -> Result<Self, EngineError> {
        let mut cli = Cli { program, global: Vec::new() };
        let said = cli.run(&words!["--version"]).await?.text();
        // By what it says rather than by its name: where podman stands in for docker, `docker` is podman.
        let kind = if said.to_lowercase().contains("podman") { Kind::Podman } else { Kind::Docker };
        let mut engine = match (kind, storage) {
            (Kind::Podman, _) => {
                cli.global.extend(storage.map(Storage::arguments).unwrap_or_default());
                let version = said.split_whitespace().last().unwrap_or_default().to_owned();
                Self::podman(cli, version).await?
            }
            (Kind::Docker, None) => Self::docker(cli).await?,
            (Kind::Docker, Some(_)) => {
                let problem = "docker's daemon decides where it stores things, so no storage can be named";
                return Err(EngineError::InvalidSpec(problem.into()));
            }
        };
        engine.limits = Limits::of_this_process();
        tracing::debug!(%kind, version = engine.version, flags = ?engine.flags, "engine found");
        Ok(engine)
    }

    async fn podman(mut cli: Cli, version: String) -> Result<Self, EngineError> {
        let called = cli.attempt(&words!["info", "--format", "json"], PATIENCE).await?;
        if !called.succeeded() {
            return Err(EngineError::NotRunning { engine: Kind::Podman, detail: called.said() });
        }
        let Info { host } = called.json()?;
        let flags = Flags::choose(&host, &Surroundings::look());
        cli.global.extend(flags.global.iter().map(OsString::from));
        let rootless = host.security.rootless;
        Ok(Self { kind: Kind::Podman, version, cli, flags, limits: Limits::of_this_process(), rootless })
    }

    async fn docker(cli: Cli) -> Result<Self, EngineError> {
        let called = cli.attempt(&words!["version", "--format", "json"], PATIENCE).await?;
        let server = called.json::<DockerVersion>().ok().and_then(|version| version.server);
        let Some(server) = server else {
            return Err(EngineError::NotRunning { engine: Kind::Docker, detail: called.said() });
        };
        let limits = Limits::of_this_process();
        let (kind, version) = (Kind::Docker, server.version);
        Ok(Self { kind, version, cli, flags: Flags::default(), limits, rootless: false })
    }

    /// Whether the engine still answers; asked when something failed.
    pub(super) async fn answers(&self) -> Result<(), EngineError> {
        match self.kind {
            Kind::Podman => Ok(()),
            Kind::Docker => Self::docker(self.cli.clone()).await.map(drop),
        }
    }
}

/// Where a program is: a path as it stands, a name through `PATH`.
pub(super) fn program(name: &str) -> Option<PathBuf> {
    let runs = |path: &PathBuf| {
        path.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
    };
    if name.contains('/') {
        return Some(PathBuf::from(name)).filter(runs);
    }
    // Engines' helpers stand where only root's PATH looks.
    let usual = ["/usr/local/sbin", "/usr/sbin", "/sbin"].map(PathBuf::from);
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).chain(usual).map(|directory| directory.join(name)).find(runs)
}
