//! `terraform test`: a stack's own tests, against a provider that is played.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::Workspace;
use crate::{Diagnostic, Error, error::diagnostic::Wire};

/// What a stack's tests said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tested {
    /// How many runs passed.
    pub passed: usize,
    /// How many were skipped, as those after an error are.
    pub skipped: usize,
    /// Those that did not pass, as `FILE: RUN`, and why.
    pub failed: Vec<(String, String)>,
}

#[derive(Deserialize)]
struct Line {
    #[serde(rename = "type")]
    kind: String,
    #[serde(rename = "@testfile", default)]
    file: String,
    #[serde(rename = "@testrun", default)]
    name: String,
    test_run: Option<TestRun>,
    diagnostic: Option<Wire>,
}

#[derive(Deserialize)]
struct TestRun {
    #[serde(default)]
    progress: String,
    #[serde(default)]
    status: String,
}

/// Gathers verdicts and reasons.
#[derive(Default)]
struct Results {
    tested: Tested,
    reasons: BTreeMap<String, String>,
    failed: Vec<String>,
    errors: Vec<Diagnostic>,
}

impl Results {
    fn read(&mut self, line: &str) {
        let Ok(line) = serde_json::from_str::<Line>(line) else { return };
        let name = format!("{}: {}", line.file, line.name);
        match (line.kind.as_str(), line.test_run, line.diagnostic) {
            // Each run is reported several times; only the last has its verdict. Older releases have no progress.
            ("test_run", Some(run), _) if ["", "complete"].contains(&run.progress.as_str()) => {
                match run.status.as_str() {
                    "pass" => self.tested.passed += 1,
                    "skip" => self.tested.skipped += 1,
                    _ => self.failed.push(name),
                }
            }
            ("diagnostic", _, Some(diagnostic)) if diagnostic.severity == "error" => {
                let diagnostic = Diagnostic::from(diagnostic);
                let place =
                    diagnostic.place.as_ref().map(|(file, line)| format!(" ({file}:{line})")).unwrap_or_default();
                let reasons = self.reasons.entry(name).or_default();
                *reasons += &format!("{}{place}\n", diagnostic.text());
                self.errors.push(diagnostic);
            }
            _ => {}
        }
    }
}

impl Workspace {
    /// Runs the stack's tests. That some fail is an answer; an error is that they could not be run.
    pub async fn test(&self) -> Result<Tested, Error> {
        // Before 1.7 a provider cannot be played, and tests would need an account.
        self.tool.needs(1, 7)?;
        let mut results = Results::default();
        let ended = self.run("test", ["test", "-json"].map(Into::into).into(), &mut |line| results.read(line)).await?;
        if !ended.status.success() && results.failed.is_empty() || ended.interrupted.is_some() {
            return Err(self.failed(&ended, results.errors));
        }
        let mut reasons = results.reasons;
        let why = |name: String| {
            let reason = reasons.remove(&name).unwrap_or_default();
            (name, reason.trim_end().to_owned())
        };
        results.tested.failed = results.failed.into_iter().map(why).collect();
        Ok(results.tested)
    }
}
