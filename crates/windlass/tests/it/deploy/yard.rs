//! A project in a repository of its own, and an engine whose containers nobody else sees.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
};

use serde_json::Value;
use tempfile::TempDir;
use windlass_testkit::skip;

use crate::house::WINDLASS;

/// A project to deploy.
pub struct Yard {
    pub name: String,
    /// What is shipped: the section `deploy.image`.
    pub image: String,
    program: PathBuf,
    directory: TempDir,
    variables: Vec<(String, String)>,
}

impl Yard {
    /// `None`, said loudly, where this machine has no engine or no static program to ship.
    pub fn new(test: &str) -> Option<Self> {
        let runs = |program: &str| Command::new(program).arg("--version").output().is_ok();
        if !runs("podman") {
            skip(test, "no podman is installed (apt-get install podman runc netavark aardvark-dns iptables)");
            return None;
        }
        let Some(program) = static_windlass() else {
            skip(
                test,
                "no static windlass was built (cargo build --profile static --target x86_64-unknown-linux-musl)",
            );
            return None;
        };
        let directory = tempfile::Builder::new().prefix("wl").tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        for name in ["project", "home", "store", "run"] {
            fs::create_dir(at(name)).unwrap();
        }
        let storage =
            format!("[storage]\ndriver = \"vfs\"\ngraphroot = {:?}\nrunroot = {:?}\n", at("store"), at("run"));
        fs::write(at("storage.conf"), storage).unwrap();
        let set = |name: &str, value: &Path| (name.to_owned(), value.display().to_string());
        let variables = vec![
            set("HOME", &at("home")),
            set("XDG_STATE_HOME", &at("home")),
            set("CONTAINERS_STORAGE_CONF", &at("storage.conf")),
        ];
        let name = format!("wl{:08x}", hash(directory.path()));
        // Built for tests, it is hardly optimised.
        let image = format!("{{ binary: {program:?}, limit: 60MiB }}");
        let yard = Self { name, image, program, directory, variables };
        for arguments in [
            &["init", "-q"] as &[&str],
            &["config", "user.email", "nobody@example.com"],
            &["config", "user.name", "nobody"],
        ] {
            yard.git(arguments);
        }
        Some(yard)
    }

    /// Sets a variable for everything that is run from now on.
    pub fn set(&mut self, name: &str, value: &str) {
        self.variables.push((name.to_owned(), value.to_owned()));
    }

    /// A path beside the project.
    pub fn beside(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub fn project(&self) -> PathBuf {
        self.beside("project")
    }

    pub fn state(&self) -> PathBuf {
        self.beside("home/windlass/deploy").join(&self.name)
    }

    /// Writes windlass.yaml with this section `deploy`, besides the name and what is shipped.
    pub fn configure(&self, deploy: &str) {
        let text = format!("deploy:\n  name: {}\n  image: {}\n{deploy}", self.name, self.image);
        fs::write(self.project().join("windlass.yaml"), text).unwrap();
    }

    /// From now on ships a program that is windlass, but for where this variable has a value other than "unlit": there
    /// it crashes.
    pub fn ship_what_breaks_where(&mut self, variable: &str) {
        let (source, program) = (self.beside("breaks.c"), self.beside("breaks"));
        let text = format!(
            "#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n#include <unistd.h>\n\
             int main(int count, char **arguments) {{\n    (void)count;\n    char *fuse = getenv(\"{variable}\");\n    \
             if (fuse && strcmp(fuse, \"unlit\")) {{\n        \
             fputs(\"this release crashes here\\n\", stderr);\n        return 3;\n    }}\n    \
             execv(\"bin/windlass\", arguments);\n    return 4;\n}}\n"
        );
        fs::write(&source, text).unwrap();
        let compiled = Command::new("musl-gcc").args(["-static", "-O1", "-o"]).args([&program, &source]).status();
        assert!(compiled.unwrap().success());
        fs::create_dir_all(self.project().join("bin")).unwrap();
        fs::copy(&self.program, self.project().join("bin/windlass")).unwrap();
        self.image = format!("{{ binary: {program:?}, include: [bin], limit: 60MiB }}");
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

    /// Runs it with these variables, and expects it to be refused with these words and one next step, after a line for each
    /// thing that was made: no dump of what Terraform said.
    pub fn refused_with(&self, variables: &[(&str, &str)], arguments: &[&str], words: &[&str]) {
        let output = self.command(arguments).envs(variables.iter().copied()).output().unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success(), "{told}");
        for words in words {
            assert!(told.contains(words), "`{words}` is not in: {told}");
        }
        assert_eq!(told.lines().filter(|line| line.starts_with("hint: ")).count(), 1, "{told}");
        assert!(told.lines().count() < 120 && !told.contains("panicked"), "{told}");
    }

    pub fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.done(&[arguments, &["--json"]].concat())).unwrap()
    }

    /// A program of this machine, told what the deploy is told.
    pub fn other(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    /// What podman says.
    pub fn podman(&self, arguments: &[&str]) -> String {
        let output = self.other("podman").args(arguments).output().unwrap();
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// The receipt of a phase of a version, as it lies on disk.
    pub fn receipt(&self, version: &str, phase: &str) -> PathBuf {
        self.project().join(format!(".windlass/receipts/{version}/{phase}.json"))
    }

    /// Names of this deployment's containers.
    pub fn containers(&self) -> Vec<String> {
        let label = format!("label=windlass.deploy={}", self.name);
        let names = self.podman(&["ps", "--all", "--filter", &label, "--format", "{{.Names}}"]);
        names.lines().map(str::to_owned).collect()
    }

    /// Promises of a summary that were not kept.
    pub fn broken(summary: &Value) -> Vec<String> {
        let receipts = summary["receipts"].as_array().unwrap().iter();
        let checks = receipts.flat_map(|receipt| receipt["checks"].as_array().unwrap());
        checks.filter(|check| check["outcome"] == "failed").map(ToString::to_string).collect()
    }
}

impl Drop for Yard {
    fn drop(&mut self) {
        // Whatever the test came to: nothing of it stays on the machine.
        self.podman(&["rm", "--all", "--force", "--time", "0"]);
        self.podman(&["network", "rm", "--force", &self.name]);
        self.podman(&["rmi", "--all", "--force"]);
    }
}

/// Until it says that it does something of a phase.
pub fn wait_for(child: &mut Child, beginning: &str) {
    let lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut said = Vec::new();
    for line in lines.map_while(Result::ok) {
        if line.starts_with(beginning) && !line.contains("its receipt stands") && !line.contains("done in") {
            return;
        }
        said.push(line);
    }
    panic!("it never came to {beginning}: {said:#?}");
}

/// The static program tests ship: built by `make test`.
fn static_windlass() -> Option<PathBuf> {
    let target = Path::new(WINDLASS).ancestors().nth(2)?;
    let built = target.join("x86_64-unknown-linux-musl/static/windlass");
    let named = std::env::var_os("WINDLASS_TEST_STATIC").map(PathBuf::from);
    named.or(Some(built)).filter(|path| path.exists())
}

/// Two yards at a time have two names.
fn hash(path: &Path) -> u32 {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    (path, std::process::id()).hash(&mut hasher);
    u32::try_from(hasher.finish() >> 32).unwrap()
}
