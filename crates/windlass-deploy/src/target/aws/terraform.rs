//! What Terraform does for a deployment: the bucket and what images and secrets need, and the stack itself.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use serde::Deserialize;
use serde_json::{Map, Value, json};
use url::Url;
use windlass_config::settings::TargetKind;
use windlass_terraform::{Action, Backend, ErrorKind, Event, Stack, Variables, Work, Workspace, embedded};

use super::{Aws, Outputs, text};
use crate::{Artifacts, Changes, DeployError, Kind, Progress, Release};

/// The bootstrap's own state, in the bucket it made.
const BOOTSTRAP_STATE: &str = "bootstrap.tfstate";
/// Longer than a run of a killed windlass may go on.
const LOCK: Duration = Duration::from_secs(150);
/// The last variables the stack was applied with: `stop`, `start` and `destroy` need them again.
const LAST: &str = "variables.json";

impl Aws {
    fn workspace(&self, stack: Stack, backend: &Backend) -> Result<Workspace, DeployError> {
        let directory = self.state.join("terraform").join(stack.name());
        let endpoint = std::env::var("AWS_ENDPOINT_URL").ok().and_then(|endpoint| endpoint.parse::<Url>().ok());
        Workspace::prepare(&self.terraform, stack, &directory, backend, endpoint.as_ref()).map_err(error)
    }

    fn bootstrap_state(&self) -> PathBuf {
        self.state.join("terraform").join(BOOTSTRAP_STATE)
    }

    /// The bootstrap, with the state it has in the bucket.
    async fn bootstrap_workspace(&self) -> Result<&Workspace, DeployError> {
        let state = self.bootstrap_state();
        // Each time: until the lock is ours, another deploy may change it.
        if let Some(kept) = self.kept_bootstrap().await?
            && !Mark::of(&state).is_some_and(|here| here.follows(&kept))
        {
            std::fs::rename(self.kept_path(), &state)
                .map_err(|error| DeployError::file("the state", &state, &error))?;
        }
        self.bootstrap.get_or_try_init(|| self.initialised(Stack::Bootstrap, Backend::Local(state))).await
    }

    async fn initialised(&self, stack: Stack, backend: Backend) -> Result<Workspace, DeployError> {
        // What holds Terraform's own lock while we have the deployment's is a run whose windlass was killed: it is given the
        // time it has to save its state.
        let workspace = self.workspace(stack, &backend)?.with_lock_timeout(LOCK);
        workspace.init().await.map_err(error)?;
        Ok(workspace)
    }

    /// Makes the bucket, the repository and the secrets, without their values. `secrets` is `None` before anybody has
    /// the lock: then those that are there stay.
    pub(super) async fn bootstrap(
        &self,
        secrets: Option<&[String]>,
        progress: &dyn Progress,
    ) -> Result<Outputs, DeployError> {
        progress.step("making what the deployment stands on: its bucket, repository and secrets");
        let workspace = self.bootstrap_workspace().await?;
        let names = secrets.map(<[String]>::to_vec).unwrap_or_default();
        let variables = self.bootstrap_variables(&names, false);
        if Mark::of(&self.bootstrap_state()).is_none() && self.bucket.exists().await? {
            if self.deploy.state_bucket.is_some() {
                // Taken over, it would go with the deployment, and what else is in it too.
                let message = format!("the bucket {} is there already, and was not made for this", self.bucket.name);
                return Err(DeployError::new(Kind::Usage, message).hint(
                    "let deploy.state_bucket name one that is not there yet, or leave it out: windlass makes it",
                ));
            }
            // A first run elsewhere was killed before it could keep its state: what it made is taken over.
            workspace.import(&variables, "aws_s3_bucket.state", &self.bucket.name).await.map_err(error)?;
            let repository = self.deploy.registry.repository.as_ref().unwrap_or(&self.deploy.name);
            let address = "module.registry[0].aws_ecr_repository.repository";
            if let Err(none) = workspace.import(&variables, address, repository).await {
                tracing::debug!("no repository to take over: {none}");
            }
        }
        let applied = workspace.apply(Work::Variables(&variables), &mut |event| tell(progress, &event)).await;
        // Kept before anything else, also of a run that failed half-way: nothing half-made is forgotten.
        let kept = self.kept_bootstrap().await?;
        let here = Mark::of(&self.bootstrap_state());
        // Of two that began at once, the one that lost knows of nothing the other's state lacks.
        let ours = here.is_some_and(|here| kept.is_none_or(|kept| kept.lineage == here.lineage));
        if ours && self.bucket.exists().await? {
            self.bucket.upload(BOOTSTRAP_STATE, &self.bootstrap_state()).await?;
        }
        applied.map_err(error)?;
        workspace.outputs().await.map_err(error)
    }

