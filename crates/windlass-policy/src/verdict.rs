use std::sync::Arc;

use cedar_policy::{AuthorizationError, Authorizer, Decision, PolicyId, PolicySet};

use crate::{entities, facts::Asked};

/// What the policies said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Whether it may be done.
    pub allowed: bool,
    /// Ids of the policies that decided, or `nothing matched`. For the audit line.
    pub by: Arc<str>,
    /// Policies that could not be evaluated. Any one of them denies.
    pub errors: Vec<String>,
    pub(crate) policies: Vec<PolicyId>,
}

impl Verdict {
    /// A denial that no policy asked for.
    fn unasked(by: &str, error: String) -> Self {
        Self { allowed: false, by: by.into(), errors: vec![error], policies: Vec::new() }
    }
}

pub(crate) fn decide(asked: &Asked<'_>, authorizer: &Authorizer, policies: &PolicySet) -> Verdict {
    let (request, entities) = match entities::request(asked) {
        Ok(built) => built,
        Err(error) => return Verdict::unasked("the request could not be put to the policies", error),
    };
    let response = authorizer.is_authorized(&request, policies, &entities);
    let errors: Vec<&AuthorizationError> = response.diagnostics().errors().collect();
    // Cedar skips a policy it cannot evaluate. A skipped `forbid` would be an open door, so here it shuts all.
    let (allowed, mut policies): (bool, Vec<PolicyId>) = match errors.is_empty() {
        true => (response.decision() == Decision::Allow, response.diagnostics().reason().cloned().collect()),
        false => (false, errors.iter().map(|error| failed(error)).collect()),
    };
    // Cedar answers in no particular order; an audit log wants the same words for the same decision.
    policies.sort_unstable();
    let by = match policies.is_empty() {
        true => "nothing matched".to_owned(),
        false => policies.iter().map(AsRef::as_ref).collect::<Vec<&str>>().join(", "),
    };
    Verdict { allowed, by: by.into(), errors: errors.iter().map(ToString::to_string).collect(), policies }
}

fn failed(AuthorizationError::PolicyEvaluationError(error): &AuthorizationError) -> PolicyId {
    error.policy_id().clone()
}
