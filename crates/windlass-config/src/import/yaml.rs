//! YAML whose values know their lines.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{DuplicateKeyPolicy, Spanned};

use super::ImportError;

/// No sensible file comes near it.
const MAX_BYTES: usize = 4 << 20;
const MAX_NODES: usize = 200_000;

/// A value.
#[derive(Debug, Clone)]
pub struct Node {
    /// Where it stands, from 1.
    pub line: usize,
    /// What it is.
    pub value: Value,
}

/// What a value is.
#[derive(Debug, Clone)]
pub enum Value {
    /// Nothing.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// Another number.
    Float(f64),
    /// Text.
    Text(String),
    /// Values in an order.
    List(Vec<Node>),
    /// Values with names, in the order of the file.
    Map(Vec<Field>),
}

/// An entry of a map.
#[derive(Debug, Clone)]
pub struct Field {
    /// Its name.
    pub key: String,
    /// Where the name stands.
    pub line: usize,
    /// Its value.
    pub node: Node,
}

impl Node {
    /// The entries of a map.
    pub fn map(&self) -> Option<&[Field]> {
        match &self.value {
            Value::Map(fields) => Some(fields),
            _ => None,
        }
    }

    /// The items of a list.
    pub fn list(&self) -> Option<&[Node]> {
        match &self.value {
            Value::List(items) => Some(items),
            _ => None,
        }
    }

    /// A single value as text.
    pub fn text(&self) -> Option<String> {
        match &self.value {
            Value::Text(text) => Some(text.clone()),
            Value::Integer(number) => Some(number.to_string()),
            Value::Float(number) => Some(number.to_string()),
            Value::Bool(truth) => Some(truth.to_string()),
            Value::Null | Value::List(_) | Value::Map(_) => None,
        }
    }

    /// A value of a map.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.map()?.iter().find(|field| field.key == key).map(|field| &field.node)
    }
}

/// The documents of a file.
pub fn parse(text: &str, file: &str) -> Result<Vec<Node>, ImportError> {
    if text.len() > MAX_BYTES {
        return Err(ImportError::new(file, 1, "the file is too large to be a configuration"));
    }
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_nodes: MAX_NODES,
            max_events: 4 * MAX_NODES,
            max_depth: 32,
            max_total_scalar_bytes: MAX_BYTES,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: MAX_NODES,
        },
        duplicate_keys: DuplicateKeyPolicy::Error,
        strict_booleans: true,
        with_snippet: false,
    };
    let documents = serde_saphyr::from_multiple_with_options::<Spanned<Raw>>(text, options);
    let documents = documents.map_err(|error| {
        let line = error.location().map_or(1, |location| number(location.line()));
        match error.without_snippet() {
            serde_saphyr::Error::DuplicateMappingKey { key: Some(key), .. } => {
                ImportError::new(file, line, format!("`{key}` stands here a second time"))
            }
            other => {
                let why = other.to_string();
                let why = why.lines().next().unwrap_or_default();
                let why = why.split(" at line ").next().unwrap_or_default();
                ImportError::new(file, line, format!("not valid YAML: {why}"))
            }
        }
    })?;
    Ok(documents.into_iter().map(locate).collect())
}

enum Raw {
    Leaf(Value),
    List(Vec<Spanned<Raw>>),
    Map(Vec<(Spanned<String>, Spanned<Raw>)>),
}

fn number(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX).max(1)
}

fn locate(raw: Spanned<Raw>) -> Node {
    let value = match raw.value {
        Raw::Leaf(value) => value,
        Raw::List(items) => Value::List(items.into_iter().map(locate).collect()),
        Raw::Map(fields) => Value::Map(
            fields
                .into_iter()
                .map(|(key, node)| Field { line: number(key.referenced.line()), key: key.value, node: locate(node) })
                .collect(),
        ),
    };
    Node { line: number(raw.referenced.line()), value }
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a YAML value")
    }

    fn visit_unit<E: Error>(self) -> Result<Raw, E> {
        Ok(Raw::Leaf(Value::Null))
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Raw, E> {
        Ok(Raw::Leaf(Value::Bool(value)))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Raw, E> {
        Ok(Raw::Leaf(Value::Integer(value)))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Raw, E> {
        Ok(Raw::Leaf(i64::try_from(value).map_or_else(|_| Value::Text(value.to_string()), Value::Integer)))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Raw, E> {
        Ok(Raw::Leaf(Value::Float(value)))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Raw, E> {
        Ok(Raw::Leaf(Value::Text(value.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Raw, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Raw::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Raw, A::Error> {
        let mut map = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            map.push(entry);
        }
        Ok(Raw::Map(map))
    }
}
