//! This machine: a container per release, and a front before them that keeps the address.
//!
//! Both are in a network of their own. A release is started beside the one that runs, asked whether it is ready, and only
//! then does the front send it requests; the former one ends when it has answered its own.

mod front;

use std::{collections::BTreeMap, fs, io, os::unix::fs::OpenOptionsExt, path::PathBuf, time::Duration};

use async_trait::async_trait;
use url::Url;
use windlass_config::settings::DeploySettings;
use windlass_containers::engine::{
    Container, ContainerSpec, Engine, LABEL_DEPLOY, NetworkSpec, Publish, Restart, Status,
};
use windlass_core::SecretString;
use windlass_image::RegistryOptions;

use super::{Artifacts, Deployed, Running, Target};
use crate::{
    DeployError, Kind, Progress, Proof, Release, endpoint, engine_error,
    project::{PORT, Project},
    registry,
    seal::state_directory,
    shelf::Directory,
};

/// How long a release may take from its start until it is ready.
const START: Duration = Duration::from_secs(60);
/// How long requests of the former release may take to end.
const DRAIN: Duration = Duration::from_secs(30);

/// This machine.
pub(crate) struct Local {
    name: String,
    deploy: DeploySettings,
    root: PathBuf,
    /// Where the front's socket and the made token lie.
    state: PathBuf,
    engine: Engine,
}

impl Local {
    pub async fn new(project: &Project) -> Result<Self, DeployError> {
        let deploy = project.deploy().clone();
        let engine = Engine::find(deploy.local.engine.as_deref()).await.map_err(engine_error)?;
        let state = state_directory()?.join("deploy").join(&deploy.name);
        Ok(Self { name: deploy.name.clone(), deploy, root: project.root.clone(), state, engine })
    }

    /// Not in the checkout: every checkout of this user deploys to the same place.
    pub fn shelf(&self) -> Directory {
        Directory(self.state.clone())
    }

    fn endpoint(&self) -> Url {
        let address = std::net::SocketAddr::new(self.deploy.local.host, self.deploy.local.port);
        // An address and a port make a URL.
        let url = Url::parse(&format!("http://{address}/"));
        self.deploy.endpoint.clone().or(url.ok()).unwrap_or_else(|| unreachable!("{address} is in a URL's form"))
    }

    /// The container of a release, with these secrets.
    fn container(&self, release: &Release) -> String {
        match &release.secrets_mark {
            None => format!("{}-{}", self.name, release.version),
            Some(mark) => format!("{}-{}-{mark}", self.name, release.version),
        }
    }

    async fn containers(&self) -> Result<Vec<Container>, DeployError> {
        self.engine.list(LABEL_DEPLOY, &self.name).await.map_err(engine_error)
    }

    /// Starts the release beside whatever runs, and waits until it is ready.
    async fn start(
        &self,
        release: &Release,
        artifacts: &Artifacts,
        secrets: &BTreeMap<String, SecretString>,
        progress: &dyn Progress,
    ) -> Result<Container, DeployError> {
        let name = self.container(release);
        let image = self.image(release, artifacts, progress).await?;
        // What an attempt before this one left. The one that takes requests is not started twice.
        if let Some(container) = self.engine.inspect(&name).await.map_err(engine_error)? {
            if container.status == Status::Running
                && container.image == image
                && self.is_ready(&container, release).await?
            {
                return Ok(container);
            }
            self.engine.remove(&name).await.map_err(engine_error)?;
        }
        progress.step(&format!("starting {name}"));
        let mut spec = ContainerSpec::new(&self.name, release.version.as_str(), &name, image);
        spec.environment =
            release.environment.iter().map(|(name, value)| (name.clone(), value.clone().into())).collect();
        spec.environment.extend(secrets.iter().map(|(name, secret)| (name.clone(), secret.clone())));
        spec.memory = Some(self.deploy.local.memory.0);
        spec.network = Some(self.name.clone());
        spec.publish = vec![Publish::on_loopback(PORT)];
        spec.stop_timeout = DRAIN;
        spec.restart = Restart::UnlessStopped;
        let container = self.engine.run(&spec).await.map_err(engine_error)?;
        match self.is_ready(&container, release).await? {
            true => Ok(container),
            false => {
                let said = self.said(&name).await;
                self.engine.remove(&name).await.map_err(engine_error)?;
                let message = format!("it was not ready within {} s, and took no request", START.as_secs());
                Err(DeployError::new(Kind::NotProven, message)
                    .hint("see its log in the receipts of this version; mend it and run `windlass deploy` again")
                    .detail(said))
            }
        }
    }

