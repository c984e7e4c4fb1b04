//! An AWS account: Terraform makes what is there, and each kind of place knows how a release gets its requests.

mod ec2;
mod ecs;
mod lambda;
mod observe;
mod terraform;

use std::{collections::BTreeMap, path::PathBuf};

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Map, Value};
use tokio::sync::OnceCell;
use url::Url;
use windlass_config::{
    Env,
    settings::{DeploySettings, TargetKind},
};
use windlass_core::{ExposeSecret, SecretString};
use windlass_image::RegistryOptions;
use windlass_terraform::{Stack, Terraform, Workspace};

use super::{Artifacts, Changes, Deployed, Running, Target};
use crate::{
    DeployError, Kind, Progress, Proof, Release,
    cloud::{Bucket, Cloud},
    endpoint,
    project::Project,
    registry,
    shelf::Shelf,
};

/// The secret of the token that was made.
const TOKEN: &str = "WINDLASS_AUTH_TOKEN";

/// What a stack says of itself.
pub(super) type Outputs = BTreeMap<String, Value>;

/// What differs between the places in an account.
#[async_trait]
trait Place: Send + Sync {
    fn stack(&self) -> Stack;

    /// Variables of the stack beside those all have.
    fn variables(&self, release: &Release, artifacts: &Artifacts) -> Vec<(&'static str, Value)>;

    /// What the server is told there beside that.
    fn environment(&self, release: &Release) -> Vec<(&'static str, String)>;

    /// After the stack is applied: until the release takes the requests, or is known not to.
    async fn roll_out(&self, aws: &Aws, outputs: &Outputs, progress: &dyn Progress) -> Result<(), DeployError>;

    /// What runs, by digest or hash, and the release it says it is.
    async fn running(&self, aws: &Aws, outputs: &Outputs) -> Result<Option<(String, String)>, DeployError>;

    /// What only this place can be asked for.
    async fn prove(&self, aws: &Aws, release: &Release, outputs: &Outputs) -> Result<Vec<Proof>, DeployError>;

    /// The variable that stops what costs money; `None` where nothing can be stopped.
    fn power(&self, on: bool) -> Option<(&'static str, Value)>;

    /// Variables that let everything be destroyed.
    fn unprotected(&self) -> Vec<(&'static str, Value)>;
}

/// An account, and the kind of place in it.
pub(super) struct Aws {
    deploy: DeploySettings,
    root: PathBuf,
    state: PathBuf,
    cloud: Cloud,
    terraform: Terraform,
    bucket: Bucket,
    place: Box<dyn Place>,
    /// Made when they are first needed.
    bootstrap: OnceCell<Workspace>,
    stack: OnceCell<Workspace>,
}

impl Aws {
    pub async fn new(project: &Project, env: &dyn Env) -> Result<Self, DeployError> {
        let deploy = project.deploy().clone();
        let cloud = Cloud::connect(&deploy).await?;
        let terraform = Terraform::find(env).await.map_err(terraform::error)?;
        let name = deploy.state_bucket.clone();
        let name = name.unwrap_or_else(|| format!("{}-windlass-{}-{}", deploy.name, cloud.account, cloud.region));
        let bucket = Bucket::new(&cloud, &name, &deploy.name);
        let place: Box<dyn Place> = match deploy.target {
            TargetKind::Lambda => Box::new(lambda::Lambda),
            TargetKind::Ec2 => Box::new(ec2::Ec2),
            TargetKind::Ecs | TargetKind::Local => Box::new(ecs::Ecs),
        };
        Ok(Self {
            root: project.root.clone(),
            state: project.state.clone(),
            deploy,
            cloud,
            terraform,
            bucket,
            place,
            bootstrap: OnceCell::new(),
            stack: OnceCell::new(),
        })
    }

    pub fn shelf(&self) -> Bucket {
        self.bucket.clone()
    }

    fn kind(&self) -> TargetKind {
        self.deploy.target
    }

    /// The name of a secret in Secrets Manager.
    fn secret(&self, variable: &str) -> String {
        format!("{}/{variable}", self.deploy.name)
    }

    /// The stack's variables for a release.
    fn variables(
        &self,
        release: &Release,
        artifacts: &Artifacts,
        secrets: &BTreeMap<String, Value>,
    ) -> Map<String, Value> {
        let settings = release.variables.iter().map(|(name, value)| (name.clone(), value.clone()));
        let mut variables: Map<String, Value> = settings.collect();
        // What the release is cannot be overridden by what a user sets.
        let environment = release.environment.iter().map(|(name, value)| (name.clone(), Value::from(value.clone())));
        let own = self.place.environment(release).into_iter().map(|(name, value)| (name.to_owned(), value.into()));
        // Nobody reads it: what has another one is made anew, and so reads the secrets anew.
        let mark = release.secrets_mark.iter().map(|mark| ("SECRETS_MARK".to_owned(), Value::from(mark.clone())));
        let environment: Map<String, Value> = environment.chain(own).chain(mark).collect();
        let secrets: Map<String, Value> = secrets
            .iter()
            .filter(|(name, _)| release.secrets.contains(name))
            .map(|(name, arn)| (name.clone(), arn.clone()))
            .collect();
        variables.extend([
            ("name".to_owned(), self.deploy.name.clone().into()),
            ("region".to_owned(), self.cloud.region.clone().into()),
            ("release".to_owned(), release.version.as_str().into()),
            ("environment".to_owned(), environment.into()),
            ("secrets".to_owned(), secrets.into()),
        ]);
        variables.entry("queries").or_insert_with(terraform::queries);
        let own = self.place.variables(release, artifacts);
        variables.extend(own.into_iter().map(|(name, value)| (name.to_owned(), value)));
        variables
    }

    fn endpoint(&self, outputs: &Outputs) -> Result<Url, DeployError> {
        if let Some(endpoint) = &self.deploy.endpoint {
            return Ok(endpoint.clone());
        }
        let said = text(outputs, "endpoint");
        Url::parse(said).map_err(|error| {
            DeployError::new(Kind::Failed, format!("the stack says its endpoint is `{said}`: {error}"))
                .hint("set deploy.endpoint to where clients reach it")
        })
    }

    /// What the stack said of itself when it was last applied; nothing where it never was.
    async fn outputs(&self) -> Result<Outputs, DeployError> {
        // From the state as it lies there: whoever only asks neither waits for Terraform nor gets in its way.
        #[derive(Deserialize)]
        struct State {
            outputs: BTreeMap<String, Output>,
        }
        #[derive(Deserialize)]
        struct Output {
            value: Value,
        }
        if !self.bucket.exists().await? {
            return Ok(Outputs::new());
        }
        let name = self.state_name();
        let Some((text, _)) = self.bucket.get(&name).await? else { return Ok(Outputs::new()) };
        let state: State = serde_json::from_str(&text).map_err(|error| {
            DeployError::new(Kind::Failed, format!("{name} in {} is not a state of Terraform's", self.bucket.name))
                .hint("see what `terraform state pull` says in the ejected stack")
                .detail(error.to_string())
        })?;
        Ok(state.outputs.into_iter().map(|(name, output)| (name, output.value)).collect())
    }
}

/// An output that is text.
fn text<'a>(outputs: &'a Outputs, name: &str) -> &'a str {
    outputs.get(name).and_then(Value::as_str).unwrap_or_default()
}

#[async_trait]
impl Target for Aws {
    async fn found(&self, make: bool, progress: &dyn Progress) -> Result<bool, DeployError> {
        let mut there = self.bucket.exists().await?;
        if !there && make {
            self.bootstrap(None, progress).await?;
            there = true;
        }
        Ok(there)
    }

    async fn prepare(&self, secrets: &[String], progress: &dyn Progress) -> Result<(), DeployError> {
        self.bootstrap(Some(secrets), progress).await.map(drop)
    }

    async fn registry(&self) -> Result<Option<RegistryOptions>, DeployError> {
        if self.kind() == TargetKind::Lambda {
            return Ok(None);
        }
        if self.deploy.registry.username.is_some() {
            return registry::options(&self.deploy, &self.root);
        }
        let bootstrap = self.bootstrap_outputs().await?;
        let (host, repository) = terraform::named(&bootstrap, "repository_url")?.split_once('/').unwrap_or_default();
        let named = self.deploy.registry.host.clone();
        // Its login opens every repository of the account: nobody else is to see it.
        let stands_in = std::env::var_os("AWS_ENDPOINT_URL").is_some();
        if let Some(named) = named.as_deref().filter(|named| *named != host && !stands_in) {
            return Err(DeployError::new(
                Kind::Usage,
                format!("deploy.registry.host: {named} is not the account's ECR"),
            )
            .hint(
                "leave it out to use ECR, or give deploy.registry.username and password for a registry of your own",
            ));
        }
        Ok(Some(RegistryOptions {
            // A name of its own is for what stands in for ECR, or in front of it.
            host: named.unwrap_or_else(|| host.to_owned()),
            repository: repository.to_owned(),
            credentials: self.cloud.registry().await?,
            ca: self.deploy.registry.ca.as_ref().map(|path| self.root.join(path)),
            plain_http: self.deploy.registry.plain_http,
        }))
    }

    async fn token(&self) -> Result<SecretString, DeployError> {
        let id = self.secret(TOKEN);
        if let Some(token) = self.cloud.secret(&id).await?.filter(|token| token.expose_secret().len() >= 32) {
            return Ok(token);
        }
        let token = SecretString::from(crate::new_token()?);
        self.cloud.put_secret(&id, &token).await?;
        Ok(token)
    }

    async fn deploy(
        &self,
        release: &Release,
        artifacts: &Artifacts,
        secrets: &BTreeMap<String, SecretString>,
        progress: &dyn Progress,
    ) -> Result<Deployed, DeployError> {
        for (name, secret) in secrets {
            self.cloud.put_secret(&self.secret(name), secret).await?;
        }
        self.package(release, artifacts, progress).await?;
        let bootstrap = self.bootstrap_outputs().await?;
        let arns = bootstrap.get("secret_arns").and_then(Value::as_object).cloned().unwrap_or_default();
        let variables = self.variables(release, artifacts, &arns.into_iter().collect());
        let outputs = self.apply(&variables, progress).await?;
        self.place.roll_out(self, &outputs, progress).await?;
        let endpoint = self.endpoint(&outputs)?;
        progress.step(&format!("waiting for {endpoint} to answer as {}", release.version));
        if !endpoint::answers(&endpoint, &release.version, self.deploy.patience.0).await? {
            let message = format!("{endpoint} does not answer as release {}", release.version);
            return Err(DeployError::new(Kind::NotProven, message).hint("see `windlass deploy logs`"));
        }
        Ok(Deployed { endpoint, facts: outputs })
    }

    async fn preview(&self, release: &Release, artifacts: &Artifacts) -> Result<Option<Changes>, DeployError> {
        // The stack reads the zip.
        if self.kind() == TargetKind::Lambda && !artifacts.package.exists() {
            return Ok(None);
        }
        let bootstrap = self.bootstrap_outputs().await?;
        let arns = bootstrap.get("secret_arns").and_then(Value::as_object).cloned().unwrap_or_default();
        let variables = self.variables(release, artifacts, &arns.into_iter().collect());
        self.foresee(&variables).await.map(Some)
    }

    async fn settle(&self, _release: &Release) -> Result<(), DeployError> {
        Ok(())
    }

    async fn running(&self) -> Result<Option<Running>, DeployError> {
        let outputs = self.outputs().await?;
        if outputs.is_empty() {
            return Ok(None);
        }
        let Some((version, digest)) = self.place.running(self, &outputs).await? else { return Ok(None) };
        let version = version.parse().map_err(|error| DeployError::new(Kind::Failed, error))?;
        Ok(Some(Running { version, digest, endpoint: self.endpoint(&outputs)? }))
    }

    async fn prove(&self, release: &Release, deployed: &Deployed) -> Vec<Proof> {
        let mut proofs = match self.place.prove(self, release, &deployed.facts).await {
            Ok(proofs) => proofs,
            Err(error) => vec![Proof::new("target", "the target says what runs", false).detail(error.to_string())],
        };
        proofs.extend(self.observability(&deployed.facts).await);
        proofs
    }

    async fn logs(&self, lines: usize) -> Result<String, DeployError> {
        self.tail(text(&self.outputs().await?, "log_group"), lines).await
    }

    async fn power(&self, on: bool, progress: &dyn Progress) -> Result<String, DeployError> {
        let done = if on { "started" } else { "stopped" };
        let Some((name, value)) = self.place.power(on) else {
            return Err(DeployError::new(
                Kind::Usage,
                format!("nothing of {} is stopped and started: that is for ec2 and local", self.kind().name()),
            )
            .hint("`windlass deploy destroy` removes it, and the next deploy makes it anew"));
        };
        self.apply_last_with(name, value, progress).await?;
        Ok(format!("{done} {}", self.deploy.name))
    }

    async fn destroy(&self, progress: &dyn Progress) -> Result<Vec<String>, DeployError> {
        self.remove(progress).await
    }
}
