//! What a run would change.

use std::path::PathBuf;

use serde::Deserialize;
use serde_json::{Map, Value};

/// A plan that was computed and can be applied as it is.
#[derive(Debug, Clone)]
pub struct Plan {
    /// How many resources are concerned.
    pub summary: Summary,
    /// Each of them.
    pub changes: Vec<ResourceChange>,
    /// What somebody changed since the last run, outside of Terraform.
    pub drift: Vec<ResourceChange>,
    pub(crate) file: PathBuf,
}

impl Plan {
    /// Whether everything is as the stack says.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }
}

/// Numbers of resources. One that is replaced counts as added and destroyed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    /// To be created.
    pub add: usize,
    /// To be changed in place.
    pub change: usize,
    /// To be destroyed.
    pub destroy: usize,
}

/// What is done to a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Action {
    /// Created.
    Create,
    /// Changed in place.
    Update,
    /// Destroyed.
    Delete,
    /// Destroyed and created, in either order.
    Replace,
    /// Read, which changes nothing.
    Read,
    /// Anything else, such as being moved or forgotten.
    Other,
}

impl Action {
    pub(crate) fn parse(name: &str) -> Self {
        match name {
            "create" => Self::Create,
            "update" => Self::Update,
            "delete" => Self::Delete,
            "replace" => Self::Replace,
            "read" => Self::Read,
            _ => Self::Other,
        }
    }

    /// From the list in a plan; nothing where nothing is done.
    fn of(actions: &[String]) -> Option<Self> {
        match actions {
            [one] if one == "no-op" => None,
            [one] => Some(Self::parse(one)),
            [..] if actions.iter().any(|action| action == "create") => Some(Self::Replace),
            [..] => Some(Self::Other),
        }
    }
}

/// One resource of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceChange {
    /// Such as `module.network.aws_vpc.this`.
    pub address: String,
    /// What is done to it.
    pub action: Action,
    /// Where it differs, such as `tags.Name` or `ingress[0].cidr_blocks`, for resources that exist. Never the values:
    /// they may be secret.
    pub attributes: Vec<String>,
}

#[derive(Deserialize)]
struct Wire {
    #[serde(default)]
    resource_changes: Vec<WireChange>,
    #[serde(default)]
    resource_drift: Vec<WireChange>,
}

#[derive(Deserialize)]
struct WireChange {
    address: String,
    change: Delta,
}

#[derive(Deserialize)]
struct Delta {
    actions: Vec<String>,
    #[serde(default)]
    before: Value,
    #[serde(default)]
    after: Value,
    #[serde(default)]
    after_unknown: Value,
}

/// Reads what `show -json` says of a plan file.
pub(crate) fn parse(document: &[u8], file: PathBuf) -> serde_json::Result<Plan> {
    let wire: Wire = serde_json::from_slice(document)?;
    let changes = read(wire.resource_changes);
    let count = |wanted: &[Action]| changes.iter().filter(|change| wanted.contains(&change.action)).count();
    let summary = Summary {
        add: count(&[Action::Create, Action::Replace]),
        change: count(&[Action::Update]),
        destroy: count(&[Action::Delete, Action::Replace]),
    };
    Ok(Plan { summary, changes, drift: read(wire.resource_drift), file })
}

/// Without those that stay, and without data that is only read.
fn read(changes: Vec<WireChange>) -> Vec<ResourceChange> {
    let read = |WireChange { address, change }| {
        let action = Action::of(&change.actions).filter(|action| *action != Action::Read)?;
        let mut attributes = Vec::new();
        if matches!(action, Action::Update | Action::Replace) {
            differences("", &change.before, &change.after, &change.after_unknown, &mut attributes);
        }
        Some(ResourceChange { address, action, attributes })
    };
    changes.into_iter().filter_map(read).collect()
}

/// The paths at which two values differ, or will, once what is unknown is known.
fn differences(path: &str, before: &Value, after: &Value, unknown: &Value, into: &mut Vec<String>) {
    if unknown == &Value::Bool(true) {
        return into.push(path.to_owned());
    }
    match (before, after) {
        (Value::Object(old), Value::Object(new)) => {
            for key in keys(old, new, unknown) {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                differences(&path, part(old.get(key)), part(new.get(key)), part(unknown.get(key)), into);
            }
        }
        (Value::Array(old), Value::Array(new)) if old.len() == new.len() => {
            for (index, (old, new)) in old.iter().zip(new).enumerate() {
                differences(&format!("{path}[{index}]"), old, new, part(unknown.get(index)), into);
            }
        }
        _ if before != after => into.push(path.to_owned()),
        _ => {}
    }
}

/// Those of both, in order, and those that are only known to be unknown.
fn keys<'a>(old: &'a Map<String, Value>, new: &'a Map<String, Value>, unknown: &'a Value) -> Vec<&'a String> {
    let unknown = unknown.as_object().into_iter().flat_map(Map::keys);
    let mut keys: Vec<_> = old.keys().chain(new.keys()).chain(unknown).collect();
    keys.sort();
    keys.dedup();
    keys
}

fn part(value: Option<&Value>) -> &Value {
    value.unwrap_or(&Value::Null)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn plan(changes: Value) -> Plan {
        parse(json!({ "resource_changes": changes }).to_string().as_bytes(), PathBuf::new()).unwrap()
    }

    #[test]
    fn differences_are_named_to_the_leaf_and_never_shown() {
        let plan = plan(json!([{
            "address": "aws_vpc.this",
            "change": {
                "actions": ["update"],
                "before": { "id": "v", "tags": { "Name": "a", "Same": "x" }, "rules": [{ "ports": [1, 2], "on": true }], "arn": "q" },
                "after": { "id": "v", "tags": { "Name": "s3cret", "Same": "x" }, "rules": [{ "ports": [1], "on": true }] },
                "after_unknown": { "arn": true, "rules": [{}] },
            }
        }]));
        assert_eq!(plan.changes[0].attributes, ["arn", "rules[0].ports", "tags.Name"]);
        assert_eq!(plan.summary, Summary { add: 0, change: 1, destroy: 0 });
        assert!(!format!("{plan:?}").contains("s3cret"));
    }

    #[test]
    fn a_replacement_is_one_of_each_and_what_is_only_read_is_no_change() {
        let change = |address, actions: Value| json!({ "address": address, "change": { "actions": actions } });
        let plan = plan(json!([
            change("a", json!(["create", "delete"])),
            change("b", json!(["no-op"])),
            change("data.c", json!(["read"])),
            change("d", json!(["delete"])),
        ]));
        assert_eq!(plan.summary, Summary { add: 1, change: 0, destroy: 2 });
        assert_eq!(
            plan.changes.iter().map(|change| change.action).collect::<Vec<_>>(),
            [Action::Replace, Action::Delete]
        );
    }

    #[test]
    fn null_and_missing_are_the_same() {
        let change = json!({ "actions": ["update"], "before": { "a": null, "b": 1 }, "after": { "b": 2 } });
        assert_eq!(plan(json!([{ "address": "x", "change": change }])).changes[0].attributes, ["b"]);
    }
}