    async fn said(&self, name: &str) -> String {
        match self.engine.logs(name).await {
            Ok(logs) => last(&logs.stderr, 40),
            Err(error) => error.to_string(),
        }
    }

    /// Ready: `/health` names the release and `/ready` answers 200. A container that ended is not waited for.
    async fn is_ready(&self, container: &Container, release: &Release) -> Result<bool, DeployError> {
        let Some(address) = container.address(PORT) else { return Ok(false) };
        let url = format!("http://{address}/");
        let url = Url::parse(&url).map_err(|error| DeployError::new(Kind::Failed, format!("{url}: {error}")))?;
        let ended = async {
            loop {
                tokio::time::sleep(Duration::from_millis(500)).await;
                let now = self.engine.inspect(&container.name).await;
                if !now.is_ok_and(|now| now.is_some_and(|now| now.status == Status::Running)) {
                    return;
                }
            }
        };
        tokio::select! {
            ready = endpoint::ready(&url, &release.version, START) => ready,
            () = ended => Ok(false),
        }
    }

    /// The image's id in the engine: loaded from what was built or pulled, verified on the way.
    async fn image(
        &self,
        release: &Release,
        artifacts: &Artifacts,
        progress: &dyn Progress,
    ) -> Result<String, DeployError> {
        let tag = format!("{}:{}", self.name, release.version);
        let wanted = release.image.rsplit('@').next().unwrap_or_default();
        let here = windlass_image::Layout::open(&artifacts.image);
        let layout = match here.is_ok_and(|here| here.digest().as_str() == wanted) || !release.image.contains('@') {
            true => artifacts.image.clone(),
            // Built elsewhere, cleaned up or built anew since: the registry has it.
            false => registry::pull(&self.deploy, &self.root, &release.image, &artifacts.image, progress).await?,
        };
        progress.step(&format!("loading {tag}"));
        let found = windlass_image::Layout::open(&layout).map_err(crate::image_error)?;
        if found.digest().as_str() != wanted {
            let message = format!("the image in {} is {}, not {wanted}", layout.display(), found.digest());
            return Err(
                DeployError::new(Kind::Receipt, message).hint("run `windlass deploy build`, and see who changed it")
            );
        }
        self.engine.load(&layout, &tag).await.map_err(engine_error)
    }

    /// Ends every release's container but `keep`, letting it answer what it has taken.
    async fn retire(&self, keep: &str) -> Result<(), DeployError> {
        for container in self.containers().await? {
            if Self::is_front(&container) || container.name == keep {
                continue;
            }
            self.engine.stop(&container.name, DRAIN).await.map_err(engine_error)?;
            self.engine.remove(&container.name).await.map_err(engine_error)?;
        }
        Ok(())
    }
}

#[async_trait]
impl Target for Local {
    async fn found(&self, _make: bool, _progress: &dyn Progress) -> Result<bool, DeployError> {
        Ok(true)
    }

    async fn prepare(&self, _secrets: &[String], _progress: &dyn Progress) -> Result<(), DeployError> {
        Ok(())
    }

    async fn registry(&self) -> Result<Option<RegistryOptions>, DeployError> {
        registry::options(&self.deploy, &self.root)
    }

    async fn token(&self) -> Result<SecretString, DeployError> {
        let path = self.state.join("token");
        let failed = |error: io::Error| DeployError::file("the token", &path, &error);
        match fs::read_to_string(&path) {
            Ok(token) if token.len() >= 32 => return Ok(token.into()),
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
        let token = crate::new_token()?;
        fs::create_dir_all(&self.state).map_err(failed)?;
        let file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path);
        file.and_then(|mut file| io::Write::write_all(&mut file, token.as_bytes())).map_err(failed)?;
        Ok(token.into())
    }

    async fn deploy(
        &self,
        release: &Release,
        artifacts: &Artifacts,
        secrets: &BTreeMap<String, SecretString>,
        progress: &dyn Progress,
    ) -> Result<Deployed, DeployError> {
        let network = NetworkSpec {
            name: self.name.clone(),
            labels: [(LABEL_DEPLOY.to_owned(), self.name.clone())].into(),
            internal: false,
        };
        self.engine.create_network(&network).await.map_err(engine_error)?;
        let container = self.start(release, artifacts, secrets, progress).await?;
        progress.step("switching the front to it");
        self.front(&container, release, progress).await?;
        let endpoint = self.endpoint();
        if !endpoint::answers(&endpoint, &release.version, START).await? {
            let message = format!("{endpoint} does not answer as release {}", release.version);
            return Err(DeployError::new(Kind::NotProven, message).hint("see `windlass deploy status`"));
        }
        let facts = [("container", container.name.clone().into()), ("image", container.image.into())];
        Ok(Deployed { endpoint, facts: facts.map(|(name, value)| (name.to_owned(), value)).into() })
    }

