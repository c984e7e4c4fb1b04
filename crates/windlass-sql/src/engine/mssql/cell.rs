//! Cells on their way from the server.

use serde_json::Value;
use tiberius::{
    ColumnData, ColumnType,
    time::{Date, DateTime, SmallDateTime, Time},
};

use super::{EngineError, bind::FIRST_DAY};
use crate::engine::{Column, json};

/// The longest value, in bytes. The server cuts what is longer (`TEXTSIZE`), silently; here that is an error.
pub const LONGEST_VALUE: usize = 8 << 20;

/// 1900-01-01, where the old types begin to count.
const YEAR_1900: i32 = 2_415_021;

/// A value was cut by the server.
pub fn too_long() -> EngineError {
    EngineError::Statement {
        message: format!("a value is longer than {} MiB", LONGEST_VALUE >> 20),
        code: "0".to_owned(),
        hint: Some("ask for a part of the value (SUBSTRING), or for its length".to_owned()),
        position: None,
    }
}

/// A column, as the engine's users know it.
pub fn column(column: &tiberius::Column) -> Column {
    Column { name: column.name().to_owned(), kind: kind(column.column_type()).to_owned() }
}

/// A cell as it goes into an answer; `None` where the server cut it.
pub fn cell(data: ColumnData<'static>, kind: ColumnType) -> Option<Value> {
    Some(match data {
        ColumnData::U8(number) => number.into(),
        ColumnData::I16(number) => number.into(),
        ColumnData::I32(number) => number.into(),
        ColumnData::I64(number) => number.map_or(Value::Null, json::integer),
        // The double nearest to a single has digits that the single never had.
        ColumnData::F32(number) => {
            number.map_or(Value::Null, |number| number.to_string().parse().map_or(Value::Null, json::float))
        }
        // Money comes as a double, which holds its four places up to nine hundred thousand millions.
        ColumnData::F64(Some(number)) if matches!(kind, ColumnType::Money | ColumnType::Money4) => {
            format!("{number:.4}").into()
        }
        ColumnData::F64(number) => number.map_or(Value::Null, json::float),
        ColumnData::Bit(yes) => yes.into(),
        ColumnData::String(Some(text)) if is_cut_text(&text) => return None,
        ColumnData::String(text) => text.map_or(Value::Null, |text| text.into_owned().into()),
        ColumnData::Guid(uuid) => uuid.map_or(Value::Null, |uuid| uuid.to_string().into()),
        ColumnData::Binary(Some(bytes)) if bytes.len() >= LONGEST_VALUE => return None,
        ColumnData::Binary(bytes) => bytes.map_or(Value::Null, |bytes| json::bytes(&bytes).into()),
        ColumnData::Numeric(number) => {
            number.map_or(Value::Null, |number| decimal(number.value(), number.scale()).into())
        }
        ColumnData::Xml(xml) => xml.map_or(Value::Null, |xml| xml.into_owned().into_string().into()),
        ColumnData::DateTime(moment) => text(moment.map(datetime)),
        ColumnData::SmallDateTime(moment) => text(moment.map(smalldatetime)),
        ColumnData::Time(time) => text(time.map(clock)),
        ColumnData::Date(day) => text(day.map(date)),
        ColumnData::DateTime2(moment) => {
            text(moment.map(|at| Some(format!("{}T{}", date(at.date())?, clock(at.time())?))))
        }
        // What comes is in UTC already; the offset only says how it was written.
        ColumnData::DateTimeOffset(moment) => text(moment.map(|at| {
            let at = at.datetime2();
            Some(format!("{}T{}Z", date(at.date())?, clock(at.time())?))
        })),
    })
}

/// NULL, the text, or that it cannot be told: the server sent a day that no calendar has.
fn text(value: Option<Option<String>>) -> Value {
    value.map_or(Value::Null, |text| text.unwrap_or_else(|| "out of range".to_owned()).into())
}

fn is_cut_text(text: &str) -> bool {
    // The server counts bytes: one for a character, or two.
    text.len() >= LONGEST_VALUE / 2 && text.encode_utf16().count() >= LONGEST_VALUE / 2
}

