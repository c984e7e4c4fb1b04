//! JSON Schema, compiled once per tool; rmcp itself never looks at it.

use serde_json::Value;
use windlass_core::mcp::JsonObject;

/// A compiled schema.
pub(crate) struct Schema(jsonschema::Validator);

/// Problems listed in one answer: enough to mend a call in one go, few enough to read.
const SHOWN: usize = 5;

impl Schema {
    pub fn compile(schema: &JsonObject) -> Result<Self, String> {
        // No resolver is built in (the crate's features are off), so a `$ref` to a file or URL fails here, at load.
        jsonschema::validator_for(&Value::Object(schema.clone())).map(Self).map_err(|error| error.to_string())
    }

    /// What is wrong with `value`, in the model's terms; `None` where nothing is.
    pub fn problems(&self, value: &Value) -> Option<String> {
        if self.0.is_valid(value) {
            return None;
        }
        let mut lines: Vec<String> = self
            .0
            .iter_errors(value)
            .take(SHOWN + 1)
            .map(|error| {
                let path = error.instance_path().to_string();
                if path.is_empty() { error.to_string() } else { format!("at {path}: {error}") }
            })
            .collect();
        if lines.len() > SHOWN {
            lines.truncate(SHOWN);
            lines.push("and more".into());
        }
        Some(lines.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn schema(value: Value) -> Schema {
        Schema::compile(value.as_object().unwrap()).unwrap()
    }

    #[test]
    fn problems_name_the_place_and_the_cause() {
        let schema = schema(json!({
            "type": "object",
            "properties": { "n": { "type": "integer", "minimum": 1 }, "path": {} },
            "required": ["path"],
            "additionalProperties": false,
        }));
        assert_eq!(schema.problems(&json!({ "path": "x", "n": 1 })), None);
        insta::assert_snapshot!(
            schema.problems(&json!({ "n": 0, "extra": true })).unwrap(),
            @r#"at /n: 0 is less than the minimum of 1; Additional properties are not allowed ('extra' was unexpected); "path" is a required property"#
        );
    }

    #[test]
    fn references_outside_the_schema_are_refused_at_load() {
        for target in ["file:///etc/passwd", "http://169.254.169.254/x"] {
            let schema = json!({ "type": "object", "properties": { "a": { "$ref": target } } });
            assert!(Schema::compile(schema.as_object().unwrap()).is_err(), "{target}");
        }
    }
}
