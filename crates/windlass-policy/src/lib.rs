//! Who may call what, decided by Cedar. Policies are written in a short form or in Cedar itself, are checked strictly
//! against [`SCHEMA`] before they count, and deny whatever they do not grant.
//!
//! A compiled [`Policy`] never changes, so it remembers what it decided: the same caller asking for the same tool again
//! costs a hash and a comparison.

#![forbid(unsafe_code)]

mod cache;
mod compile;
mod entities;
mod error;
mod explain;
mod facts;
mod grant;
mod verdict;

use std::{path::Path, sync::Arc};

use cedar_policy::{Authorizer, PolicySet};
use windlass_config::settings::PolicySettings;
use windlass_core::Principal;

use crate::{
    cache::Verdicts,
    facts::{Action, Asked},
};

pub use error::{PolicyError, PolicyErrors};
pub use facts::ToolFacts;
pub use verdict::Verdict;

/// The Cedar schema every policy is validated against.
pub const SCHEMA: &str = include_str!("policy.cedarschema");

/// The policies of one configuration, ready to decide. Immutable: a changed configuration is a new `Policy`.
pub struct Policy {
    policies: PolicySet,
    authorizer: Authorizer,
    verdicts: Verdicts,
    cedar: String,
    warnings: Vec<String>,
}

impl Policy {
    /// Reads and checks every policy. `base` is where relative `cedar_files` start. Without settings everyone who is
    /// authenticated may use everything, by the one policy `default`; with settings only what they grant.
    pub fn compile(settings: Option<&PolicySettings>, base: &Path) -> Result<Self, PolicyErrors> {
        let compiled = compile::compile(settings, base)?;
        Ok(Self {
            policies: compiled.policies,
            authorizer: Authorizer::new(),
            verdicts: Verdicts::default(),
            cedar: compiled.cedar,
            warnings: compiled.warnings,
        })
    }

    /// Whether `principal` may call `tool`, and so whether it is listed for them.
    pub fn decide(&self, principal: &Principal, tool: &ToolFacts, transport: &str) -> Arc<Verdict> {
        self.verdict(&Asked { principal, action: Action::Call(tool), transport })
    }

    /// Whether `principal` may list and read the resources and prompts of `toolset`.
    pub fn decide_read(&self, principal: &Principal, toolset: &str, transport: &str) -> Arc<Verdict> {
        self.verdict(&Asked { principal, action: Action::Read(toolset), transport })
    }

    /// [`Policy::decide`] in words, with the facts and the text of the policies that decided. For operators: it shows
    /// policies, so it is no answer for a model.
    pub fn explain(&self, principal: &Principal, tool: &ToolFacts, transport: &str) -> String {
        let asked = Asked { principal, action: Action::Call(tool), transport };
        explain::explain(&asked, &self.verdict(&asked), &self.policies)
    }

    /// Every policy in force as Cedar, the short form included, each under a comment with its id.
    pub fn cedar(&self) -> &str {
        &self.cedar
    }

    /// What is legal and probably not meant: policies that can never apply, text that looks like other text.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    fn verdict(&self, asked: &Asked<'_>) -> Arc<Verdict> {
        self.verdicts.get_or_decide(asked, || verdict::decide(asked, &self.authorizer, &self.policies))
    }
}

impl std::fmt::Debug for Policy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Policy").field("policies", &self.policies.num_of_policies()).finish_non_exhaustive()
    }
}