fn decimal(value: i128, scale: u8) -> String {
    let scale = usize::from(scale);
    let digits = format!("{:0>width$}", value.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    let sign = if value < 0 { "-" } else { "" };
    let point = if scale == 0 { "" } else { "." };
    format!("{sign}{whole}{point}{fraction}")
}

fn day(julian: i32) -> Option<String> {
    time::Date::from_julian_day(julian).ok().map(|day| day.to_string())
}

fn date(date: Date) -> Option<String> {
    day(FIRST_DAY.checked_add(i32::try_from(date.days()).ok()?)?)
}

fn clock(time: Time) -> Option<String> {
    let scale = u32::from(time.scale());
    let unit = 10_u64.checked_pow(scale)?;
    let fraction = format!("{:0>width$}", time.increments() % unit, width = scale as usize);
    seconds(time.increments() / unit, if scale == 0 { "" } else { &fraction })
}

fn seconds(seconds: u64, fraction: &str) -> Option<String> {
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let fraction = fraction.trim_end_matches('0');
    let point = if fraction.is_empty() { "" } else { "." };
    (hour < 24).then(|| format!("{hour:02}:{minute:02}:{second:02}{point}{fraction}"))
}

/// In steps of three hundredths of a tenth; SQL Server shows whole milliseconds, rounded.
fn datetime(at: DateTime) -> Option<String> {
    let millis = (u64::from(at.seconds_fragments()) * 10 + 1) / 3;
    let clock = seconds(millis / 1000, &format!("{:03}", millis % 1000))?;
    Some(format!("{}T{clock}", day(YEAR_1900.checked_add(at.days())?)?))
}

/// In minutes, whatever the driver calls them.
fn smalldatetime(at: SmallDateTime) -> Option<String> {
    let clock = seconds(u64::from(at.seconds_fragments()) * 60, "")?;
    Some(format!("{}T{clock}", day(YEAR_1900 + i32::from(at.days()))?))
}

fn kind(kind: ColumnType) -> &'static str {
    use ColumnType as T;
    match kind {
        T::Null => "null",
        T::Bit | T::Bitn => "bit",
        T::Int1 => "tinyint",
        T::Int2 => "smallint",
        T::Int4 => "int",
        T::Int8 | T::Intn => "bigint",
        T::Float4 => "real",
        T::Float8 | T::Floatn => "float",
        T::Money => "money",
        T::Money4 => "smallmoney",
        T::Datetime4 => "smalldatetime",
        T::Datetime | T::Datetimen => "datetime",
        T::Daten => "date",
        T::Timen => "time",
        T::Datetime2 => "datetime2",
        T::DatetimeOffsetn => "datetimeoffset",
        T::Decimaln => "decimal",
        T::Numericn => "numeric",
        T::Guid => "uniqueidentifier",
        T::BigVarBin => "varbinary",
        T::BigBinary => "binary",
        T::BigVarChar => "varchar",
        T::BigChar => "char",
        T::NVarchar => "nvarchar",
        T::NChar => "nchar",
        T::Xml => "xml",
        T::Udt => "udt",
        T::Text => "text",
        T::NText => "ntext",
        T::Image => "image",
        T::SSVariant => "sql_variant",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use tiberius::{
        numeric::Numeric,
        time::{DateTime2, DateTimeOffset},
    };

    #[test]
    fn cells_are_faithful() {
        let at = DateTime2::new(Date::new(739_951), Time::new(432_005_000, 4));
        let cases = [
            (ColumnData::I64(Some(1 << 53)), ColumnType::Int8, json!(9_007_199_254_740_992_i64)),
            (ColumnData::I64(Some(i64::MIN)), ColumnType::Int8, json!("-9223372036854775808")),
            (ColumnData::F32(Some(0.1)), ColumnType::Float4, json!(0.1)),
            (ColumnData::F64(Some(1.5)), ColumnType::Float8, json!(1.5)),
            (ColumnData::F64(Some(1.5)), ColumnType::Money, json!("1.5000")),
            (ColumnData::Numeric(Some(Numeric::new_with_scale(-5, 3))), ColumnType::Decimaln, json!("-0.005")),
            (ColumnData::Numeric(Some(Numeric::new_with_scale(120, 0))), ColumnType::Decimaln, json!("120")),
            (ColumnData::Binary(Some(vec![0, 171].into())), ColumnType::BigVarBin, json!("\\x00ab")),
            (ColumnData::Date(Some(Date::new(0))), ColumnType::Daten, json!("0001-01-01")),
            (ColumnData::Date(Some(Date::new(16_000_000))), ColumnType::Daten, json!("out of range")),
            (ColumnData::Time(Some(Time::new(86_399, 0))), ColumnType::Timen, json!("23:59:59")),
            (ColumnData::DateTime2(Some(at)), ColumnType::Datetime2, json!("2026-12-02T12:00:00.5")),
            (
                ColumnData::DateTimeOffset(Some(DateTimeOffset::new(at, 60))),
                ColumnType::DatetimeOffsetn,
                json!("2026-12-02T12:00:00.5Z"),
            ),
            (ColumnData::DateTime(Some(DateTime::new(0, 299))), ColumnType::Datetime, json!("1900-01-01T00:00:00.997")),
            (ColumnData::DateTime(Some(DateTime::new(-1, 0))), ColumnType::Datetime, json!("1899-12-31T00:00:00")),
            (
                ColumnData::SmallDateTime(Some(SmallDateTime::new(1, 61))),
                ColumnType::Datetime4,
                json!("1900-01-02T01:01:00"),
            ),
            (ColumnData::String(None), ColumnType::NVarchar, json!(null)),
        ];
        for (data, kind, expected) in cases {
            assert_eq!(cell(data, kind), Some(expected));
        }
    }

    #[test]
    fn what_the_server_cut_is_not_passed_on() {
        let long = "x".repeat(LONGEST_VALUE / 2);
        assert_eq!(cell(ColumnData::String(Some(long.into())), ColumnType::NVarchar), None);
        let wide = "☃".repeat(LONGEST_VALUE / 4);
        assert!(cell(ColumnData::String(Some(wide.into())), ColumnType::NVarchar).is_some());
    }
}
