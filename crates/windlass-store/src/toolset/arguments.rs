//! What the tools take and give. The doc comments are what a model reads in the schemas.

use std::sync::Arc;

use schemars::{JsonSchema, generate::SchemaSettings};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use windlass_core::mcp::JsonObject;

use crate::search::Row;

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ReadOutput {
    /// The handle, as the answer with the cut output gave it: out_ and 32 digits.
    pub(super) handle: String,
    /// Byte to begin at, counted from 0. Default 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "u64")]
    pub(super) offset: Option<u64>,
    /// Most bytes of text to return. Default and maximum: as much as fits an answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "u64")]
    pub(super) limit: Option<u64>,
    /// Line to begin at, counted from 1, instead of offset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "u64")]
    pub(super) from_line: Option<u64>,
    /// Most lines to return.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "u64")]
    pub(super) lines: Option<u64>,
}

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SearchOutput {
    /// The handle, as the answer with the cut output gave it: out_ and 32 digits.
    pub(super) handle: String,
    /// Regular expression, matched against each line by itself. No look-around, no back-references.
    pub(super) pattern: String,
    /// Lines to show before and after each match, at most 10. Default 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "u64")]
    pub(super) context_lines: Option<u64>,
    /// Matching lines to return, at most 500. Default 50.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "u64")]
    pub(super) max_matches: Option<u64>,
}

impl SearchOutput {
    pub(super) const MOST_CONTEXT: u64 = 10;
    pub(super) const MOST_MATCHES: u64 = 500;
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct PageReply {
    /// The text of this page; bytes that are not UTF-8 are replaced.
    pub(super) text: String,
    /// Byte the page begins at; a little before the one asked for where that lies within a character.
    pub(super) offset: u64,
    /// Where the next page begins. Absent at the end.
    // `default` is what makes it optional in the schema.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "u64")]
    pub(super) next_offset: Option<u64>,
    /// Bytes the output had.
    pub(super) total_bytes: u64,
    /// Bytes of them that were kept, from the first.
    pub(super) kept_bytes: u64,
    /// What the output is, e.g. stdout.
    pub(super) label: String,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct SearchReply {
    /// Matching lines and their context, in order.
    pub(super) rows: Vec<Row>,
    /// Number of matching lines among them.
    pub(super) matches: u64,
    /// Whether there may be more.
    pub(super) more: bool,
}

/// The schema of `T` in one piece: clients are known to choke on references, and models learn nothing from Rust's
/// integer widths.
pub(super) fn schema<T: JsonSchema>() -> Arc<JsonObject> {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    let mut schema = settings.into_generator().into_root_schema_for::<T>().to_value();
    plain(&mut schema);
    match schema {
        Value::Object(mut object) => {
            object.remove("title");
            Arc::new(object)
        }
        _ => Arc::default(),
    }
}

fn plain(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            if object.get("format").is_some_and(|format| format == "uint64") {
                object.remove("format");
            }
            object.values_mut().for_each(plain);
        }
        Value::Array(items) => items.iter_mut().for_each(plain),
        _ => {}
    }
}
