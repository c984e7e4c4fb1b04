//! Parameters of tools.

use std::collections::BTreeSet;

use super::{
    Notes, identifier,
    write::{Entries, Out},
    yaml::{Field, Node, Value},
};

/// A parameter that is carried over.
#[derive(Debug, Clone)]
pub(super) struct Parameter {
    /// As the old statement names it.
    pub former: String,
    pub name: String,
    /// It stands for the name of a table or column.
    pub is_identifier: bool,
    pub out: Out,
}

/// Why a tool cannot be carried over, and where that is.
#[derive(Debug)]
pub(super) struct Reason {
    pub line: usize,
    pub message: String,
}

pub(super) fn reason<T>(line: usize, message: impl Into<String>) -> Result<T, Reason> {
    Err(Reason { line, message: message.into() })
}

/// One of `parameters`: a value. `taken` are the names of those before it.
pub(super) fn value(node: &Node, taken: &mut BTreeSet<String>, notes: &mut Notes) -> Result<Parameter, Reason> {
    let (former, name) = named(node, taken, notes)?;
    let kind = node.get("type").and_then(Node::text).unwrap_or_default();
    let mut out = Entries::default();
    out.text("name", &name);
    let kind = match kind.as_str() {
        "string" | "integer" | "boolean" | "array" => kind.as_str(),
        "float" => "number",
        "map" => {
            notes.add(node.line, format!("the parameter `{former}` is a map: it is any JSON here, given as such"));
            "json"
        }
        other => return reason(node.line, format!("its parameter `{former}` has the type `{other}`")),
    };
    out.text("type", kind);
    for field in node.map().unwrap_or_default() {
        match field.key.as_str() {
            "name" | "type" => {}
            "description" => out.text("description", field.node.text().unwrap_or_default().trim()),
            "default" if matches!(field.node.value, Value::Null) => {}
            "default" => out.add("default", Out::from(&field.node)),
            "required" => required(field, node, &mut out),
            "items" => items(field, &former, &mut out)?,
            "allowedValues" => allowed(field, kind, &former, &mut out, notes)?,
            "minValue" => out.add("min", Out::from(&field.node)),
            "maxValue" => out.add("max", Out::from(&field.node)),
            "authServices" | "authSources" => {
                return reason(
                    field.line,
                    format!(
                        "its parameter `{former}` is filled in from the caller's login, and a model must not choose it; \
                         windlass cannot do that yet"
                    ),
                );
            }
            "excludedValues" => {
                return reason(
                    field.line,
                    format!(
                        "its parameter `{former}` has `excludedValues`; say what is allowed, with `enum` or `pattern`"
                    ),
                );
            }
            other => notes.add(field.line, format!("`{other}` of the parameter `{former}` is not carried over")),
        }
    }
    Ok(Parameter { former, name, is_identifier: false, out: out.finish() })
}

/// One of `templateParameters`: text that was put into the statement.
pub(super) fn template(node: &Node, taken: &mut BTreeSet<String>, notes: &mut Notes) -> Result<Parameter, Reason> {
    let (former, name) = named(node, taken, notes)?;
    let plain = |text: &String| {
        !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '.')) && !is_keyword(text)
    };
    let choices: Option<Vec<_>> =
        node.get("allowedValues").and_then(Node::list).map(|values| values.iter().filter_map(Node::text).collect());
    let kind = node.get("type").and_then(Node::text).unwrap_or_default();
    let choices = match choices {
        Some(choices) if kind == "string" && !choices.is_empty() && choices.iter().all(plain) => choices,
        Some(_) => {
            return reason(
                node.line,
                format!(
                    "its template parameter `{former}` can be more than the name of a table or column; write a tool for \
                     each statement that is meant"
                ),
            );
        }
        None => {
            return reason(
                node.line,
                format!(
                    "its template parameter `{former}` becomes part of the statement, so whoever calls it writes the \
                     statement; list the names it may be in `allowedValues`, and it becomes an `identifier`"
                ),
            );
        }
    };
    let mut out = Entries::default();
    out.text("name", &name);
    out.text("type", "identifier");
    for field in node.map().unwrap_or_default() {
        match field.key.as_str() {
            "name" | "type" | "escape" | "allowedValues" => {}
            "description" => out.text("description", field.node.text().unwrap_or_default().trim()),
            "default" => out.add("default", Out::from(&field.node)),
            "required" => required(field, node, &mut out),
            other => notes.add(field.line, format!("`{other}` of the parameter `{former}` is not carried over")),
        }
    }
    out.add("enum", Out::List(choices.into_iter().map(Out::Text).collect()));
    Ok(Parameter { former, name, is_identifier: true, out: out.finish() })
}

fn named(node: &Node, taken: &mut BTreeSet<String>, notes: &mut Notes) -> Result<(String, String), Reason> {
    let Some(named) = node.get("name") else { return reason(node.line, "one of its parameters has no name") };
    let former = named.text().unwrap_or_default();
    let wanted = identifier::parameter(&former, named.line, notes);
    // `hotel-id` and `hotel_id` were two.
    let name = identifier::unique(&wanted, |name| taken.contains(name));
    if name != wanted {
        notes.add(
            named.line,
            format!("`{wanted}` is taken: the parameter `{}` is called `{name}` here", former.escape_debug()),
        );
    }
    taken.insert(name.clone());
    Ok((former, name))
}

/// What has a default need not be given anyway.
fn required(field: &Field, parameter: &Node, out: &mut Entries) {
    if let Value::Bool(required) = field.node.value
        && !(required && parameter.get("default").is_some())
    {
        out.add("required", Out::Plain(required.to_string()));
    }
}

fn items(field: &Field, former: &str, out: &mut Entries) -> Result<(), Reason> {
    let kind = field.node.get("type").and_then(Node::text).unwrap_or_default();
    let kind = match kind.as_str() {
        "string" | "integer" | "boolean" => kind.as_str(),
        "float" => "number",
        _ => return reason(field.line, format!("the items of its parameter `{former}` are no single values")),
    };
    out.text("items", kind);
    Ok(())
}

/// Values, or regular expressions that they have to match.
fn allowed(field: &Field, kind: &str, former: &str, out: &mut Entries, notes: &mut Notes) -> Result<(), Reason> {
    let values = field.node.list().unwrap_or_default();
    let texts: Vec<_> = values.iter().filter_map(Node::text).collect();
    let plain = |text: &String| !text.contains(['\\', '^', '$', '.', '|', '?', '*', '+', '(', ')', '[', ']', '{', '}']);
    if kind != "string" || texts.iter().all(plain) {
        if kind == "array" {
            return reason(
                field.line,
                format!("the items of its parameter `{former}` have `allowedValues`; make it single values"),
            );
        }
        out.add("enum", Out::List(values.iter().map(Out::from).collect()));
        return Ok(());
    }
    if let Some(wrong) = texts.iter().find(|text| regex::Regex::new(text).is_err()) {
        return reason(
            field.line,
            format!("`{wrong}`, which its parameter `{former}` has to match, is no pattern here"),
        );
    }
    notes.add(
        field.line,
        format!("`allowedValues` of `{former}` is a pattern here, and the whole text has to match it"),
    );
    out.text("pattern", &texts.iter().map(|text| format!("(?:{text})")).collect::<Vec<_>>().join("|"));
    Ok(())
}

/// Words that would be part of the grammar, and are not names.
fn is_keyword(text: &str) -> bool {
    const WORDS: [&str; 12] =
        ["asc", "desc", "and", "or", "not", "null", "true", "false", "inner", "left", "all", "distinct"];
    WORDS.contains(&text.to_ascii_lowercase().as_str())
}
