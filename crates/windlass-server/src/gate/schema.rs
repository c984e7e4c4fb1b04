//! JSON Schema, compiled once per tool; rmcp itself never looks at it.

use serde_json::Value;
use windlass_core::mcp::JsonObject;

/// A compiled schema.
pub(crate) struct Schema {
    validator: jsonschema::Validator,
    /// Properties that need not be given and have a type, which is not that of `null`.
    optional: Vec<String>,
}

/// Problems listed in one answer: enough to mend a call in one go, few enough to read.
const SHOWN: usize = 5;

impl Schema {
    pub fn compile(schema: &JsonObject) -> Result<Self, String> {
        // No resolver is built in (the crate's features are off), so a `$ref` to a file or URL fails here, at load.
        let validator = jsonschema::validator_for(&Value::Object(schema.clone())).map_err(|error| error.to_string())?;
        Ok(Self { validator, optional: optional(schema) })
    }

    /// Takes out what is `null` and need not be given: many models say `null` for what they leave out, and a `null` beside a
    /// type in the schema would keep some clients from the whole catalogue.
    pub fn drop_nulls(&self, arguments: &mut JsonObject) {
        for name in &self.optional {
            if arguments.get(name).is_some_and(Value::is_null) {
                arguments.remove(name);
            }
        }
    }

    /// What is wrong with `value`, in the model's terms; `None` where nothing is.
    pub fn problems(&self, value: &Value) -> Option<String> {
        if self.validator.is_valid(value) {
            return None;
        }
        let mut lines: Vec<String> = self
            .validator
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

fn optional(schema: &JsonObject) -> Vec<String> {
    let required = schema.get("required").and_then(Value::as_array);
    let is_required = |name: &str| required.is_some_and(|all| all.iter().any(|one| one == name));
    let takes_null = |property: &Value| match property.get("type") {
        Some(Value::String(kind)) => kind == "null",
        Some(Value::Array(kinds)) => kinds.iter().any(|kind| kind == "null"),
        // What has no type says in another way what it takes, or takes anything.
        _ => true,
    };
    let properties = schema.get("properties").and_then(Value::as_object).into_iter().flatten();
    let optional = properties.filter(|(name, property)| !is_required(name) && !takes_null(property));
    optional.map(|(name, _)| name.clone()).collect()
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
    fn a_null_for_what_need_not_be_given_is_nothing_given() {
        let schema = schema(json!({
            "type": "object",
            "properties": {
                "limit": { "type": "integer" },
                "path": { "type": "string" },
                "any": {},
                "both": { "type": ["string", "null"] },
            },
            "required": ["path"],
        }));
        let mut arguments = json!({ "limit": null, "path": null, "any": null, "both": null, "more": null });
        schema.drop_nulls(arguments.as_object_mut().unwrap());
        assert_eq!(arguments, json!({ "path": null, "any": null, "both": null, "more": null }));
        assert_eq!(schema.problems(&arguments).unwrap(), "at /path: null is not of type \"string\"");
    }

    #[test]
    fn references_outside_the_schema_are_refused_at_load() {
        for target in ["file:///etc/passwd", "http://169.254.169.254/x"] {
            let schema = json!({ "type": "object", "properties": { "a": { "$ref": target } } });
            assert!(Schema::compile(schema.as_object().unwrap()).is_err(), "{target}");
        }
    }
}
