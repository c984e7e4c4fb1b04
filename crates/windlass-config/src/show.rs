//! The effective settings, each with where it came from, and no secret.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use crate::{
    Loaded, Origin, SecretRef, mask,
    node::{Path, Step},
};

/// How settings are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// A windlass.yaml with origins as comments.
    #[default]
    Yaml,
    /// `{"settings": ..., "origins": {"server.port": "WINDLASS_PORT", ...}}`; what is not named is a default.
    Json,
}

/// Shows what is in force. Secrets are references; what looks like one is blotted out.
pub fn show(loaded: &Loaded, format: Format) -> String {
    let mut settings = serde_json::to_value(&loaded.settings).unwrap_or_default();
    clean(&mut settings, None);
    match format {
        Format::Yaml => {
            let mut out = String::new();
            write(&mut out, loaded, &settings, &Path::default(), 0);
            out
        }
        Format::Json => {
            let mut origins = Map::new();
            collect(&mut origins, loaded, &settings, &Path::default());
            let shown = json!({ "settings": settings, "origins": origins });
            format!("{shown:#}")
        }
    }
}

/// Drops what is not set and blots out what may be secret.
fn clean(value: &mut Value, key: Option<&str>) {
    match value {
        Value::Object(map) => {
            map.retain(|_, value| !value.is_null());
            map.iter_mut().for_each(|(key, value)| clean(value, Some(key)));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| clean(item, key)),
        Value::String(text) => {
            if key.is_some_and(mask::is_secret) {
                *text = hidden(text);
            } else {
                *text = mask::user_info(text);
            }
        }
        _ => {}
    }
}

/// A reference is no secret; of a hash enough is left to tell keys apart.
fn hidden(text: &str) -> String {
    match text.strip_prefix("sha256:") {
        Some(hex) if hex.len() == 64 && hex.is_ascii() => format!("sha256:{}...", &hex[..8]),
        _ if text.parse::<SecretRef>().is_ok() => text.into(),
        _ => "********".into(),
    }
}

fn collect(origins: &mut Map<String, Value>, loaded: &Loaded, value: &Value, path: &Path) {
    match value {
        Value::Object(map) => {
            map.iter().for_each(|(key, value)| collect(origins, loaded, value, &path.clone().key(key)));
        }
        Value::Array(items) if items.iter().any(Value::is_object) => {
            items.iter().enumerate().for_each(|(i, item)| collect(origins, loaded, item, &path.clone().index(i)));
        }
        _ => {
            let origin = loaded.origin_of(path);
            if origin != Origin::Default {
                origins.insert(path.to_string(), origin.to_string().into());
            }
        }
    }
}

fn write(out: &mut String, loaded: &Loaded, value: &Value, path: &Path, depth: usize) {
    let Value::Object(map) = value else { return };
    for (key, value) in map {
        let path = path.clone().key(key);
        entry(out, loaded, &format!("{}{}:", "  ".repeat(depth), scalar_text(key)), value, &path, depth);
    }
}

/// One value behind its head (`port:` or `-`).
fn entry(out: &mut String, loaded: &Loaded, head: &str, value: &Value, path: &Path, depth: usize) {
    match value {
        Value::Object(map) if map.is_empty() => line(out, head, "{}", &loaded.origin_of(path)),
        Value::Array(items) if items.is_empty() => line(out, head, "[]", &loaded.origin_of(path)),
        Value::Array(items) if !items.iter().any(|item| item.is_object() || item.is_array()) => {
            let words: Vec<String> = items.iter().map(scalar).collect();
            line(out, head, &format!("[{}]", words.join(", ")), &loaded.origin_of(path));
        }
        Value::Array(items) => {
            let _ = writeln!(out, "{head}");
            for (index, item) in items.iter().enumerate() {
                let path = Path([path.0.clone(), vec![Step::Index(index)]].concat());
                entry(out, loaded, &format!("{}-", "  ".repeat(depth + 1)), item, &path, depth + 1);
            }
        }
        Value::Object(_) => {
            let _ = writeln!(out, "{head}");
            write(out, loaded, value, path, depth + 1);
        }
        other => line(out, head, &scalar(other), &loaded.origin_of(path)),
    }
}

fn line(out: &mut String, head: &str, value: &str, origin: &Origin) {
    let _ = writeln!(out, "{head} {value}  # {origin}");
}

fn scalar(value: &Value) -> String {
    match value {
        Value::String(text) => scalar_text(text),
        other => other.to_string(),
    }
}

/// Plain where no YAML reader can take it for something else, else quoted; JSON's quoting is YAML's too.
fn scalar_text(text: &str) -> String {
    let starts_plain = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/');
    let plain = text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/'));
    let word = matches!(
        text.to_ascii_lowercase().as_str(),
        "true" | "false" | "yes" | "no" | "on" | "off" | "y" | "n" | "null"
    );
    if starts_plain && plain && !word { text.into() } else { json!(text).to_string() }
}
