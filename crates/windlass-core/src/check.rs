/// One named readiness check.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Check {
    /// What was checked, e.g. `shell.landlock`.
    pub name: String,
    /// The verdict.
    pub health: Health,
    /// What was found, and where it is not well, what to do.
    pub detail: String,
}

/// A readiness verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// Works.
    Ok,
    /// Works, with less than there could be (a missing kernel feature, say). Does not fail readiness.
    Degraded,
    /// Does not work: `/ready` answers 503.
    Failed,
}

impl Check {
    /// A check that passed.
    pub fn ok(name: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { name: name.into(), health: Health::Ok, detail: detail.into() }
    }

    /// A check that passed with a reservation.
    pub fn degraded(name: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { name: name.into(), health: Health::Degraded, detail: detail.into() }
    }

    /// A check that failed.
    pub fn failed(name: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { name: name.into(), health: Health::Failed, detail: detail.into() }
    }
}
