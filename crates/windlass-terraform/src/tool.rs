//! Finding Terraform or OpenTofu, and what it is started with.

mod child;
mod mirror;

use std::{
    collections::BTreeMap,
    fmt,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Stdio,
};

use semver::Version;
use windlass_config::Env;

use crate::{Error, ErrorKind};

/// The oldest release the stacks are written for.
const OLDEST: Version = Version::new(1, 5, 0);

/// Which of the two it is: they look for providers under different registries' names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Product {
    /// HashiCorp Terraform.
    Terraform,
    /// OpenTofu.
    OpenTofu,
}

impl Product {
    /// The host that `hashicorp/aws` is short for.
    pub(crate) fn registry(self) -> &'static str {
        match self {
            Self::Terraform => "registry.terraform.io",
            Self::OpenTofu => "registry.opentofu.org",
        }
    }
}

impl fmt::Display for Product {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Terraform => "Terraform",
            Self::OpenTofu => "OpenTofu",
        })
    }
}

/// An installed Terraform or OpenTofu that is new enough, and the environment it runs in.
#[derive(Clone)]
pub struct Terraform {
    pub(crate) program: PathBuf,
    product: Product,
    version: Version,
    pub(crate) mirror: Option<mirror::Mirror>,
    pub(crate) environment: BTreeMap<String, String>,
    notices: Vec<String>,
}

impl Terraform {
    /// `WINDLASS_TERRAFORM`, or `terraform` or `tofu` on `PATH`, with the providers of a mirror if this machine has one.
    pub async fn find(env: &dyn Env) -> Result<Self, Error> {
        let program = program(env)?;
        let product = product(&program);
        let mut notices = Vec::new();
        let environment = child::environment(env, &mut notices);
        let version = version(&program, &environment).await?;
        if version < OLDEST {
            return Err(too_old(&program, &version, OLDEST));
        }
        let mirror = mirror::find(env, product, &environment, &mut notices);
        let mut tool = Self { program, product, version, mirror, environment, notices };
        if tool.mirror.is_none() {
            child::share_downloads(env, &mut tool.environment);
        }
        Ok(tool)
    }

    /// Where the program is.
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// Which program it is.
    pub fn product(&self) -> Product {
        self.product
    }

    /// Its release.
    pub fn version(&self) -> &Version {
        &self.version
    }

    /// The directory that providers are taken from, rather than from the registry.
    pub fn mirror(&self) -> Option<&Path> {
        self.mirror.as_ref().map(|mirror| mirror.path.as_path())
    }

    /// What its user should know: settings that were dropped, directories that were not trusted.
    pub fn notices(&self) -> &[String] {
        &self.notices
    }

    /// Whether this release has a feature that came with `major.minor`.
    pub(crate) fn has(&self, major: u64, minor: u64) -> bool {
        (self.version.major, self.version.minor) >= (major, minor)
    }

    /// Fails with [`ErrorKind::TooOld`] before `major.minor`.
    pub(crate) fn needs(&self, major: u64, minor: u64) -> Result<(), Error> {
        match self.has(major, minor) {
            true => Ok(()),
            false => Err(too_old(&self.program, &self.version, Version::new(major, minor, 0))),
        }
    }
}

// The environment holds credentials: only the names are shown.
impl fmt::Debug for Terraform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Terraform")
            .field("program", &self.program)
            .field("version", &self.version)
            .field("mirror", &self.mirror)
            .field("environment", &self.environment.keys().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

fn program(env: &dyn Env) -> Result<PathBuf, Error> {
    let path = env.get("PATH").unwrap_or_default();
    let on_path = |name: &str| std::env::split_paths(&path).map(|folder| folder.join(name)).find(|path| runs(path));
    let (named, found) = match env.get("WINDLASS_TERRAFORM") {
        Some(named) if named.contains('/') => {
            (Some(named.clone()), Some(PathBuf::from(named)).filter(|path| runs(path)))
        }
        Some(named) => (Some(named.clone()), on_path(&named)),
        None => (None, on_path("terraform").or_else(|| on_path("tofu"))),
    };
    // Relative folders of PATH mean another program once the working directory is the stack's.
    found.and_then(|path| std::path::absolute(path).ok()).ok_or_else(|| ErrorKind::NotInstalled { named }.into())
}

fn runs(path: &Path) -> bool {
    path.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

/// By name, through links: both print the same in `version -json`.
fn product(program: &Path) -> Product {
    let names = [Some(program.to_path_buf()), program.canonicalize().ok()];
    let tofu =
        names.iter().flatten().filter_map(|path| path.file_name()).any(|name| name.to_string_lossy().contains("tofu"));
    if tofu { Product::OpenTofu } else { Product::Terraform }
}

async fn version(program: &Path, environment: &BTreeMap<String, String>) -> Result<Version, Error> {
    #[derive(serde::Deserialize)]
    struct Answer {
        terraform_version: Version,
    }
    let said = tokio::process::Command::new(program)
        .args(["version", "-json"])
        .env_clear()
        .envs(environment)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .map_err(|error| ErrorKind::Broken { program: program.into(), problem: error.to_string() })?;
    match serde_json::from_slice::<Answer>(&said.stdout) {
        Ok(answer) => Ok(answer.terraform_version),
        Err(_) => {
            let text = String::from_utf8_lossy(&said.stderr);
            let problem =
                text.lines().find(|line| !line.trim().is_empty()).unwrap_or("it does not say its version").into();
            Err(ErrorKind::Broken { program: program.into(), problem }.into())
        }
    }
}

fn too_old(program: &Path, found: &Version, needed: Version) -> Error {
    ErrorKind::TooOld { program: program.into(), found: found.to_string(), needed: needed.to_string() }.into()
}

#[cfg(test)]
mod tests;