    fn kept_path(&self) -> PathBuf {
        self.bootstrap_state().with_extension("kept")
    }

    /// What the bucket has of the bootstrap's state, which then lies at [`Self::kept_path`].
    async fn kept_bootstrap(&self) -> Result<Option<Mark>, DeployError> {
        let there = self.bucket.exists().await? && self.bucket.download(BOOTSTRAP_STATE, &self.kept_path()).await?;
        Ok(Mark::of(&self.kept_path()).filter(|_| there))
    }

    pub(super) async fn bootstrap_outputs(&self) -> Result<Outputs, DeployError> {
        self.bootstrap_workspace().await?.outputs().await.map_err(error)
    }

    fn bootstrap_variables(&self, secrets: &[String], destroying: bool) -> Variables {
        let own_registry = self.deploy.registry.username.is_none() && self.kind() != TargetKind::Lambda;
        let repository = self.deploy.registry.repository.clone().unwrap_or_else(|| self.deploy.name.clone());
        Variables::new()
            .with("name", self.deploy.name.clone())
            .with("region", self.cloud.region.clone())
            .with("state_bucket", self.bucket.name.clone())
            .with("create_repository", own_registry)
            .with("repository", repository)
            .with("secret_names", secrets.to_vec())
            .with("force_destroy", destroying)
            .with("recovery_window", if destroying { 0 } else { 7 })
    }

    async fn stack(&self) -> Result<&Workspace, DeployError> {
        let backend = Backend::S3 {
            bucket: self.bucket.name.clone(),
            key: self.bucket.key(&self.state_name()),
            region: self.cloud.region.clone(),
        };
        self.stack.get_or_try_init(|| self.initialised(self.place.stack(), backend)).await
    }

    /// Under which name the bucket has the stack's state.
    pub(super) fn state_name(&self) -> String {
        format!("{}.tfstate", self.kind().name())
    }

    /// Applies the stack. The deployment's lock is held, and Terraform ends with its windlass, so a lock of Terraform's own
    /// that does not go away is one that a lost machine left.
    pub(super) async fn apply(
        &self,
        values: &Map<String, Value>,
        progress: &dyn Progress,
    ) -> Result<Outputs, DeployError> {
        progress.step("applying the stack");
        let variables = &values.clone().into_iter().collect::<Variables>();
        let workspace = self.stack().await?;
        let mut planned = workspace.plan(variables).await;
        if let Err(locked) = &planned
            && let ErrorKind::StateLocked { id: Some(id), who: Some(who), .. } = locked.kind()
            // Somebody who uses the ejected stack elsewhere has a lock of their own, and is left in peace.
            && who.rsplit('@').next() == Some(&*crate::lock::host())
        {
            progress.notice(&format!("freeing Terraform's lock, left by {who}"));
            workspace.unlock(id).await.map_err(error)?;
            planned = workspace.plan(variables).await;
        }
        let plan = planned.map_err(error)?;
        let summary = &plan.summary;
        progress.step(&format!("{} to add, {} to change, {} to destroy", summary.add, summary.change, summary.destroy));
        self.remember(values).await?;
        let (mut done, of) = (0_u64, u64::try_from(summary.add + summary.change + summary.destroy).unwrap_or_default());
        let mut on_event = |event: Event| {
            if let Event::Done { .. } = event {
                done += 1;
                progress.advance(done, of);
            }
            tell(progress, &event);
        };
        workspace.apply(Work::Plan(&plan), &mut on_event).await.map_err(error)?;
        workspace.outputs().await.map_err(error)
    }

