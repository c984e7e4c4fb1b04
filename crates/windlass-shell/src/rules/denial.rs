use windlass_core::ToolError;

/// Why something may not run, for the one who asked.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Denial {
    /// What was refused, and by which rule.
    pub reason: String,
    /// What the caller could do instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// The bytes of the line it is about, first and one past the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub span: Option<(usize, usize)>,
    /// The rule that came closest, as it stands in the configuration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
}

impl Denial {
    /// A refusal with only a reason.
    pub fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), hint: None, span: None, rule: None }
    }

    /// Adds what the caller could do instead.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Says where in the line, unless something closer has said so already.
    #[must_use]
    pub fn at(mut self, span: (usize, usize)) -> Self {
        self.span.get_or_insert(span);
        self
    }

    /// Names the rule that was being tried.
    #[must_use]
    pub fn rule(mut self, rule: &str) -> Self {
        self.rule.get_or_insert_with(|| rule.to_owned());
        self
    }
}

impl From<Denial> for ToolError {
    fn from(denial: Denial) -> Self {
        let data = serde_json::to_value(&denial).ok();
        Self { hint: denial.hint, data, ..Self::denied(denial.reason) }
    }
}
