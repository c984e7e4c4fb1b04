//! What people see of the configuration, through the public interface.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod agent;
mod anything;
mod documents;
mod errors;
mod knowledge;
mod layers;
mod rules;
mod seeds;
mod show;
mod watch;

use std::fs;

use tempfile::TempDir;
use windlass_config::{ConfigErrors, Loaded, Sources, Variables, load};

/// A directory with a windlass.yaml, and an environment.
struct Bench {
    folder: TempDir,
    variables: Vec<(String, String)>,
}

impl Bench {
    fn new(yaml: &str) -> Self {
        let bench = Self::bare();
        fs::write(bench.folder.path().join("windlass.yaml"), yaml).unwrap();
        bench
    }

    /// Without a file.
    fn bare() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), variables: Vec::new() }
    }

    fn set(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.into(), value.into()));
        self
    }

    fn sources(&self) -> Sources {
        Sources::new(self.folder.path(), Variables::from_iter(self.variables.clone()))
    }

    fn load(&self) -> Result<Loaded, ConfigErrors> {
        load(&self.sources())
    }

    /// The errors as printed, with the directory left out.
    fn errors(&self) -> String {
        match self.load() {
            Ok(_) => panic!("this was to be refused"),
            Err(errors) => self.plain(&errors.to_string()),
        }
    }

    fn notices(&self) -> String {
        let loaded = self.load().unwrap_or_else(|errors| panic!("{errors}"));
        let lines: Vec<String> = loaded.notices.iter().map(ToString::to_string).collect();
        self.plain(&lines.join("\n"))
    }

    fn plain(&self, text: &str) -> String {
        text.replace(&format!("{}/", self.folder.path().display()), "")
    }
}
