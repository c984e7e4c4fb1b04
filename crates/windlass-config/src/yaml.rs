//! windlass.yaml as a tree of [`Node`]s that know their places.

use std::{fmt, path::Path, sync::Arc};

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{DuplicateKeyPolicy, Location, Spanned};

use crate::{
    ConfigError, Origin,
    node::{Entry, Node, Value},
};

/// No sensible windlass.yaml comes near it.
const MAX_BYTES: usize = 1 << 20;
const MAX_NODES: usize = 50_000;
/// Deeper than any setting; and the parser recurses, so it is also what keeps its stack small.
const MAX_DEPTH: usize = 16;

/// Reads a document. Duplicate keys, several documents and anything that grows when it is expanded are refused.
pub(crate) fn parse(text: &str, file: &Arc<Path>) -> Result<Node, ConfigError> {
    if text.len() > MAX_BYTES {
        let message = format!("the file is {} bytes long, more than the {MAX_BYTES} that are read", text.len());
        return Err(ConfigError::new(message).hint("is this the right file?").at(place(file, Location::UNKNOWN)));
    }
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_nodes: MAX_NODES,
            max_events: 4 * MAX_NODES,
            max_depth: MAX_DEPTH,
            max_aliases: 1000,
            max_anchors: 1000,
            max_documents: 8,
            max_total_scalar_bytes: MAX_BYTES,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: MAX_NODES,
        },
        duplicate_keys: DuplicateKeyPolicy::Error,
        strict_booleans: true,
        with_snippet: false,
    };
    match serde_saphyr::from_str_with_options::<Spanned<Raw>>(text, options) {
        Ok(raw) => Ok(locate(raw, file)),
        Err(error) => Err(refused(&error, file)),
    }
}

fn refused(error: &serde_saphyr::Error, file: &Arc<Path>) -> ConfigError {
    let location = error.location().unwrap_or(Location::UNKNOWN);
    let plain = error.without_snippet();
    let known = match plain {
        serde_saphyr::Error::DuplicateMappingKey { key: Some(key), .. } => {
            ConfigError::new(format!("`{key}` stands here a second time")).hint("keep one of the two")
        }
        serde_saphyr::Error::MultipleDocuments { .. } => {
            ConfigError::new("a second document starts here").hint("take out the `---`; one file is one document")
        }
        serde_saphyr::Error::Budget { .. } | serde_saphyr::Error::AliasReplayLimitExceeded { .. } => {
            ConfigError::new("the document is too large or expands too far")
                .hint("aliases (`*name`) and nesting are limited; write the values out")
        }
        other => ConfigError::new(format!("not valid YAML: {}", first_line(&other.to_string())))
            .hint("check indentation, colons and quotes around here"),
    };
    known.at(place(file, location))
}

/// The library's own text without the position it appends: ours stands in front.
fn first_line(text: &str) -> &str {
    let line = text.lines().next().unwrap_or_default();
    line.find(" at line ").map_or(line, |end| &line[..end])
}

fn place(file: &Arc<Path>, location: Location) -> Origin {
    let number = |n: u64| u32::try_from(n).unwrap_or(u32::MAX).max(1);
    Origin::File { file: file.clone(), line: number(location.line()), column: number(location.column()) }
}

/// A value as the YAML library sees it, before the file's name is known to it.
enum Raw {
    Leaf(Value),
    List(Vec<Spanned<Raw>>),
    Map(Vec<(Spanned<String>, Spanned<Raw>)>),
}

fn locate(raw: Spanned<Raw>, file: &Arc<Path>) -> Node {
    let value = match raw.value {
        Raw::Leaf(value) => value,
        Raw::List(items) => Value::List(items.into_iter().map(|item| locate(item, file)).collect()),
        Raw::Map(entries) => Value::Map(
            entries
                .into_iter()
                .map(|(key, value)| Entry {
                    key_origin: place(file, key.referenced),
                    key: key.value,
                    node: locate(value, file),
                })
                .collect(),
        ),
    };
    Node { origin: place(file, raw.referenced), value }
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

    fn visit_unit<E: de::Error>(self) -> Result<Raw, E> {
        Ok(Raw::Leaf(Value::Null))
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Raw, E> {
        Ok(Raw::Leaf(Value::Bool(value)))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Raw, E> {
        Ok(Raw::Leaf(Value::Integer(value.into())))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Raw, E> {
        Ok(Raw::Leaf(Value::Integer(value.into())))
    }

    fn visit_i128<E: de::Error>(self, value: i128) -> Result<Raw, E> {
        Ok(Raw::Leaf(Value::Integer(value)))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Raw, E> {
        Ok(Raw::Leaf(Value::Float(value)))
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Raw, E> {
        Ok(Raw::Leaf(Value::Text(value.into())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Raw, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Raw::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Raw, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Raw::Map(entries))
    }
}
