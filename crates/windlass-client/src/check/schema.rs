//! What tool definitions must look like for every client to take them. One bad schema can cost a client the whole
//! session, because some model providers refuse the entire request.

use std::collections::HashSet;

use serde_json::Value;

/// A definition larger than this costs every conversation real money.
const LARGE_TOOL: usize = 16 * 1024;

/// More than this for all tools together crowds out the work.
const LARGE_LIST: usize = 256 * 1024;

/// What is wrong with a tool definition.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) fatal: bool,
    pub(super) text: String,
}

/// Everything wrong with a list of tools.
pub(super) fn lint(tools: &[Value]) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut seen = HashSet::new();
    for (index, tool) in tools.iter().enumerate() {
        let name = tool.get("name").and_then(Value::as_str).unwrap_or_default();
        let label = if name.is_empty() { format!("tool {}", index + 1) } else { name.to_owned() };
        let mut say = |fatal: bool, text: &str| problems.push(Problem { fatal, text: format!("{label}: {text}") });
        name_of(name, &mut say);
        if !seen.insert(name) {
            say(true, "listed twice");
        }
        if tool.get("description").and_then(Value::as_str).is_none_or(|text| text.trim().is_empty()) {
            say(false, "no description, a model cannot know when to use it");
        }
        match tool.get("inputSchema") {
            Some(schema @ Value::Object(_)) => input(schema, &mut say),
            Some(_) => say(true, "inputSchema is not an object"),
            None => say(true, "no inputSchema"),
        }
        match tool.get("outputSchema") {
            Some(schema @ Value::Object(_)) => references(schema, schema, "outputSchema", &mut say),
            Some(_) => say(true, "outputSchema is not an object"),
            None => {}
        }
        let size = tool.to_string().len();
        if size > LARGE_TOOL {
            say(false, &format!("its definition has {} KiB", size / 1024));
        }
    }
    let total: usize = tools.iter().map(|tool| tool.to_string().len()).sum();
    if total > LARGE_LIST {
        problems.push(Problem { fatal: false, text: format!("all definitions together have {} KiB", total / 1024) });
    }
    problems
}

fn name_of(name: &str, say: &mut impl FnMut(bool, &str)) {
    let word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    if name.is_empty() {
        say(true, "no name");
    } else if name.len() > 128 || !name.chars().all(|c| word(c) || c == '.') {
        say(true, "a name has 1 to 128 of A-Z a-z 0-9 _ - .");
    } else if name.len() > 64 || !name.chars().all(word) {
        say(false, "some clients take only names of 1 to 64 of A-Z a-z 0-9 _ -");
    }
}

fn input(schema: &Value, say: &mut impl FnMut(bool, &str)) {
    if schema.get("type").and_then(Value::as_str) != Some("object") {
        say(true, "inputSchema has not `type: object`");
    }
    for keyword in ["oneOf", "anyOf", "allOf"] {
        if schema.get(keyword).is_some() {
            say(true, &format!("inputSchema has a top-level {keyword}, which model providers refuse"));
        }
    }
    match (schema.get("properties"), schema.get("required")) {
        (Some(properties), _) if !properties.is_object() => say(true, "inputSchema.properties is not an object"),
        (properties, Some(Value::Array(required))) => {
            for name in required.iter().filter_map(Value::as_str) {
                if properties.and_then(|properties| properties.get(name)).is_none() {
                    say(false, &format!("requires `{name}`, which is not among its properties"));
                }
            }
        }
        (_, Some(_)) => say(true, "inputSchema.required is not an array"),
        _ => {}
    }
    references(schema, schema, "inputSchema", say);
}

/// Every `$ref` must lead somewhere inside the schema itself: clients do not fetch.
fn references(root: &Value, node: &Value, what: &str, say: &mut impl FnMut(bool, &str)) {
    match node {
        Value::Object(map) => {
            if let Some(Value::String(reference)) = map.get("$ref")
                && !resolves(root, reference)
            {
                say(true, &format!("{what} refers to `{reference}`, which it does not contain"));
            }
            // What an `enum`, `const`, `default` or example holds is data, not schema.
            let schemas =
                map.iter().filter(|(key, _)| !matches!(key.as_str(), "enum" | "const" | "default" | "examples"));
            schemas.for_each(|(_, value)| references(root, value, what, say));
        }
        Value::Array(items) => items.iter().for_each(|item| references(root, item, what, say)),
        _ => {}
    }
}

