//! What is in a column, as JSON.

use std::fmt::Write;

use mysql_async::{
    Column as Told, Value as Cell,
    consts::{ColumnFlags, ColumnType},
};
use serde_json::Value;

use super::wkb;
use crate::engine::{Column, json};

/// The character set of what is none.
const BINARY: u16 = 63;

pub(super) fn describe(column: &Told) -> Column {
    Column { name: column.name_str().into_owned(), kind: kind(column) }
}

/// What the values of a column are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Decoder {
    /// Numbers, as the protocol has them.
    Number,
    Text,
    Bytes,
    Bits,
    Json,
    Geometry,
    /// 32 bits each.
    Vector,
    Date,
    /// Without a time zone.
    DateTime,
    /// In the session's time zone, which is UTC.
    Timestamp,
}

impl Decoder {
    pub(super) fn of(column: &Told) -> Self {
        use ColumnType as T;
        let flags = column.flags();
        match column.column_type() {
            T::MYSQL_TYPE_BIT => Self::Bits,
            T::MYSQL_TYPE_JSON => Self::Json,
            T::MYSQL_TYPE_GEOMETRY => Self::Geometry,
            T::MYSQL_TYPE_VECTOR => Self::Vector,
            T::MYSQL_TYPE_DATE | T::MYSQL_TYPE_NEWDATE => Self::Date,
            T::MYSQL_TYPE_DATETIME | T::MYSQL_TYPE_DATETIME2 => Self::DateTime,
            T::MYSQL_TYPE_TIMESTAMP | T::MYSQL_TYPE_TIMESTAMP2 => Self::Timestamp,
            T::MYSQL_TYPE_DECIMAL | T::MYSQL_TYPE_NEWDECIMAL => Self::Text,
            _ if flags.intersects(ColumnFlags::ENUM_FLAG | ColumnFlags::SET_FLAG) => Self::Text,
            column_type if column_type.is_numeric_type() => Self::Number,
            _ if column.character_set() == BINARY => Self::Bytes,
            _ => Self::Text,
        }
    }

    pub(super) fn decode(self, cell: Cell) -> Value {
        match cell {
            Cell::NULL => Value::Null,
            Cell::Int(number) => json::integer(number),
            Cell::UInt(number) => unsigned(number),
            // Its shortest digits, not those of the double next to it.
            Cell::Float(number) => number.to_string().parse().map_or(Value::Null, json::float),
            Cell::Double(number) => json::float(number),
            Cell::Date(year, month, day, hour, minute, second, micro) => {
                let mut text = format!("{year:04}-{month:02}-{day:02}");
                if self != Self::Date {
                    let _ = write!(text, "T{hour:02}:{minute:02}:{second:02}");
                    fraction(&mut text, micro);
                }
                if self == Self::Timestamp {
                    text.push('Z');
                }
                Value::String(text)
            }
            Cell::Time(negative, days, hours, minutes, seconds, micro) => {
                let (sign, hours) = (if negative { "-" } else { "" }, u64::from(days) * 24 + u64::from(hours));
                let mut text = format!("{sign}{hours:02}:{minutes:02}:{seconds:02}");
                fraction(&mut text, micro);
                Value::String(text)
            }
            Cell::Bytes(bytes) => self.bytes(bytes),
        }
    }

    fn bytes(self, bytes: Vec<u8>) -> Value {
        match self {
            Self::Bytes => hexadecimal(&bytes),
            Self::Bits => bits(&bytes),
            Self::Geometry => wkb::text(&bytes).map_or_else(|| hexadecimal(&bytes), Value::String),
            Self::Vector => vector(&bytes),
            Self::Json => match String::from_utf8(bytes) {
                Ok(text) => json::faithful(&text).unwrap_or(Value::String(text)),
                Err(error) => hexadecimal(error.as_bytes()),
            },
            // What is no UTF-8 is not what the server promised; then it is at least all there.
            _ => String::from_utf8(bytes).map_or_else(|error| hexadecimal(error.as_bytes()), Value::String),
        }
    }
}

