use std::{collections::BTreeMap, net::IpAddr, path::PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use url::Url;
use windlass_core::units::{Bytes, Span};

/// Where `windlass deploy` puts a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TargetKind {
    /// A container on this machine, behind a front that keeps the address while releases change.
    #[default]
    Local,
    /// ECS Fargate behind an Application Load Balancer.
    Ecs,
    /// Lambda behind an API Gateway HTTP API and a Function URL.
    Lambda,
    /// One EC2 host, with KVM where sandboxes need it.
    Ec2,
}

impl TargetKind {
    /// As it is written in windlass.yaml.
    pub fn name(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Ecs => "ecs",
            Self::Lambda => "lambda",
            Self::Ec2 => "ec2",
        }
    }

    /// Whether it lives in an AWS account.
    pub fn is_aws(self) -> bool {
        self != Self::Local
    }
}

/// `windlass deploy`: what is shipped, where to, and what it needs there.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DeploySettings {
    /// Names everything that is made: containers, repository, stack, alarms. Two deployments need two names.
    pub name: String,
    /// Where to.
    pub target: TargetKind,
    /// AWS region. Default: what the AWS configuration says.
    pub region: Option<String>,
    /// The AWS account this may touch; credentials of another one are refused.
    pub account: Option<String>,
    /// The project's own tests, run first: a program and its arguments, e.g. `[make, test]`.
    pub test: Vec<String>,
    /// The registry images go to. Default: the account's ECR for AWS targets, none for `local`.
    pub registry: RegistrySettings,
    /// What is in the image.
    pub image: ImageSettings,
    /// Environment variables of the deployed server.
    pub environment: BTreeMap<String, String>,
    /// Environment variables whose values are secrets: each names a secret of this machine (`env:NAME` or `file:PATH`),
    /// which is put into Secrets Manager, or for `local` into a file only the container reads.
    pub secrets: BTreeMap<String, String>,
    /// The target `local`.
    pub local: LocalSettings,
    /// Variables of the target's Terraform stack; `windlass deploy eject` writes the stack with every one described.
    pub variables: BTreeMap<String, serde_json::Value>,
    /// S3 bucket of Terraform's state, the lock and the list of releases. Default: `NAME-windlass-ACCOUNT-REGION`, made
    /// on demand.
    pub state_bucket: Option<String>,
    /// Where the deployed server is reached, when that is not what the stack says (a name that DNS does not know yet).
    pub endpoint: Option<Url>,
    /// Longest time from the start of a roll-out until the release is proven.
    pub patience: Span,
    /// Slowest answer `verify` accepts for 95 of 100 calls.
    pub p95: Span,
}

impl Default for DeploySettings {
    fn default() -> Self {
        Self {
            name: "windlass".to_owned(),
            target: TargetKind::Local,
            region: None,
            account: None,
            test: Vec::new(),
            registry: RegistrySettings::default(),
            image: ImageSettings::default(),
            environment: BTreeMap::new(),
            secrets: BTreeMap::new(),
            local: LocalSettings::default(),
            variables: BTreeMap::new(),
            state_bucket: None,
            endpoint: None,
            patience: Span(std::time::Duration::from_secs(15 * 60)),
            p95: Span(std::time::Duration::from_secs(2)),
        }
    }
}

/// A registry that speaks the OCI distribution protocol.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RegistrySettings {
    /// Host, with a port where it is not 443: `ghcr.io`, `registry.example.com:5000`.
    pub host: Option<String>,
    /// The repository. Default: `deploy.name`.
    pub repository: Option<String>,
    /// Who logs in. ECR needs none: the AWS credentials serve.
    pub username: Option<String>,
    /// The password, by reference: `env:NAME` or `file:PATH`.
    pub password: Option<String>,
    /// A CA bundle (PEM) to trust beside the public ones.
    pub ca: Option<PathBuf>,
    /// Plain HTTP. Loopback only.
    pub plain_http: bool,
}

/// What is in the image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ImageSettings {
    /// The static `windlass` program to ship. Default: in Windlass's own source tree it is built; elsewhere this program
    /// ships itself.
    pub binary: Option<PathBuf>,
    /// An image in an OCI layout directory whose layers come below ours, for the programs `shell` approves. Default:
    /// none, the image holds `windlass` and nothing else to run.
    pub base: Option<PathBuf>,
    /// Files and directories of the project to put below `/srv`, beside windlass.yaml.
    pub include: Vec<PathBuf>,
    /// What the image may weigh, compressed.
    pub limit: Bytes,
}

impl Default for ImageSettings {
    fn default() -> Self {
        Self { binary: None, base: None, include: Vec::new(), limit: Bytes(30 << 20) }
    }
}

/// The target `local`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LocalSettings {
    /// Address to listen on.
    pub host: IpAddr,
    /// Port to listen on.
    pub port: u16,
    /// The container engine's program. Default: `podman`, else `docker`.
    pub engine: Option<String>,
    /// Memory of a release's container.
    pub memory: Bytes,
}

impl Default for LocalSettings {
    fn default() -> Self {
        Self { host: IpAddr::from([127, 0, 0, 1]), port: 8080, engine: None, memory: Bytes(512 << 20) }
    }
}
