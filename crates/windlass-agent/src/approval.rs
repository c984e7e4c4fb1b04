//! Calls that wait for a person's word.
//!
//! An approval is for one call and no other: it names the tool, a digest of the arguments, whose run it is and until when
//! it may be given. It is used up by the first decision, whatever that is.

mod policy;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

pub use policy::{Asking, Policy, matches};

/// A call that waits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Approval {
    /// Unique; a decision names it.
    pub id: String,
    /// The tool use it is for.
    pub call: String,
    /// The tool.
    pub tool: String,
    /// What it would be called with, for the person who decides.
    pub arguments: Map<String, Value>,
    /// Of tool and arguments. A decision has to repeat it: so nobody approves what they were not shown.
    pub digest: String,
    /// Whose run it is.
    pub principal: String,
    /// Milliseconds since 1970. No word by then is a no.
    pub expires: u64,
}

/// A person's word.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "decision", rename_all = "snake_case")]
pub enum Decision {
    /// The call may be made, once.
    Allow,
    /// It may not.
    Refuse {
        /// Why, for the model; may be empty.
        reason: String,
    },
}

/// A decision, with what it is bound to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// [`Approval::id`].
    pub approval: String,
    /// [`Approval::digest`].
    pub digest: String,
    /// [`Approval::principal`].
    pub principal: String,
    /// What was decided.
    #[serde(flatten)]
    pub decision: Decision,
}

impl Approval {
    /// The decision on this very call.
    pub fn verdict(&self, decision: Decision) -> Verdict {
        Verdict { approval: self.id.clone(), digest: self.digest.clone(), principal: self.principal.clone(), decision }
    }

    /// Whether `verdict`, given at `at`, is about this call.
    pub fn accepts(&self, verdict: &Verdict, at: u64) -> bool {
        at < self.expires
            && self.id == verdict.approval
            && self.digest == verdict.digest
            && self.principal == verdict.principal
    }
}

/// The digest of a call: SHA-256 over the tool and its arguments in a form that does not depend on the order of keys.
pub fn digest(tool: &str, arguments: &Map<String, Value>) -> String {
    let mut text = Value::from(tool).to_string();
    canonical(&Value::Object(arguments.clone()), &mut text);
    hex::encode(Sha256::digest(text))
}

/// JSON without spaces and with sorted keys: the same data are the same text.
fn canonical(value: &Value, out: &mut String) {
    match value {
        Value::Array(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                out.push_str(if at == 0 { "" } else { "," });
                canonical(item, out);
            }
            out.push(']');
        }
        Value::Object(fields) => {
            let mut sorted: Vec<_> = fields.iter().collect();
            sorted.sort_by_key(|(key, _)| *key);
            out.push('{');
            for (at, (key, field)) in sorted.into_iter().enumerate() {
                out.push_str(if at == 0 { "" } else { "," });
                out.push_str(&Value::from(key.as_str()).to_string());
                out.push(':');
                canonical(field, out);
            }
            out.push('}');
        }
        plain => out.push_str(&plain.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(tool: &str, arguments: Value) -> String {
        let Value::Object(arguments) = arguments else { panic!("not an object") };
        digest(tool, &arguments)
    }

    #[test]
    fn the_digest_is_of_the_data() {
        let one = of("drop", json!({ "a": 1, "b": { "x": [1, 2], "y": "\"" } }));
        assert_eq!(one, of("drop", json!({ "b": { "y": "\"", "x": [1, 2] }, "a": 1 })));
        for other in [
            of("dropp", json!({ "a": 1, "b": { "x": [1, 2], "y": "\"" } })),
            of("drop", json!({ "a": 1, "b": { "x": [2, 1], "y": "\"" } })),
            of("drop", json!({ "a": "1", "b": { "x": [1, 2], "y": "\"" } })),
            of("drop", json!({})),
        ] {
            assert_ne!(one, other);
        }
    }

    #[test]
    fn a_verdict_is_for_one_call() {
        let approval = Approval {
            id: "run-1".into(),
            call: "use-1".into(),
            tool: "drop".into(),
            arguments: Map::new(),
            digest: digest("drop", &Map::new()),
            principal: "local".into(),
            expires: 100,
        };
        let verdict = approval.verdict(Decision::Allow);
        assert!(approval.accepts(&verdict, 99));
        assert!(!approval.accepts(&verdict, 100), "too late");
        for other in [
            Verdict { approval: "run-2".into(), ..verdict.clone() },
            Verdict { digest: digest("drop", &json!({ "a": 1 }).as_object().unwrap().clone()), ..verdict.clone() },
            Verdict { principal: "key:ci".into(), ..verdict.clone() },
        ] {
            assert!(!approval.accepts(&other, 0), "{other:?}");
        }
    }
}
