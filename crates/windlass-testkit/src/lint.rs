use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Map, Value};
use windlass_core::mcp::{JsonObject, Tool};

/// What every model interface takes in a tool's name: letters, digits, `_` and `-`, a letter first, at most 64.
static NAME: LazyLock<Regex> = LazyLock::new(|| Regex::new("^[A-Za-z][A-Za-z0-9_-]{0,63}$").expect("a valid pattern"));

/// Keywords that Bedrock, Claude, OpenAI and Gemini all take.
const KEYWORDS: [&str; 19] = [
    "additionalProperties",
    "anyOf",
    "default",
    "description",
    "enum",
    "format",
    "items",
    "maxItems",
    "maxLength",
    "maximum",
    "minItems",
    "minLength",
    "minimum",
    "pattern",
    "properties",
    "required",
    "title",
    "type",
    "nullable",
];

const COMBINATORS: [&str; 6] = ["allOf", "anyOf", "oneOf", "not", "if", "enum"];

const DESCRIPTION_LIMIT: usize = 1024;

const DEPTH_LIMIT: usize = 5;

/// What some model's interface would not take in `tool`, or a person reviewing it would miss. Empty is good.
///
/// One tool that one interface refuses ends the whole session there, so the rules are what all of them share, not what
/// the protocol allows.
pub fn schema_lint(tool: &Tool) -> Vec<String> {
    let mut found = Found { tool: tool.name.to_string(), complaints: Vec::new() };
    if !NAME.is_match(&tool.name) {
        found.add("name", "needs a letter first, then letters, digits, `_` and `-`, 64 in all");
    }
    match tool.description.as_deref().map(str::trim) {
        None | Some("") => found.add("description", "is missing"),
        Some(text) if text.chars().count() > DESCRIPTION_LIMIT => {
            found.add("description", format!("is longer than {DESCRIPTION_LIMIT} characters"));
        }
        Some(_) => {}
    }
    annotations(tool, &mut found);
    root(&tool.input_schema, "input", &mut found);
    node(&tool.input_schema, "input", 1, &mut found);
    if let Some(output) = &tool.output_schema {
        // No model sees it, but clients of 2025 revisions accept objects only.
        root(output, "output", &mut found);
    }
    found.complaints
}

struct Found {
    tool: String,
    complaints: Vec<String>,
}

impl Found {
    fn add(&mut self, place: &str, complaint: impl AsRef<str>) {
        self.complaints.push(format!("{}: {place} {}", self.tool, complaint.as_ref()));
    }
}

/// What is left out counts as destructive and open to the world.
fn annotations(tool: &Tool, found: &mut Found) {
    let Some(hints) = &tool.annotations else { return found.add("annotations", "are missing") };
    for (name, hint) in [
        ("readOnlyHint", hints.read_only_hint),
        ("destructiveHint", hints.destructive_hint),
        ("idempotentHint", hints.idempotent_hint),
        ("openWorldHint", hints.open_world_hint),
    ] {
        if hint.is_none() {
            found.add("annotations", format!("do not say {name}"));
        }
    }
    if hints.read_only_hint == Some(true) && hints.destructive_hint == Some(true) {
        found.add("annotations", "say that it only reads and that it destroys");
    }
}

fn root(schema: &JsonObject, place: &str, found: &mut Found) {
    if schema.get("type").and_then(Value::as_str) != Some("object") {
        found.add(place, "is not of type object");
    }
    for combinator in COMBINATORS.iter().filter(|combinator| schema.contains_key(**combinator)) {
        found.add(place, format!("has `{combinator}` at the top"));
    }
}

fn node(schema: &Map<String, Value>, place: &str, depth: usize, found: &mut Found) {
    for keyword in schema.keys().filter(|keyword| !KEYWORDS.contains(&keyword.as_str())) {
        found.add(place, format!("uses `{keyword}`, which not every model's interface takes"));
    }
    if depth > DEPTH_LIMIT {
        found.add(place, format!("is nested deeper than {DEPTH_LIMIT}"));
    }
    let kind = schema.get("type").and_then(Value::as_str);
    match (kind, schema.get("anyOf")) {
        (None, None) => found.add(place, "has no single type"),
        (_, Some(Value::Array(choices))) => {
            for (index, choice) in choices.iter().enumerate() {
                child(choice, &format!("{place}.anyOf[{index}]"), depth, found);
            }
        }
        _ => {}
    }
    match kind {
        Some("object") => object(schema, place, depth, found),
        Some("array") => match schema.get("items") {
            Some(items) => child(items, &format!("{place}[]"), depth, found),
            None => found.add(place, "is an array that does not say of what"),
        },
        Some("string") => string(schema, place, found),
        _ => {}
    }
}

fn child(schema: &Value, place: &str, depth: usize, found: &mut Found) {
    match schema {
        Value::Object(schema) => node(schema, place, depth + 1, found),
        _ => found.add(place, "is not a schema object"),
    }
}

