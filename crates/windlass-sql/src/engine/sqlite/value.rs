//! Values, into SQLite and out of it.

use rusqlite::types::{Value as Stored, ValueRef};
use serde_json::Value;
use windlass_config::settings::SqlParameterKind;

use crate::engine::{Argument, EngineError, json};

/// What an argument is for SQLite, which has five types.
pub fn bind(argument: &Argument, place: usize) -> Result<Stored, EngineError> {
    use SqlParameterKind as K;
    let unfit = |why: &str| EngineError::Argument(format!("argument {place} {why}"));
    Ok(match (argument.kind, &argument.value) {
        (_, Value::Null) => Stored::Null,
        (K::Identifier, _) => return Err(unfit("is an identifier, which cannot be bound")),
        (K::Array | K::Json, value) => Stored::Text(value.to_string()),
        (_, Value::Bool(yes)) => Stored::Integer(i64::from(*yes)),
        (_, Value::String(text)) => Stored::Text(text.clone()),
        (K::Integer, Value::Number(number)) => {
            Stored::Integer(number.as_i64().ok_or_else(|| unfit("is beyond 64 bits"))?)
        }
        (_, Value::Number(number)) => match number.as_i64() {
            Some(whole) => Stored::Integer(whole),
            None => Stored::Real(number.as_f64().ok_or_else(|| unfit("is beyond a double"))?),
        },
        (_, Value::Array(_) | Value::Object(_)) => return Err(unfit("is no single value")),
    })
}

/// A cell as it goes into an answer. `is_json` where the column is declared to hold it.
pub fn cell(value: ValueRef<'_>, is_json: bool) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => json::integer(number),
        ValueRef::Real(number) => json::float(number),
        ValueRef::Text(bytes) => {
            let text = String::from_utf8_lossy(bytes);
            let parsed = if is_json { json::faithful(&text).ok() } else { None };
            parsed.unwrap_or_else(|| Value::String(text.into_owned()))
        }
        ValueRef::Blob(bytes) => Value::String(json::bytes(bytes)),
    }
}

/// What a value takes in memory, roughly.
pub fn size(value: ValueRef<'_>) -> usize {
    match value {
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => bytes.len() + 32,
        _ => 32,
    }
}

/// SQLite's name for what a value is.
pub fn kind(value: ValueRef<'_>) -> &'static str {
    match value {
        ValueRef::Null => "null",
        ValueRef::Integer(_) => "integer",
        ValueRef::Real(_) => "real",
        ValueRef::Text(_) => "text",
        ValueRef::Blob(_) => "blob",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn cells_are_faithful() {
        let cases = [
            (ValueRef::Integer(1 << 53), json!(9_007_199_254_740_992_i64)),
            (ValueRef::Integer((1 << 53) + 1), json!("9007199254740993")),
            (ValueRef::Integer(i64::MIN), json!("-9223372036854775808")),
            (ValueRef::Real(0.1), json!(0.1)),
            (ValueRef::Real(f64::NEG_INFINITY), json!("-Infinity")),
            (ValueRef::Text(b"{\"a\":[1,null]}"), json!({"a": [1, null]})),
            (ValueRef::Text(b"not json"), json!("not json")),
            (ValueRef::Blob(&[0, 255]), json!("\\x00ff")),
            (ValueRef::Null, json!(null)),
        ];
        for (value, expected) in cases {
            assert_eq!(cell(value, true), expected);
        }
        assert_eq!(cell(ValueRef::Text(b"1"), false), json!("1"));
    }

    #[test]
    fn arguments_become_what_they_are() {
        use SqlParameterKind as K;
        let cases = [
            (K::Boolean, json!(true), Stored::Integer(1)),
            (K::Integer, json!(-3), Stored::Integer(-3)),
            (K::Number, json!(1.5), Stored::Real(1.5)),
            (K::Number, json!(2), Stored::Integer(2)),
            (K::Date, json!("2026-11-30"), Stored::Text("2026-11-30".into())),
            (K::Array, json!([1, "a"]), Stored::Text("[1,\"a\"]".into())),
            (K::Json, json!("a"), Stored::Text("\"a\"".into())),
            (K::Uuid, json!(null), Stored::Null),
        ];
        for (kind, value, expected) in cases {
            assert_eq!(bind(&Argument { kind, items: None, value }, 1), Ok(expected));
        }
        let large = Argument { kind: K::Integer, items: None, value: json!(u64::MAX) };
        assert_eq!(bind(&large, 2), Err(EngineError::Argument("argument 2 is beyond 64 bits".into())));
    }
}
