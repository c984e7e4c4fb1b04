//! What may run: the compiled form of the `shell:` section.

mod denial;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use windlass_config::settings::ShellSettings;

use crate::plan::Plan;

pub use denial::Denial;

/// Compiled rules: immutable, shared in an `Arc`.
#[derive(Debug)]
pub struct Rules {
    roots: Vec<PathBuf>,
    write_roots: Vec<PathBuf>,
}

/// Rules that cannot be used, each with its name and a hint.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{}", problems.join("\n"))]
pub struct RulesError {
    /// One line per problem.
    pub problems: Vec<String>,
}

/// A rule in words, for `list_commands`.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct RuleSummary {
    /// The rule as it stands in the configuration.
    pub rule: String,
    /// Program name.
    pub program: String,
    /// Where it was found.
    pub path: PathBuf,
    /// What arguments it takes, in words.
    pub arguments: Vec<String>,
    /// What a line with it may use beside plain words.
    pub grants: Vec<String>,
}

impl Rules {
    /// Compiles settings. Relative paths count from `base`.
    pub fn compile(settings: &ShellSettings, base: &Path) -> Result<Rules, RulesError> {
        let _ = (settings, base);
        Err(RulesError { problems: vec!["not yet".into()] })
    }

    /// Turns a command line into what would run.
    pub fn plan_line(&self, line: &str, cwd: &Path) -> Result<Plan, Denial> {
        let _ = cwd;
        Err(Denial::new(line))
    }

    /// The same for arguments given one by one.
    pub fn plan_argv(&self, argv: &[String], cwd: &Path) -> Result<Plan, Denial> {
        let _ = (argv, cwd);
        Err(Denial::new(""))
    }

    /// A working directory inside the roots, absolute, symbolic links resolved.
    pub fn check_directory(&self, dir: Option<&str>) -> Result<PathBuf, Denial> {
        let _ = dir;
        Err(Denial::new(""))
    }

    /// Whether a caller may set these variables.
    pub fn check_environment(&self, env: &BTreeMap<String, String>) -> Result<(), Denial> {
        let _ = env;
        Ok(())
    }

    /// The rules in words.
    pub fn list(&self) -> Vec<RuleSummary> {
        Vec::new()
    }

    /// Roots for reading and for writing.
    pub fn roots(&self) -> (&[PathBuf], &[PathBuf]) {
        (&self.roots, &self.write_roots)
    }
}