fn object(schema: &Map<String, Value>, place: &str, depth: usize, found: &mut Found) {
    let none = Map::new();
    let properties = schema.get("properties").and_then(Value::as_object).unwrap_or(&none);
    for (name, property) in properties {
        let place = format!("{place}.{name}");
        if !NAME.is_match(name) {
            found.add(&place, "needs a letter first, then letters, digits, `_` and `-`");
        }
        if property.get("description").and_then(Value::as_str).is_none_or(|text| text.trim().is_empty()) {
            found.add(&place, "is not described");
        }
        child(property, &place, depth, found);
    }
    for name in schema.get("required").and_then(Value::as_array).into_iter().flatten() {
        if !name.as_str().is_some_and(|name| properties.contains_key(name)) {
            found.add(place, format!("requires {name}, which it does not have"));
        }
    }
    match schema.get("additionalProperties") {
        Some(Value::Object(values)) => node(values, &format!("{place}.*"), depth + 1, found),
        Some(Value::Bool(_)) => {}
        // Silence means "anything": a misspelt argument would pass unnoticed.
        _ => found.add(place, "does not say whether it takes other properties"),
    }
}

fn string(schema: &Map<String, Value>, place: &str, found: &mut Found) {
    if let Some(format) = schema.get("format").filter(|format| *format != "date-time") {
        found.add(place, format!("has the format {format}; only date-time is taken everywhere"));
    }
    let choices = schema.get("enum").and_then(Value::as_array).into_iter().flatten();
    for choice in choices.filter(|choice| choice.as_str().is_none_or(str::is_empty)) {
        found.add(place, format!("offers {choice}, which is not a text"));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use windlass_core::mcp::ToolAnnotations;

    use super::*;

    fn tool(input: Value) -> Tool {
        let schema = input.as_object().cloned().unwrap();
        Tool::new("run", "Runs something", schema).with_annotations(ToolAnnotations::from_raw(
            None,
            Some(false),
            Some(true),
            Some(false),
            Some(false),
        ))
    }

    fn property(schema: Value) -> Value {
        json!({ "type": "object", "properties": { "a": schema }, "additionalProperties": false })
    }

    fn check(input: Value, expected: &[&str]) {
        assert_eq!(schema_lint(&tool(input)), expected);
    }

    #[test]
    fn a_portable_schema_passes() {
        check(
            json!({
                "type": "object",
                "properties": {
                    "command": { "type": "string", "description": "What to run", "minLength": 1 },
                    "mode": { "type": "string", "description": "How", "enum": ["fast", "safe"], "default": "safe" },
                    "environment": {
                        "type": "object", "description": "Variables",
                        "additionalProperties": { "type": "string" },
                    },
                    "paths": { "type": "array", "description": "Where", "items": { "type": "string" } },
                },
                "required": ["command"],
                "additionalProperties": false,
            }),
            &[],
        );
    }

    #[test]
    fn what_one_interface_refuses_is_named() {
        let closed = |mut schema: Value, keyword: &str, value: Value| {
            schema[keyword] = value;
            schema
        };
        let empty = || json!({ "type": "object", "properties": {}, "additionalProperties": false });
        check(closed(empty(), "anyOf", json!([])), &["run: input has `anyOf` at the top"]);
        check(
            closed(empty(), "$defs", json!({})),
            &["run: input uses `$defs`, which not every model's interface takes"],
        );
        check(closed(empty(), "required", json!(["b"])), &["run: input requires \"b\", which it does not have"]);
        check(
            json!({ "type": "object", "properties": {} }),
            &["run: input does not say whether it takes other properties"],
        );
        check(
            property(json!({ "$ref": "#/$defs/a", "description": "d" })),
            &["run: input.a uses `$ref`, which not every model's interface takes", "run: input.a has no single type"],
        );
        check(
            property(json!({ "type": ["string", "null"], "description": "d" })),
            &["run: input.a has no single type"],
        );
        check(property(json!({ "type": "string" })), &["run: input.a is not described"]);
        check(
            property(json!({ "type": "array", "description": "d" })),
            &["run: input.a is an array that does not say of what"],
        );
        check(
            property(json!({ "type": "string", "format": "uri", "description": "d" })),
            &["run: input.a has the format \"uri\"; only date-time is taken everywhere"],
        );
        check(
            property(json!({ "anyOf": [{ "type": "string", "const": "x" }], "description": "d" })),
            &["run: input.a.anyOf[0] uses `const`, which not every model's interface takes"],
        );
    }

    #[test]
    fn names_descriptions_and_hints_are_looked_at() {
        let bare = Tool::new("no.dots", " ", json!({ "type": "string" }).as_object().cloned().unwrap());
        assert_eq!(
            schema_lint(&bare),
            [
                "no.dots: name needs a letter first, then letters, digits, `_` and `-`, 64 in all",
                "no.dots: description is missing",
                "no.dots: annotations are missing",
                "no.dots: input is not of type object",
            ]
        );
        let mut unsure = tool(json!({ "type": "object", "additionalProperties": false }));
        unsure.annotations = Some(ToolAnnotations::new().read_only(true).destructive(true).open_world(false));
        assert_eq!(
            schema_lint(&unsure),
            [
                "run: annotations do not say idempotentHint",
                "run: annotations say that it only reads and that it destroys",
            ]
        );
    }
}
