//! The program and directories to run it in.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use tempfile::TempDir;
use windlass_config::{Env, ProcessEnv, Variables as Fixed};
use windlass_terraform::{Backend, Error, Sources, Terraform, Workspace};

/// The checkout.
pub fn checkout() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// Somewhere to work, and a program to work with.
pub struct Bench {
    pub folder: TempDir,
    pub terraform: Terraform,
}

impl Bench {
    /// Nothing where Terraform is missing, which is said.
    pub async fn new() -> Option<Self> {
        Self::with(&[]).await
    }

    /// With these variables besides.
    pub async fn with(extra: &[(String, String)]) -> Option<Self> {
        Self::made(extra, one_at_a_time).await
    }

    /// For configurations without a provider, which need little and wait for nobody.
    pub async fn light() -> Option<Self> {
        Self::made(&[], |_, real| real.to_path_buf()).await
    }

    async fn made(extra: &[(String, String)], program: impl Fn(&Path, &Path) -> PathBuf) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let real = ["terraform", "tofu"].into_iter().find_map(on_path);
        let Some(real) = real else {
            let test = std::thread::current().name().unwrap_or("a test").to_owned();
            windlass_testkit::skip(&test, "neither terraform nor tofu is on PATH");
            return None;
        };
        let program = program(folder.path(), &real);
        let mut variables: Vec<(String, String)> = ProcessEnv
            .names()
            .into_iter()
            .filter(|name| !name.starts_with("AWS_") && !name.starts_with("WINDLASS_TERRAFORM"))
            .filter_map(|name| ProcessEnv.get(&name).map(|value| (name, value)))
            .collect();
        variables.extend(outside("WINDLASS_TERRAFORM_MIRROR"));
        // Nothing of whoever runs the tests.
        let clean = [
            ("AWS_CONFIG_FILE", "/dev/null"),
            ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null"),
            ("AWS_EC2_METADATA_DISABLED", "true"),
            ("WINDLASS_TERRAFORM", program.to_str().unwrap()),
        ];
        variables.extend(clean.map(|(name, value)| (name.to_owned(), value.to_owned())));
        variables.extend_from_slice(extra);
        let env: Fixed = variables.into_iter().collect();
        let terraform = Terraform::find(&env).await.unwrap();
        Some(Self { folder, terraform })
    }

    pub fn backend(&self) -> Backend {
        Backend::Local(self.folder.path().join("terraform.tfstate"))
    }

    /// A prepared directory; each name is another one, with the same state.
    pub fn workspace(&self, name: &str, sources: impl Into<Sources>) -> Workspace {
        self.try_workspace(name, sources).unwrap()
    }

    pub fn try_workspace(&self, name: &str, sources: impl Into<Sources>) -> Result<Workspace, Error> {
        Workspace::prepare(&self.terraform, sources, &self.folder.path().join(name), &self.backend(), None)
    }
}

fn outside(name: &str) -> Option<(String, String)> {
    ProcessEnv.get(name).map(|value| (name.to_owned(), value))
}

fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|path| path.is_file())
}

/// The provider takes most of a gigabyte: on one machine, one run at a time, whichever test binary it is for. The lock
/// is the process's, which `exec` keeps.
fn one_at_a_time(folder: &Path, real: &Path) -> PathBuf {
    let lock = std::env::temp_dir().join("terraform.lock");
    let script = format!(
        "#!/bin/sh\nif command -v flock >/dev/null; then exec 9>>'{}' && flock 9; fi\nexec '{}' \"$@\"\n",
        lock.display(),
        real.display(),
    );
    program(folder, real.file_name().unwrap().to_str().unwrap(), &script)
}

/// An executable script.
pub fn program(folder: &Path, name: &str, script: &str) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, script).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

/// Waits until `condition` holds.
pub async fn eventually(what: &str, patience: Duration, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + patience;
    while !condition() {
        assert!(Instant::now() < deadline, "not in time: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The processes whose working directory is below `folder`: Terraform and its providers run there.
pub fn running_in(folder: &Path) -> Vec<u32> {
    let folder = folder.canonicalize().unwrap();
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let ids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    ids.filter(|id| fs::read_link(format!("/proc/{id}/cwd")).is_ok_and(|path| path.starts_with(&folder))).collect()
}
