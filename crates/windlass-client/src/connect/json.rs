//! Edits a JSON file, with comments or without, in place: what the edit does not name keeps its bytes.

use jsonc_parser::{
    ParseOptions,
    cst::{CstInputValue, CstObject, CstRootNode},
};
use serde_json::{Map, Value};

use super::file::JsonEdit;

/// Keys that say how to reach a server. Those of another way than the new one must go, everything else a user added to
/// an entry (`disabled`, `env`, ...) stays.
const REACH: [&str; 7] = ["type", "command", "args", "url", "httpUrl", "serverUrl", "headers"];

/// Comments and trailing commas, as editors allow them in their settings; nothing else beyond JSON.
const DIALECT: ParseOptions = ParseOptions {
    allow_comments: true,
    allow_trailing_commas: true,
    allow_loose_object_property_names: false,
    allow_missing_commas: false,
    allow_single_quoted_strings: false,
    allow_hexadecimal_numbers: false,
    allow_unary_plus_numbers: false,
    allow_bare_decimal_point_numbers: false,
    allow_non_finite_numbers: false,
    allow_extended_string_escapes: false,
};

/// The text with the edit made, or why it cannot be.
pub(super) fn merge(text: &str, edit: &JsonEdit) -> Result<String, String> {
    let (mark, text) = match text.strip_prefix('\u{feff}') {
        Some(rest) => ("\u{feff}", rest),
        None => ("", text),
    };
    let text = if text.trim().is_empty() { "{}\n" } else { text };
    let root = CstRootNode::parse(text, &DIALECT).map_err(|error| error.to_string())?;
    let object = root.object_value().ok_or("it holds no JSON object")?;
    let section = child(&object, edit.section)?;
    match single(&section, &edit.name)? {
        None => {
            section.append(&edit.name, input(&Value::Object(edit.entry.clone())));
        }
        Some(property) => {
            let entry = property.object_value().ok_or_else(|| format!("its `{}` is no object", edit.name))?;
            for key in REACH.iter().filter(|key| !edit.entry.contains_key(**key)) {
                if let Some(stale) = single(&entry, key)? {
                    stale.remove();
                }
            }
            for (key, value) in &edit.entry {
                set(&entry, key, value)?;
            }
        }
    }
    if let Some(wanted) = &edit.input {
        let inputs = match single(&object, "inputs")? {
            None => object.array_value_or_set("inputs"),
            Some(property) => property.array_value().ok_or("its `inputs` is no array")?,
        };
        let id = |value: &Value| value.get("id").cloned();
        let there =
            inputs.elements().iter().any(|element| element.to_serde_value().as_ref().and_then(id) == id(wanted));
        if !there {
            inputs.append(input(wanted));
        }
    }
    Ok(format!("{mark}{root}"))
}

fn child(object: &CstObject, key: &str) -> Result<CstObject, String> {
    match single(object, key)? {
        None => Ok(object.object_value_or_set(key)),
        Some(property) => property.object_value().ok_or_else(|| format!("its `{key}` is no object")),
    }
}

/// Sets a value only where it differs, so that equal ones keep their formatting.
fn set(object: &CstObject, key: &str, value: &Value) -> Result<(), String> {
    match single(object, key)? {
        None => {
            object.append(key, input(value));
        }
        Some(property) => {
            if property.to_serde_value().is_none_or(|old| old != *value) {
                property.set_value(input(value));
            }
        }
    }
    Ok(())
}

/// The property of that name. Parsers disagree on which of two equal keys counts, so there must not be two.
fn single(object: &CstObject, key: &str) -> Result<Option<jsonc_parser::cst::CstObjectProp>, String> {
    let mut found = object.properties().into_iter().filter(|property| property.decoded_name().as_deref() == Some(key));
    match (found.next(), found.next()) {
        (first, None) => Ok(first),
        _ => Err(format!("it has `{key}` twice")),
    }
}

fn input(value: &Value) -> CstInputValue {
    match value {
        Value::Null => CstInputValue::Null,
        Value::Bool(value) => CstInputValue::Bool(*value),
        Value::Number(number) => CstInputValue::Number(number.to_string()),
        Value::String(text) => CstInputValue::String(text.clone()),
        Value::Array(items) => CstInputValue::Array(items.iter().map(input).collect()),
        Value::Object(map) => {
            CstInputValue::Object(map.iter().map(|(key, value)| (key.clone(), input(value))).collect())
        }
    }
}

/// The configuration alone, for a person to paste.
pub(super) fn snippet(edit: &JsonEdit) -> String {
    let named = |key: &str, value: Value| Map::from_iter([(key.to_owned(), value)]);
    let mut map = named(edit.section, Value::Object(named(&edit.name, Value::Object(edit.entry.clone()))));
    if let Some(wanted) = &edit.input {
        map.insert("inputs".into(), Value::Array(vec![wanted.clone()]));
    }
    let mut text = serde_json::to_string_pretty(&Value::Object(map)).unwrap_or_default();
    text.push('\n');
    text
}