    /// What applying would change. Takes no lock: who only looks may have no right to write one.
    pub(super) async fn foresee(&self, values: &Map<String, Value>) -> Result<Changes, DeployError> {
        let variables = &values.clone().into_iter().collect::<Variables>();
        let plan = self.stack().await?.foresee(variables).await.map_err(error)?;
        let done = |action: Action| match action {
            Action::Create => "make",
            Action::Update => "change",
            Action::Delete => "remove",
            Action::Replace => "replace",
            _ => "",
        };
        let resources = plan.changes.iter().filter(|change| !done(change.action).is_empty());
        let resources = resources.map(|change| format!("{:<7} {}", done(change.action), change.address)).collect();
        let summary = &plan.summary;
        Ok(Changes { add: summary.add, change: summary.change, destroy: summary.destroy, resources })
    }

    async fn remember(&self, variables: &Map<String, Value>) -> Result<(), DeployError> {
        let path = self.state.join("terraform").join(LAST);
        let text = serde_json::to_vec(variables).unwrap_or_default();
        crate::shelf::write_whole(&path, &text).map_err(|error| DeployError::file("the variables", &path, &error))?;
        self.bucket.upload(LAST, &path).await
    }

    async fn last(&self) -> Result<Option<Map<String, Value>>, DeployError> {
        let path = self.state.join("terraform").join(LAST);
        if !self.bucket.download(LAST, &path).await? {
            return Ok(None);
        }
        let text = std::fs::read(&path).map_err(|error| DeployError::file("the variables", &path, &error))?;
        let values = serde_json::from_slice(&text).map_err(|error| {
            DeployError::new(Kind::Receipt, format!("{LAST} in {} cannot be read", self.bucket.name))
                .hint("deploy again: that writes it anew")
                .detail(error.to_string())
        })?;
        Ok(Some(values))
    }

    /// Applies the stack as it is, but for one variable.
    pub(super) async fn apply_last_with(
        &self,
        name: &str,
        value: Value,
        progress: &dyn Progress,
    ) -> Result<Outputs, DeployError> {
        let mut last = self
            .last()
            .await?
            .ok_or_else(|| DeployError::new(Kind::Usage, "nothing is deployed").hint("run `windlass deploy` first"))?;
        last.insert(name.to_owned(), value);
        self.apply(&last, progress).await
    }

    /// The zip of a release: kept in the bucket, so that a rollback finds it from any machine.
    pub(super) async fn package(
        &self,
        release: &Release,
        artifacts: &Artifacts,
        progress: &dyn Progress,
    ) -> Result<(), DeployError> {
        if self.kind() != TargetKind::Lambda {
            return Ok(());
        }
        let name = format!("packages/{}.zip", release.version);
        let here = &artifacts.package;
        let is_it = || -> bool { std::fs::read(here).is_ok_and(|bytes| crate::code_sha256(&bytes) == release.package) };
        if is_it() {
            progress.step("keeping the zip in the bucket");
            return self.bucket.upload(&name, here).await;
        }
        // Not built here, or built anew since: what was proven is in the bucket.
        progress.step("fetching the zip from the bucket");
        let there = self.bucket.download(&name, here).await?;
        match there && is_it() {
            true => Ok(()),
            false => {
                let what = if there { "is another in the bucket" } else { "is neither here nor in the bucket" };
                Err(DeployError::new(Kind::Receipt, format!("the zip of release {} {what}", release.version))
                    .hint("check out that commit and run `windlass deploy`, and see who changed it"))
            }
        }
    }

