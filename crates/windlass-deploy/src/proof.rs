use serde::{Deserialize, Serialize};

/// What a promise came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Kept.
    Passed,
    /// Not kept: the phase fails.
    Failed,
    /// Could not be asked; the detail says why.
    Skipped,
}

/// One promise, asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Proof {
    /// Stable name: `starts`, `digest`.
    pub id: String,
    /// What was promised, in words, with the bound.
    pub promise: String,
    /// What it came to.
    pub outcome: Outcome,
    /// The figure, where there is one, with its unit: `0.8 s`, `14.2 MB`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measured: Option<String>,
    /// What was found; for a failure what to look at.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
}

impl Proof {
    /// A promise and whether it was kept.
    pub fn new(id: &str, promise: impl Into<String>, kept: bool) -> Self {
        let outcome = if kept { Outcome::Passed } else { Outcome::Failed };
        Self { id: id.to_owned(), promise: promise.into(), outcome, measured: None, detail: String::new() }
    }

    /// A promise nobody could ask for here.
    pub fn skipped(id: &str, promise: impl Into<String>, why: impl Into<String>) -> Self {
        Self { outcome: Outcome::Skipped, ..Self::new(id, promise, false) }.detail(why)
    }

    /// With its figure.
    #[must_use]
    pub fn measured(mut self, figure: impl Into<String>) -> Self {
        self.measured = Some(figure.into());
        self
    }

    /// With what was found.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = detail.into();
        self
    }
}

/// Those that were not kept.
pub fn failed(proofs: &[Proof]) -> Vec<&Proof> {
    proofs.iter().filter(|proof| proof.outcome == Outcome::Failed).collect()
}
