use std::{error::Error, fmt};

use bytes::BytesMut;
use serde_json::Value;
use tokio_postgres::types::{Format, IsNull, Kind, ToSql, Type, to_sql_checked};
use windlass_config::settings::SqlParameterKind;

use super::super::Argument;

/// A value as text: the server reads it as whatever type the statement needs there.
pub(super) struct Bound<'a>(pub(super) &'a Argument);

impl fmt::Debug for Bound<'_> {
    /// Without the value: the driver writes this into its log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Bound").field(&self.0.kind).finish()
    }
}

impl ToSql for Bound<'_> {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        Ok(match text(self.0, ty) {
            Some(text) => {
                out.extend_from_slice(text.as_bytes());
                IsNull::No
            }
            None => IsNull::Yes,
        })
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    fn encode_format(&self, _: &Type) -> Format {
        Format::Text
    }

    to_sql_checked!();
}

fn text(argument: &Argument, ty: &Type) -> Option<String> {
    let is_json = argument.kind == SqlParameterKind::Json;
    match &argument.value {
        // JSON's own null is what a JSON column calls `null`; everybody else means that there is nothing.
        Value::Null => None,
        Value::Array(items) if is_array(ty) || !(is_json || is_json_type(ty)) => {
            Some(array(items, argument.items == Some(SqlParameterKind::Json)))
        }
        value if is_json || value.is_array() => Some(value.to_string()),
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

fn is_array(ty: &Type) -> bool {
    match ty.kind() {
        Kind::Array(_) => true,
        Kind::Domain(base) => is_array(base),
        _ => false,
    }
}

fn is_json_type(ty: &Type) -> bool {
    match ty.kind() {
        Kind::Domain(base) => is_json_type(base),
        _ => *ty == Type::JSON || *ty == Type::JSONB,
    }
}

/// PostgreSQL's way to write an array: every item in quotes, so that none is taken for something else.
fn array(items: &[Value], json: bool) -> String {
    let items: Vec<String> = items
        .iter()
        .map(|item| match item {
            Value::Null => "NULL".to_owned(),
            Value::Array(inner) if !json => array(inner, json),
            Value::String(text) if !json => quoted(text),
            other => quoted(&other.to_string()),
        })
        .collect();
    format!("{{{}}}", items.join(","))
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn argument(kind: SqlParameterKind, items: Option<SqlParameterKind>, value: Value) -> Argument {
        Argument { kind, items, value }
    }

    #[test]
    fn values_are_written_as_the_server_reads_them() {
        use SqlParameterKind::{Array, Boolean, Integer, Json, Number, String};
        for (kind, items, value, ty, expected) in [
            (String, None, json!("it's"), Type::TEXT, Some("it's")),
            (String, None, json!(null), Type::TEXT, None),
            (Integer, None, json!(9007199254740993_i64), Type::INT8, Some("9007199254740993")),
            (Number, None, json!(0.1), Type::NUMERIC, Some("0.1")),
            (Boolean, None, json!(true), Type::BOOL, Some("true")),
            (Json, None, json!("a"), Type::JSONB, Some("\"a\"")),
            (Json, None, json!([1, "x"]), Type::JSONB, Some("[1,\"x\"]")),
            (Json, None, json!([1, 2]), Type::INT4_ARRAY, Some("{\"1\",\"2\"}")),
            (Json, None, json!({"a": null}), Type::TEXT, Some("{\"a\":null}")),
            (Array, Some(Integer), json!([1, null, 3]), Type::INT4_ARRAY, Some("{\"1\",NULL,\"3\"}")),
            (Array, Some(Integer), json!([1]), Type::JSONB, Some("[1]")),
            (Array, Some(String), json!([]), Type::TEXT_ARRAY, Some("{}")),
            (
                Array,
                Some(String),
                json!(["", "NULL", "a,b", "{}", "q\"q", "b\\b", " é "]),
                Type::TEXT_ARRAY,
                Some(r#"{"","NULL","a,b","{}","q\"q","b\\b"," é "}"#),
            ),
            (Array, None, json!([[1, 2], [3, 4]]), Type::INT4_ARRAY, Some("{{\"1\",\"2\"},{\"3\",\"4\"}}")),
            (
                Array,
                Some(Json),
                json!([{"a": [1]}, "x", null, [1]]),
                Type::JSONB_ARRAY,
                Some(r#"{"{\"a\":[1]}","\"x\"",NULL,"[1]"}"#),
            ),
        ] {
            let argument = argument(kind, items, value);
            assert_eq!(text(&argument, &ty).as_deref(), expected, "{argument:?}");
        }
    }

    #[test]
    fn a_value_is_not_in_what_the_driver_logs() {
        let secret = argument(SqlParameterKind::String, None, json!("hunter2"));
        assert_eq!(format!("{:?}", Bound(&secret)), "Bound(String)");
    }
}
