//! Every key there is, read off the JSON Schema of the types, so that nothing about a setting is written twice.

use std::sync::LazyLock;

use schemars::generate::SchemaSettings;
use serde_json::Value;

use crate::Settings;

/// The JSON Schema (draft 2020-12) of windlass.yaml.
pub fn schema() -> Value {
    let mut schema =
        SchemaSettings::draft2020_12().for_deserialize().into_generator().into_root_schema_for::<Settings>();
    schema.insert("title".into(), "windlass.yaml".into());
    schema.to_value()
}

/// One key of windlass.yaml.
#[derive(Debug, Clone)]
pub(crate) struct Key {
    /// `server.port`; below lists and maps `auth.keys[].name`, `env.*`.
    pub path: String,
    pub kind: Kind,
    /// What it takes, in words.
    pub takes: String,
    pub default: Option<Value>,
    /// Doc comment.
    pub about: String,
    /// Choices with their own doc comments.
    pub choices: Vec<(String, String)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A section: keys follow.
    Section,
    Scalar,
    /// A list of scalars.
    Words,
    /// Lists of sections, maps: only windlass.yaml can say them.
    Other,
}

impl Key {
    /// The variable that sets it, where one can.
    pub fn variable(&self) -> Option<String> {
        let plain = !self.path.contains(['[', '*']);
        (plain && matches!(self.kind, Kind::Scalar | Kind::Words))
            .then(|| format!("WINDLASS_{}", self.path.to_ascii_uppercase().replace('.', "_")))
    }
}

/// Every key, in the order of the types.
pub(crate) static KEYS: LazyLock<Vec<Key>> = LazyLock::new(|| {
    let root = schema();
    let mut keys = Vec::new();
    Walk { root: &root, keys: &mut keys }.properties("", &root, 0);
    keys
});

struct Walk<'a> {
    root: &'a Value,
    keys: &'a mut Vec<Key>,
}

impl Walk<'_> {
    fn properties(&mut self, prefix: &str, schema: &Value, depth: usize) {
        // Types that contain themselves end here.
        if depth > 8 {
            return;
        }
        let Some(properties) = schema.get("properties").and_then(Value::as_object) else { return };
        let required: Vec<&str> =
            schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
        for (name, property) in properties {
            let path = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
            self.property(path, property, required.contains(&name.as_str()), depth);
        }
    }

    fn property(&mut self, path: String, property: &Value, required: bool, depth: usize) {
        let target = self.target(property);
        let about = text(property, "description").or_else(|| text(&target, "description")).unwrap_or_default();
        let default = property.get("default").filter(|default| !default.is_null()).cloned();
        let is_section = target.get("properties").is_some();
        let items = target.get("items").map(|items| self.target(items));
        let values = target.get("additionalProperties").filter(|v| v.is_object()).map(|values| self.target(values));
        let choices = choices(&target);
        let kind = match (&items, &values) {
            _ if is_section => Kind::Section,
            (Some(items), _) if scalar(items) => Kind::Words,
            (None, None) if scalar(&target) => Kind::Scalar,
            _ => Kind::Other,
        };
        let mut takes = takes(&target, items.as_ref(), values.as_ref());
        if required {
            takes += ", required";
        }
        self.keys.push(Key { path: path.clone(), kind, takes, default, about, choices });
        if is_section {
            self.properties(&path, &target, depth + 1);
        }
        for (inner, suffix) in [(items, "[]"), (values, ".*")] {
            let Some(inner) = inner else { continue };
            self.properties(&format!("{path}{suffix}"), &inner, depth + 1);
            for variant in
                inner.get("oneOf").or_else(|| inner.get("anyOf")).and_then(Value::as_array).into_iter().flatten()
            {
                let variant = self.target(variant);
                self.properties(&format!("{path}{suffix}"), &variant, depth + 1);
            }
        }
    }

    /// Follows references, and `T` or nothing to `T`.
    fn target(&self, schema: &Value) -> Value {
        if let Some(name) = schema.get("$ref").and_then(Value::as_str).and_then(|r| r.strip_prefix("#/$defs/")) {
            return self.root["$defs"][name].clone();
        }
        if let Some(options) = schema.get("anyOf").and_then(Value::as_array) {
            let real: Vec<&Value> = options.iter().filter(|option| option["type"] != "null").collect();
            if let [one] = real.as_slice()
                && options.len() > 1
            {
                return self.target(one);
            }
        }
        schema.clone()
    }
}

fn text(schema: &Value, key: &str) -> Option<String> {
    schema.get(key).and_then(Value::as_str).map(|text| text.split_whitespace().collect::<Vec<_>>().join(" "))
}

fn types(schema: &Value) -> Vec<&str> {
    match schema.get("type") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(many)) => many.iter().filter_map(Value::as_str).filter(|t| *t != "null").collect(),
        _ => Vec::new(),
    }
}

fn scalar(schema: &Value) -> bool {
    let types = types(schema);
    !choices(schema).is_empty()
        || (!types.is_empty() && types.iter().all(|t| matches!(*t, "string" | "integer" | "number" | "boolean")))
}

fn choices(schema: &Value) -> Vec<(String, String)> {
    let plain = schema.get("enum").and_then(Value::as_array).into_iter().flatten();
    let plain = plain.filter_map(|choice| Some((choice.as_str()?.to_owned(), String::new())));
    let told = schema.get("oneOf").and_then(Value::as_array).into_iter().flatten();
    let told: Option<Vec<_>> = told
        .map(|choice| {
            Some((choice.get("const")?.as_str()?.to_owned(), text(choice, "description").unwrap_or_default()))
        })
        .collect();
    plain.chain(told.unwrap_or_default()).collect()
}

fn takes(schema: &Value, items: Option<&Value>, values: Option<&Value>) -> String {
    if let Some(items) = items {
        return format!("list of {}", takes(items, None, None));
    }
    if let Some(values) = values {
        return format!("map to {}", takes(values, None, None));
    }
    let choices = choices(schema);
    if !choices.is_empty() {
        return choices.iter().map(|(choice, _)| format!("`{choice}`")).collect::<Vec<_>>().join(", ");
    }
    let word = match (types(schema).as_slice(), schema.get("format").and_then(Value::as_str)) {
        (_, Some("uri")) => "URL",
        (_, Some("ip")) => "IP address",
        (["string"], _) => match schema.get("pattern").and_then(Value::as_str) {
            Some(pattern) if pattern.contains("ms|s") => "duration",
            Some(pattern) if pattern.contains("KiB") => "size",
            _ => "text",
        },
        (["integer"], _) => "number",
        (["number"], _) => "number",
        (["string", "number"], _) => "dollars",
        (["boolean"], _) => "`true` or `false`",
        (["object"], _) => "section",
        // The short forms: a text, or a section with the same and more.
        _ => "text or section",
    };
    word.into()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn variables_are_unambiguous() {
        let variables: Vec<String> = KEYS.iter().filter_map(Key::variable).collect();
        let distinct: BTreeSet<&String> = variables.iter().collect();
        assert_eq!(distinct.len(), variables.len());
        for expected in
            ["WINDLASS_SERVER_PORT", "WINDLASS_LIMITS_BODY", "WINDLASS_SERVER_ALLOWED_HOSTS", "WINDLASS_FETCH_TIMEOUT"]
        {
            assert!(variables.iter().any(|v| v == expected), "{expected}");
        }
    }

    #[test]
    fn every_key_says_what_it_is_for() {
        for key in KEYS.iter() {
            assert!(!key.about.is_empty(), "{} has no doc comment", key.path);
        }
    }
}
