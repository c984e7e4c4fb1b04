/// Something that was promised, and what is the case.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Fact {
    /// A stable name: `container.starts`.
    pub id: &'static str,
    /// What is promised.
    pub promise: String,
    /// Whether it is so.
    pub outcome: Outcome,
    /// What was measured, where something was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub measured: Option<Measured>,
    /// What was found; empty where the promise says it all.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub detail: String,
}

/// Whether a promise is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It is.
    Passed,
    /// It is not.
    Failed,
    /// It could not be tried; the detail says why.
    Skipped,
}

/// A figure.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Measured {
    /// How many.
    pub value: f64,
    /// Of what.
    pub unit: &'static str,
}

impl Fact {
    /// A promise nobody has looked at.
    pub(super) fn new(id: &'static str, promise: impl Into<String>) -> Self {
        let detail = "nobody looked".to_owned();
        Self { id, promise: promise.into(), outcome: Outcome::Skipped, measured: None, detail }
    }

    pub(super) fn passed(self, detail: impl Into<String>) -> Self {
        Self { outcome: Outcome::Passed, detail: detail.into(), ..self }
    }

    pub(super) fn failed(self, detail: impl Into<String>) -> Self {
        Self { outcome: Outcome::Failed, detail: detail.into(), ..self }
    }

    pub(super) fn skipped(self, detail: impl Into<String>) -> Self {
        Self { outcome: Outcome::Skipped, detail: detail.into(), ..self }
    }

    /// Passed where `kept`; the detail says what was found in either case.
    pub(super) fn when(self, kept: bool, detail: impl Into<String>) -> Self {
        if kept { self.passed(detail) } else { self.failed(detail) }
    }

    pub(super) fn measured(self, value: f64, unit: &'static str) -> Self {
        Self { measured: Some(Measured { value, unit }), ..self }
    }
}
