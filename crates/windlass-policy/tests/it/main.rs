//! The policies as the gate and as people meet them.

mod cedar;
mod decide;
mod docs;
mod explain;
mod injection;
mod properties;

use std::{collections::BTreeSet, path::Path};

use windlass_config::settings::PolicySettings;
use windlass_core::{Principal, PrincipalSource};
use windlass_policy::{Policy, PolicyErrors, ToolFacts};

fn settings(yaml: &str) -> PolicySettings {
    serde_saphyr::from_str(yaml).unwrap_or_else(|error| panic!("{error}\n{yaml}"))
}

fn compile(yaml: &str) -> Result<Policy, PolicyErrors> {
    Policy::compile(Some(&settings(yaml)), Path::new("."))
}

fn policy(yaml: &str) -> Policy {
    compile(yaml).unwrap_or_else(|errors| panic!("{errors}"))
}

/// `key:ci`, or `key:ci +group @scope`.
fn who(text: &str) -> Principal {
    let mut words = text.split(' ');
    let id = words.next().unwrap_or_default();
    let starting = |mark: char| -> BTreeSet<String> {
        text.split(' ').skip(1).filter_map(|word| word.strip_prefix(mark)).map(str::to_owned).collect()
    };
    let source = match id.split(':').next() {
        Some("key") => PrincipalSource::Key,
        Some("jwt") => PrincipalSource::Jwt,
        _ => PrincipalSource::Local,
    };
    Principal { id: id.into(), source, groups: starting('+'), scopes: starting('@') }
}

/// `shell/run_command`, with ` r` for one that only reads.
fn tool(text: &str) -> ToolFacts {
    let (path, flags) = text.split_once(' ').unwrap_or((text, ""));
    let (toolset, name) = path.split_once('/').expect("toolset/name");
    let read_only = flags.contains('r');
    ToolFacts { name: name.into(), toolset: toolset.into(), read_only, destructive: !read_only, open_world: false }
}

fn allowed(policy: &Policy, principal: &str, called: &str) -> bool {
    policy.decide(&who(principal), &tool(called), "http").allowed
}
