//! From PostgreSQL's binary formats to JSON.

mod number;
mod time;

use std::error::Error;

use serde_json::Value;
use tokio_postgres::types::{FromSql, Kind, Type};

use super::super::json;

/// How a column's bytes are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Bool,
    Int2,
    Int4,
    Int8,
    Oid,
    Float4,
    Float8,
    Numeric,
    Text,
    /// One byte: PostgreSQL's `"char"`.
    Char,
    Bytes,
    Uuid,
    Date,
    Time,
    Timestamp,
    TimestampUtc,
    Json,
    /// JSON, after a byte that says how it is encoded.
    Jsonb,
    /// Nothing: what a function without a result gives.
    Void,
    /// JSON that the server made of what has no form here.
    Rendered,
    /// What can only be shown as it came.
    Unknown,
}

impl Form {
    /// The form of a type that is read here. `None`: the server has to make JSON of it.
    pub(super) fn of(ty: &Type) -> Option<Self> {
        Some(match *ty {
            Type::BOOL => Self::Bool,
            Type::INT2 => Self::Int2,
            Type::INT4 => Self::Int4,
            Type::INT8 => Self::Int8,
            Type::OID => Self::Oid,
            Type::FLOAT4 => Self::Float4,
            Type::FLOAT8 => Self::Float8,
            Type::NUMERIC => Self::Numeric,
            Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME | Type::UNKNOWN | Type::XML => Self::Text,
            Type::CHAR => Self::Char,
            Type::BYTEA => Self::Bytes,
            Type::UUID => Self::Uuid,
            Type::DATE => Self::Date,
            Type::TIME => Self::Time,
            Type::TIMESTAMP => Self::Timestamp,
            Type::TIMESTAMPTZ => Self::TimestampUtc,
            Type::JSON => Self::Json,
            Type::JSONB => Self::Jsonb,
            Type::VOID => Self::Void,
            // Its label.
            _ if matches!(ty.kind(), Kind::Enum(_)) => Self::Text,
            _ => return None,
        })
    }

    /// The cell. `None` where the bytes are not what they should be.
    pub(super) fn read(self, bytes: &[u8]) -> Option<Value> {
        Some(match self {
            Self::Bool => Value::Bool(*bytes.first()? != 0),
            Self::Int2 => i16::from_be_bytes(bytes.try_into().ok()?).into(),
            Self::Int4 => i32::from_be_bytes(bytes.try_into().ok()?).into(),
            Self::Int8 => json::integer(i64::from_be_bytes(bytes.try_into().ok()?)),
            Self::Oid => u32::from_be_bytes(bytes.try_into().ok()?).into(),
            Self::Float4 => number::single(f32::from_be_bytes(bytes.try_into().ok()?)),
            Self::Float8 => json::float(f64::from_be_bytes(bytes.try_into().ok()?)),
            Self::Numeric => Value::String(number::numeric(bytes)?),
            Self::Text | Self::Unknown => text(bytes),
            Self::Char => Value::String(char(*bytes.first()?)),
            Self::Bytes => Value::String(json::bytes(bytes)),
            Self::Uuid => Value::String(uuid(bytes.try_into().ok()?)),
            Self::Date => Value::String(time::date(i32::from_be_bytes(bytes.try_into().ok()?))),
            Self::Time => Value::String(time::time(i64::from_be_bytes(bytes.try_into().ok()?))),
            Self::Timestamp => Value::String(time::timestamp(i64::from_be_bytes(bytes.try_into().ok()?), "")),
            Self::TimestampUtc => Value::String(time::timestamp(i64::from_be_bytes(bytes.try_into().ok()?), "Z")),
            Self::Json | Self::Rendered => document(bytes),
            Self::Jsonb => document(bytes.strip_prefix(&[1])?),
            Self::Void => Value::Null,
        })
    }
}

/// A cell as it came. The driver hands it over without looking at it.
pub(super) struct Raw<'a>(pub(super) &'a [u8]);

impl<'a> FromSql<'a> for Raw<'a> {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(raw))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

/// The text; bytes where it is none, because a statement can change how texts are encoded.
fn text(bytes: &[u8]) -> Value {
    Value::String(str::from_utf8(bytes).map_or_else(|_| json::bytes(bytes), str::to_owned))
}

/// The document; its text where it is deeper than is read here, or names half a character.
fn document(bytes: &[u8]) -> Value {
    let document = str::from_utf8(bytes).ok().and_then(|text| json::faithful(text).ok());
    document.unwrap_or_else(|| text(bytes))
}

fn char(byte: u8) -> String {
    match byte {
        0 => String::new(),
        1..=127 => char::from(byte).to_string(),
        _ => format!("\\{byte:03o}"),
    }
}

fn uuid(bytes: [u8; 16]) -> String {
    let all = format!("{:032x}", u128::from_be_bytes(bytes));
    format!("{}-{}-{}-{}-{}", &all[..8], &all[8..12], &all[12..16], &all[16..20], &all[20..])
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn bytes_become_cells() {
        for (form, bytes, expected) in [
            (Form::Bool, &[1][..], json!(true)),
            (Form::Int2, &[0xff, 0xfe], json!(-2)),
            (Form::Int8, &(1_i64 << 53).to_be_bytes(), json!(9007199254740992_u64)),
            (Form::Int8, &i64::MIN.to_be_bytes(), json!("-9223372036854775808")),
            (Form::Oid, &[0xff; 4], json!(4294967295_u32)),
            (Form::Float8, &f64::NAN.to_be_bytes(), json!("NaN")),
            (Form::Float8, &f64::NEG_INFINITY.to_be_bytes(), json!("-Infinity")),
            (Form::Text, "é".as_bytes(), json!("é")),
            (Form::Text, &[0xe9], json!("\\xe9")),
            (Form::Char, b"x", json!("x")),
            (Form::Char, &[0], json!("")),
            (Form::Char, &[0xe9], json!("\\351")),
            (Form::Bytes, &[0, 1, 0xab], json!("\\x0001ab")),
            (Form::Uuid, &[0x5a; 16], json!("5a5a5a5a-5a5a-5a5a-5a5a-5a5a5a5a5a5a")),
            (Form::Jsonb, b"\x01{\"a\": 12345678901234567890}", json!({"a": "12345678901234567890"})),
            (Form::Json, br#""\ud800""#, json!(r#""\ud800""#)),
            (Form::Void, b"", json!(null)),
        ] {
            assert_eq!(form.read(bytes), Some(expected), "{form:?} {bytes:?}");
        }
    }

    #[test]
    fn bytes_of_another_length_are_refused() {
        for form in [Form::Int2, Form::Int4, Form::Int8, Form::Float4, Form::Uuid, Form::Date, Form::Timestamp] {
            assert_eq!(form.read(b"xyz"), None, "{form:?}");
        }
        for (form, bytes) in
            [(Form::Bool, &b""[..]), (Form::Char, b""), (Form::Jsonb, b"\x02{}"), (Form::Numeric, b"1")]
        {
            assert_eq!(form.read(bytes), None, "{form:?}");
        }
    }
}