    async fn settle(&self, release: &Release) -> Result<(), DeployError> {
        self.retire(&self.container(release)).await
    }

    async fn running(&self) -> Result<Option<Running>, DeployError> {
        let Some((version, name)) = self.active().await? else { return Ok(None) };
        let container = self.engine.inspect(&name).await.map_err(engine_error)?;
        let running = container.filter(|container| container.status == Status::Running);
        Ok(running.map(|container| Running { version, digest: container.image, endpoint: self.endpoint() }))
    }

    async fn prove(&self, release: &Release, _deployed: &Deployed) -> Vec<Proof> {
        let promise = "what runs is what was pushed, by digest";
        let tag = format!("{}:{}", self.name, release.version);
        let running = self.engine.inspect(&self.container(release)).await.map_err(engine_error);
        let loaded = self.engine.image(&tag).await.map_err(engine_error);
        let digest = match (running, loaded) {
            (Ok(Some(container)), Ok(Some(image))) => {
                Proof::new("digest", promise, container.image == image && container.status == Status::Running)
                    .measured(release.image.rsplit('@').next().unwrap_or_default())
            }
            (Err(error), _) | (_, Err(error)) => Proof::new("digest", promise, false).detail(error.message),
            _ => Proof::new("digest", promise, false).detail("no container of this release runs"),
        };
        let logs = match self.engine.logs(&self.container(release)).await {
            Ok(logs) => Proof::new("logs", "its log arrives", !logs.stderr.is_empty() || !logs.stdout.is_empty()),
            Err(error) => Proof::new("logs", "its log arrives", false).detail(error.to_string()),
        };
        vec![digest, logs]
    }

    async fn logs(&self, lines: usize) -> Result<String, DeployError> {
        let mut text = String::new();
        for container in self.containers().await? {
            if Self::is_front(&container) {
                continue;
            }
            let logs = self.engine.logs(&container.name).await.map_err(engine_error)?;
            text.push_str(&format!(
                "== {}\n{}{}",
                container.name,
                last(&logs.stderr, lines),
                last(&logs.stdout, lines)
            ));
        }
        Ok(text)
    }

    async fn power(&self, on: bool, _progress: &dyn Progress) -> Result<String, DeployError> {
        let mut names = Vec::new();
        for container in self.containers().await? {
            match on {
                true => drop(self.engine.start(&container.name).await.map_err(engine_error)?),
                false => drop(self.engine.stop(&container.name, DRAIN).await.map_err(engine_error)?),
            }
            names.push(container.name);
        }
        let done = if on { "started" } else { "stopped" };
        Ok(if names.is_empty() { format!("nothing to be {done}") } else { format!("{done} {}", names.join(", ")) })
    }

    async fn destroy(&self, progress: &dyn Progress) -> Result<Vec<String>, DeployError> {
        let swept = windlass_containers::contract::sweep(&self.engine).await.map_err(engine_error)?;
        let mut removed: Vec<String> = swept.iter().map(|name| format!("container {name}")).collect();
        for container in self.containers().await? {
            progress.step(&format!("removing {}", container.name));
            self.engine.stop(&container.name, DRAIN).await.map_err(engine_error)?;
            self.engine.remove(&container.name).await.map_err(engine_error)?;
            removed.push(format!("container {}", container.name));
        }
        removed.extend(self.remove_images().await?);
        self.engine.remove_network(&self.name).await.map_err(engine_error)?;
        removed.push(format!("network {}", self.name));
        fs::remove_dir_all(&self.state).map_err(|error| DeployError::file("the directory", &self.state, &error))?;
        removed.push(format!("directory {}", self.state.display()));
        Ok(removed)
    }
}

/// The last lines of a text.
fn last(text: &str, lines: usize) -> String {
    let all: Vec<&str> = text.lines().collect();
    all[all.len().saturating_sub(lines)..].iter().map(|line| format!("{line}\n")).collect()
}

impl Local {
    /// Images of this deployment, by the tags it gave them.
    async fn remove_images(&self) -> Result<Vec<String>, DeployError> {
        let artifacts = self.root.join(".windlass/artifacts");
        let versions = fs::read_dir(&artifacts).into_iter().flatten().flatten();
        let mut removed = Vec::new();
        for version in versions.filter_map(|entry| entry.file_name().into_string().ok()) {
            let tag = format!("{}:{version}", self.name);
            if self.engine.image(&tag).await.map_err(engine_error)?.is_some() {
                self.engine.remove_image(&tag).await.map_err(engine_error)?;
                removed.push(format!("image {tag}"));
            }
        }
        Ok(removed)
    }
}