fn unsigned(number: u64) -> Value {
    i64::try_from(number).map_or_else(|_| Value::String(number.to_string()), json::integer)
}

fn fraction(text: &mut String, micro: u32) {
    if micro != 0 {
        let digits = format!("{micro:06}");
        text.push('.');
        text.push_str(digits.trim_end_matches('0'));
    }
}

fn hexadecimal(bytes: &[u8]) -> Value {
    Value::String(json::bytes(bytes))
}

fn bits(bytes: &[u8]) -> Value {
    if bytes.len() > 8 {
        return hexadecimal(bytes);
    }
    unsigned(bytes.iter().fold(0, |number, &byte| number << 8 | u64::from(byte)))
}

fn vector(bytes: &[u8]) -> Value {
    let (numbers, []) = bytes.as_chunks::<4>() else { return hexadecimal(bytes) };
    numbers.iter().map(|&bytes| Decoder::Number.decode(Cell::Float(f32::from_le_bytes(bytes)))).collect()
}

/// What the server calls it where it is declared. Some are the same on the wire: texts and blobs are told by how long
/// they may be, a text in bytes of its longest characters.
fn kind(column: &Told) -> String {
    use ColumnType as T;
    let (flags, length) = (column.flags(), column.column_length());
    let binary = column.character_set() == BINARY;
    let either = |bytes, text| if binary { bytes } else { text };
    let name = match column.column_type() {
        _ if flags.contains(ColumnFlags::ENUM_FLAG) => "enum",
        _ if flags.contains(ColumnFlags::SET_FLAG) => "set",
        T::MYSQL_TYPE_TINY => "tinyint",
        T::MYSQL_TYPE_SHORT => "smallint",
        T::MYSQL_TYPE_INT24 => "mediumint",
        T::MYSQL_TYPE_LONG => "int",
        T::MYSQL_TYPE_LONGLONG => "bigint",
        T::MYSQL_TYPE_FLOAT => "float",
        T::MYSQL_TYPE_DOUBLE => "double",
        T::MYSQL_TYPE_DECIMAL | T::MYSQL_TYPE_NEWDECIMAL => "decimal",
        T::MYSQL_TYPE_BIT => "bit",
        T::MYSQL_TYPE_YEAR => "year",
        T::MYSQL_TYPE_DATE | T::MYSQL_TYPE_NEWDATE => "date",
        T::MYSQL_TYPE_TIME | T::MYSQL_TYPE_TIME2 => "time",
        T::MYSQL_TYPE_DATETIME | T::MYSQL_TYPE_DATETIME2 => "datetime",
        T::MYSQL_TYPE_TIMESTAMP | T::MYSQL_TYPE_TIMESTAMP2 => "timestamp",
        T::MYSQL_TYPE_JSON => "json",
        T::MYSQL_TYPE_GEOMETRY => "geometry",
        T::MYSQL_TYPE_VECTOR => "vector",
        T::MYSQL_TYPE_NULL => "null",
        T::MYSQL_TYPE_STRING => either("binary", "char"),
        T::MYSQL_TYPE_VAR_STRING | T::MYSQL_TYPE_VARCHAR => either("varbinary", "varchar"),
        T::MYSQL_TYPE_TINY_BLOB => either("tinyblob", "tinytext"),
        T::MYSQL_TYPE_MEDIUM_BLOB => either("mediumblob", "mediumtext"),
        T::MYSQL_TYPE_LONG_BLOB => either("longblob", "longtext"),
        T::MYSQL_TYPE_BLOB => match if binary { length } else { length / 4 } {
            0..=255 => either("tinyblob", "tinytext"),
            256..=65535 => either("blob", "text"),
            65536..=16_777_215 => either("mediumblob", "mediumtext"),
            _ => either("longblob", "longtext"),
        },
        _ => "unknown",
    };
    let whole = name.ends_with("int") || matches!(name, "float" | "double" | "decimal");
    let suffix = if whole && flags.contains(ColumnFlags::UNSIGNED_FLAG) { " unsigned" } else { "" };
    format!("{name}{suffix}")
}