fn resolves(root: &Value, reference: &str) -> bool {
    match reference.strip_prefix('#') {
        Some("") => true,
        Some(pointer) if pointer.starts_with('/') => root.pointer(&percent_decoded(pointer)).is_some(),
        Some(anchor) => holds(root, "$anchor", anchor) || holds(root, "$dynamicAnchor", anchor),
        None => holds(root, "$id", reference),
    }
}

fn percent_decoded(pointer: &str) -> String {
    // The URL parser's form decoder would turn `+` into a blank; a pointer only ever needs these few.
    pointer.replace("%24", "$").replace("%7B", "{").replace("%7D", "}").replace("%20", " ").replace("%25", "%")
}

fn holds(node: &Value, key: &str, wanted: &str) -> bool {
    match node {
        Value::Object(map) => {
            map.get(key).and_then(Value::as_str) == Some(wanted) || map.values().any(|value| holds(value, key, wanted))
        }
        Value::Array(items) => items.iter().any(|item| holds(item, key, wanted)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(tool: Value, expected: &[(bool, &str)]) {
        let found = lint(&[tool]);
        let found: Vec<_> = found.iter().map(|problem| (problem.fatal, problem.text.as_str())).collect();
        assert_eq!(found, expected);
    }

    fn tool(schema: Value) -> Value {
        json!({ "name": "t", "description": "d", "inputSchema": schema })
    }

    #[test]
    fn good_tools() {
        check(tool(json!({ "type": "object" })), &[]);
        check(
            tool(json!({
                "type": "object",
                "properties": { "a": { "$ref": "#/$defs/A" }, "b": { "$ref": "#b" }, "c": { "enum": [{ "$ref": "#/no" }] } },
                "required": ["a"],
                "$defs": { "A": { "anyOf": [{ "type": "string" }] }, "B": { "$anchor": "b" } }
            })),
            &[],
        );
    }

    #[test]
    fn bad_schemas() {
        check(tool(json!({})), &[(true, "t: inputSchema has not `type: object`")]);
        check(tool(json!([])), &[(true, "t: inputSchema is not an object")]);
        check(
            tool(json!({ "type": "object", "anyOf": [] })),
            &[(true, "t: inputSchema has a top-level anyOf, which model providers refuse")],
        );
        check(
            tool(json!({ "type": "object", "properties": { "a": { "$ref": "#/$defs/B" } } })),
            &[(true, "t: inputSchema refers to `#/$defs/B`, which it does not contain")],
        );
        check(
            tool(json!({ "type": "object", "properties": { "a": { "$ref": "https://x.example/s.json" } } })),
            &[(true, "t: inputSchema refers to `https://x.example/s.json`, which it does not contain")],
        );
        check(
            tool(json!({ "type": "object", "required": ["gone"] })),
            &[(false, "t: requires `gone`, which is not among its properties")],
        );
    }

    #[test]
    fn bad_names() {
        for (name, fatal) in [("has blank", true), ("dotted.name", false), ("ünïcode", true), ("", true)] {
            let found = lint(&[json!({ "name": name, "description": "d", "inputSchema": { "type": "object" } })]);
            assert_eq!(found.len(), 1, "{name}: {found:?}");
            assert_eq!(found[0].fatal, fatal, "{name}");
        }
        let twice = tool(json!({ "type": "object" }));
        assert_eq!(lint(&[twice.clone(), twice])[0].text, "t: listed twice");
    }

    #[test]
    fn size_and_description() {
        let fat = json!({ "name": "t", "description": "x".repeat(20_000), "inputSchema": { "type": "object" } });
        check(fat, &[(false, "t: its definition has 19 KiB")]);
        check(
            json!({ "name": "t", "inputSchema": { "type": "object" } }),
            &[(false, "t: no description, a model cannot know when to use it")],
        );
    }
}
