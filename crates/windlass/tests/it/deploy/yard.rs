//! A project in a repository of its own, a registry, and an engine whose containers nobody else sees.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
};

use serde_json::Value;
use tempfile::TempDir;
use windlass_testkit::{free_port, registry::TestRegistry, skip};

use crate::house::WINDLASS;

/// A project to deploy.
pub struct Yard {
    pub name: String,
    pub registry: TestRegistry,
    pub port: u16,
    directory: TempDir,
    variables: Vec<(String, String)>,
}

impl Yard {
    /// `None`, said loudly, where this machine has no engine, no registry or no static program to ship.
    pub fn new(test: &str) -> Option<Self> {
        let runs = |program: &str| Command::new(program).arg("--version").output().is_ok();
        if !runs("podman") {
            skip(test, "no podman is installed (apt-get install podman runc netavark aardvark-dns)");
            return None;
        }
        let Some(program) = static_windlass() else {
            skip(test, "no static windlass was built (cargo build --profile static --target x86_64-unknown-linux-musl)");
            return None;
        };
        let registry = TestRegistry::secure(test)?;
        let directory = tempfile::Builder::new().prefix("wl").tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        for name in ["project", "home", "store", "run"] {
            fs::create_dir(at(name)).unwrap();
        }
        fs::write(
            at("storage.conf"),
            format!("[storage]\ndriver = \"vfs\"\ngraphroot = {:?}\nrunroot = {:?}\n", at("store"), at("run")),
        )
        .unwrap();
        let name = format!("wl{:08x}", rand_of(directory.path()));
        let set = |name: &str, value: &Path| (name.to_owned(), value.display().to_string());
        let variables = vec![
            set("HOME", &at("home")),
            set("XDG_STATE_HOME", &at("home")),
            set("CONTAINERS_STORAGE_CONF", &at("storage.conf")),
            ("REGISTRY_PASSWORD".into(), registry.password.clone()),
        ];
        let yard = Self { name, port: free_port(), registry, directory, variables };
        yard.git(&["init", "-q"]);
        yard.git(&["config", "user.email", "nobody@example.com"]);
        yard.git(&["config", "user.name", "nobody"]);
        yard.configure(&program, "", "");
        yard.commit("first");
        Some(yard)
    }

    pub fn project(&self) -> PathBuf {
        self.directory.path().join("project")
    }

    pub fn state(&self) -> PathBuf {
        self.directory.path().join("home/windlass/deploy").join(&self.name)
    }

    /// Writes windlass.yaml, with `local` in that section and `more` in `deploy`.
    pub fn configure(&self, program: &Path, local: &str, more: &str) {
        let ca = self.registry.ca.as_ref().unwrap();
        let text = format!(
            "deploy:\n  name: {}\n  image: {{ binary: {program:?} }}\n  registry:\n    host: {}\n    username: {}\n    \
             password: env:REGISTRY_PASSWORD\n    ca: {ca:?}\n  local: {{ port: {}, engine: podman{local} }}\n{more}",
            self.name, self.registry.host, self.registry.username, self.port,
        );
        fs::write(self.project().join("windlass.yaml"), text).unwrap();
    }

    /// Changes something, and returns the version it becomes.
    pub fn commit(&self, note: &str) -> String {
        fs::write(self.project().join("note"), note).unwrap();
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "-m", note]);
        self.git(&["rev-parse", "--short", "HEAD"])
    }

    pub fn git(&self, arguments: &[&str]) -> String {
        let output = Command::new("git").current_dir(self.project()).args(arguments).output().unwrap();
        assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// `windlass deploy ...`, ready to be run.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(WINDLASS);
        command.arg("deploy").args(arguments).current_dir(self.project());
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    pub fn start(&self, arguments: &[&str]) -> Child {
        self.command(arguments).spawn().unwrap()
    }

    pub fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Runs it, expects it to succeed, and returns what it printed.
    pub fn done(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "deploy {arguments:?}: {told}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs it, expects it to fail, and returns what it said.
    pub fn refused(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success(), "deploy {arguments:?} went well: {told}");
        told
    }

    pub fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.done(&[arguments, &["--json"]].concat())).unwrap()
    }

    /// What podman says.
    pub fn podman(&self, arguments: &[&str]) -> String {
        let variables = self.variables.iter().map(|(name, value)| (name, value));
        let output = Command::new("podman").args(arguments).envs(variables).output().unwrap();
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// The receipt of a phase of the version at hand, as it lies on disk.
    pub fn receipt(&self, version: &str, phase: &str) -> PathBuf {
        self.project().join(format!(".windlass/receipts/{version}/{phase}.json"))
    }

    /// Names of this deployment's containers.
    pub fn containers(&self) -> Vec<String> {
        let label = format!("label=windlass.deploy={}", self.name);
        let names = self.podman(&["ps", "--all", "--filter", &label, "--format", "{{.Names}}"]);
        names.lines().map(str::to_owned).collect()
    }
}

impl Drop for Yard {
    fn drop(&mut self) {
        let _ = self.run(&["destroy", "--yes"]);
        for container in self.containers() {
            self.podman(&["rm", "--force", "--time", "0", &container]);
        }
        self.podman(&["network", "rm", "--force", &self.name]);
    }
}

/// The static program tests ship: built by `make test`.
pub fn static_windlass() -> Option<PathBuf> {
    let target = Path::new(WINDLASS).ancestors().nth(2)?;
    let built = target.join("x86_64-unknown-linux-musl/static/windlass");
    let named = std::env::var_os("WINDLASS_TEST_STATIC").map(PathBuf::from);
    named.or(Some(built)).filter(|path| path.exists())
}

/// Two yards at a time have two names.
fn rand_of(path: &Path) -> u32 {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    (path, std::process::id()).hash(&mut hasher);
    u32::try_from(hasher.finish() >> 32).unwrap()
}