    /// Removes the stack, then what it stood on.
    pub(super) async fn remove(&self, progress: &dyn Progress) -> Result<Vec<String>, DeployError> {
        let mut removed = Vec::new();
        if !self.bucket.exists().await? {
            return Ok(removed);
        }
        if let Some(last) = self.last().await?
            && !self.stack().await?.state_is_empty().await.map_err(error)?
        {
            progress.step("removing the stack");
            let workspace = self.stack().await?;
            // What is protected against a slip has to be unprotected first.
            for (name, value) in self.place.unprotected() {
                self.apply_last_with(name, value, progress).await?;
            }
            let last = last.into_iter().collect::<Variables>();
            workspace.destroy(&last, &mut |event| tell(progress, &event)).await.map_err(error)?;
            removed.push(format!("stack {}", self.kind().name()));
        }
        progress.step("removing the bucket, the repository and the secrets");
        let workspace = self.bootstrap_workspace().await?;
        let names = workspace.outputs().await.map_err(error)?;
        let names = names.get("secret_arns").and_then(Value::as_object);
        let names: Vec<String> = names.into_iter().flat_map(|arns| arns.keys().cloned()).collect();
        let variables = self.bootstrap_variables(&names, true);
        // That objects and images may go has to be in the state before they can.
        workspace.apply(Work::Variables(&variables), &mut |event| tell(progress, &event)).await.map_err(error)?;
        workspace.destroy(&variables, &mut |event| tell(progress, &event)).await.map_err(error)?;
        removed.push(format!("bucket {}, with the repository and the secrets", self.bucket.name));
        Ok(removed)
    }
}

/// Which state a file has, and how new it is.
#[derive(Deserialize)]
struct Mark {
    lineage: String,
    serial: u64,
}

impl Mark {
    fn of(path: &Path) -> Option<Self> {
        serde_json::from_slice(&std::fs::read(path).ok()?).ok()
    }

    /// Whether this is a later one of the same state.
    fn follows(&self, other: &Self) -> bool {
        self.lineage == other.lineage && self.serial > other.serial
    }
}

/// The saved queries, by name.
pub(super) fn queries() -> Value {
    let queries = embedded().into_iter().filter_map(|(path, text)| {
        let name = path.strip_prefix("queries").ok()?.to_str()?.strip_suffix(".txt")?;
        Some((name.to_owned(), json!(std::str::from_utf8(text).ok()?)))
    });
    queries.collect::<Map<String, Value>>().into()
}

/// A failure of Terraform, as one of ours.
pub(super) fn error(error: windlass_terraform::Error) -> DeployError {
    let kind = match error.kind() {
        ErrorKind::NotInstalled { .. }
        | ErrorKind::TooOld { .. }
        | ErrorKind::ProviderUnavailable { .. }
        | ErrorKind::Unreachable { .. } => Kind::Missing,
        ErrorKind::NoCredentials
        | ErrorKind::CredentialsRejected { .. }
        | ErrorKind::ExpiredToken
        | ErrorKind::AccessDenied { .. } => Kind::Credentials,
        ErrorKind::Invalid { .. } => Kind::Usage,
        ErrorKind::StateLocked { .. } => Kind::Locked,
        _ => Kind::Failed,
    };
    let detail: Vec<String> = error.diagnostics().iter().skip(1).map(windlass_terraform::Diagnostic::text).collect();
    DeployError::new(kind, error.to_string()).hint(error.hint()).detail(detail.join("\n"))
}

fn tell(progress: &dyn Progress, event: &Event) {
    if let Event::Started { address, .. } = event {
        progress.step(address);
    }
}

/// A text of the outputs, for errors.
pub(super) fn named<'a>(outputs: &'a Outputs, name: &str) -> Result<&'a str, DeployError> {
    Some(text(outputs, name)).filter(|text| !text.is_empty()).ok_or_else(|| {
        DeployError::new(Kind::Failed, format!("the stack says nothing of its {name}"))
            .hint("run `windlass deploy deploy` again")
    })
}
