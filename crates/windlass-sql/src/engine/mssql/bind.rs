//! Arguments on their way to the server, each with the type it is declared as: what a column is compared with decides
//! whether its index can be used, and a date that were text would be read by the session's language.

use tiberius::{
    ColumnData, IntoSql, Uuid,
    time::{Date, DateTime2, DateTimeOffset, Time},
};
use windlass_config::settings::SqlParameterKind;

use super::EngineError;
use crate::engine::{
    Argument,
    moment::{day, in_utc, moment},
};

/// Days from 0001-01-01, the first of SQL Server, in the count that `time` has.
pub const FIRST_DAY: i32 = 1_721_426;

/// The longest text, in bytes, that is declared with a length; the driver draws the line at the same place.
const SHORT: usize = 4000;

/// A value and what it is declared as.
#[derive(Debug, Clone, PartialEq)]
pub struct Bound {
    pub data: ColumnData<'static>,
    pub declared: &'static str,
}

impl IntoSql<'static> for Bound {
    fn into_sql(self) -> ColumnData<'static> {
        self.data
    }
}

/// Text, such as a statement.
pub fn text(text: String) -> Bound {
    let declared = if text.len() <= SHORT { "nvarchar(4000)" } else { "nvarchar(max)" };
    Bound { data: ColumnData::String(Some(text.into())), declared }
}

/// All of them, in their order.
pub fn arguments(arguments: &[Argument]) -> Result<Vec<Bound>, EngineError> {
    (1..).zip(arguments).map(|(place, argument)| bind(argument, place)).collect()
}

fn bind(argument: &Argument, place: usize) -> Result<Bound, EngineError> {
    use SqlParameterKind as K;
    let unfit = |what: &str| EngineError::Argument(format!("argument {place} is not {what}"));
    let given = Some(&argument.value).filter(|value| !value.is_null());
    let string = |what| given.map(|value| value.as_str().ok_or_else(|| unfit(what))).transpose();
    let (data, declared) = match argument.kind {
        K::String => match string("text")? {
            Some(given) => return Ok(text(given.to_owned())),
            None => (ColumnData::String(None), "nvarchar(4000)"),
        },
        K::Array | K::Json => match given {
            Some(value) => return Ok(text(value.to_string())),
            None => (ColumnData::String(None), "nvarchar(4000)"),
        },
        K::Integer => {
            let number = given.map(|value| value.as_i64().ok_or_else(|| unfit("a whole number of 64 bits")));
            (ColumnData::I64(number.transpose()?), "bigint")
        }
        K::Number => {
            let number = given.map(|value| value.as_f64().ok_or_else(|| unfit("a number")));
            (ColumnData::F64(number.transpose()?), "float(53)")
        }
        K::Boolean => {
            let yes = given.map(|value| value.as_bool().ok_or_else(|| unfit("true or false")));
            (ColumnData::Bit(yes.transpose()?), "bit")
        }
        K::Date => {
            let day = string("a day")?.map(|day| date(day).ok_or_else(|| unfit("a day of the years 1 to 9999")));
            (ColumnData::Date(day.transpose()?), "date")
        }
        K::Timestamp => {
            let moment = string("a moment")?;
            match moment.map(|text| stamp(text).ok_or_else(|| unfit("a moment of the years 1 to 9999"))).transpose()? {
                // Compared with a column that has no time zone, it stays what it is.
                Some((moment, false)) => (ColumnData::DateTime2(Some(moment)), "datetime2"),
                moment => {
                    let moment = moment.map(|(moment, _)| DateTimeOffset::new(moment, 0));
                    (ColumnData::DateTimeOffset(moment), "datetimeoffset")
                }
            }
        }
        K::Uuid => {
            let uuid = string("a UUID")?.map(|text| Uuid::parse_str(text).map_err(|_| unfit("a UUID")));
            (ColumnData::Guid(uuid.transpose()?), "uniqueidentifier")
        }
        K::Identifier => return Err(unfit("a value: identifiers cannot be bound")),
    };
    Ok(Bound { data, declared })
}

fn date(text: &str) -> Option<Date> {
    days(day(text)?).map(Date::new)
}

/// A moment in UTC, and whether a time zone was given.
fn stamp(text: &str) -> Option<(DateTime2, bool)> {
    let (local, zone) = moment(text)?;
    let utc = in_utc(local, zone)?;
    let midnight = utc.time().as_hms_nano();
    let seconds = u64::from(midnight.0) * 3600 + u64::from(midnight.1) * 60 + u64::from(midnight.2);
    let increments = seconds * 10_000_000 + u64::from(midnight.3) / 100;
    let date = Date::new(days(utc.date())?);
    Some((DateTime2::new(date, Time::new(increments, 7)), zone.is_some()))
}

fn days(day: time::Date) -> Option<u32> {
    u32::try_from(day.to_julian_day() - FIRST_DAY).ok().filter(|days| *days <= 3_652_058)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn bound(kind: SqlParameterKind, value: Value) -> Result<ColumnData<'static>, EngineError> {
        bind(&Argument { kind, items: None, value }, 1).map(|bound| bound.data)
    }

    #[test]
    fn arguments_have_the_types_of_the_server() {
        use SqlParameterKind as K;
        let day = Date::new(739_951);
        let moment = DateTime2::new(day, Time::new(432_005_000_000, 7));
        let noon = DateTimeOffset::new(moment, 0);
        let uuid = "6f9619ff-8b86-d011-b42d-00c04fc964ff";
        let cases = [
            (K::String, json!("a'b"), ColumnData::String(Some("a'b".into()))),
            (K::Integer, json!(-1), ColumnData::I64(Some(-1))),
            (K::Number, json!(2), ColumnData::F64(Some(2.0))),
            (K::Boolean, json!(false), ColumnData::Bit(Some(false))),
            (K::Date, json!("2026-12-02"), ColumnData::Date(Some(day))),
            (K::Timestamp, json!("2026-12-02T13:00:00.5+01:00"), ColumnData::DateTimeOffset(Some(noon))),
            (K::Timestamp, json!("2026-12-02T12:00:00.5"), ColumnData::DateTime2(Some(moment))),
            (K::Uuid, json!(uuid), ColumnData::Guid(Uuid::parse_str(uuid).ok())),
            (K::Array, json!([1, null]), ColumnData::String(Some("[1,null]".into()))),
            (K::Json, json!({"a": "b"}), ColumnData::String(Some("{\"a\":\"b\"}".into()))),
            (K::Date, json!(null), ColumnData::Date(None)),
            (K::Json, json!(null), ColumnData::String(None)),
        ];
        for (kind, value, expected) in cases {
            assert_eq!(bound(kind, value), Ok(expected));
        }
    }

    #[test]
    fn what_does_not_fit_is_named() {
        use SqlParameterKind as K;
        let cases = [
            (K::Integer, json!(u64::MAX), "argument 1 is not a whole number of 64 bits"),
            (K::Date, json!("2026-02-30"), "argument 1 is not a day of the years 1 to 9999"),
            (K::Timestamp, json!("9999-12-31T23:59:59-10:00"), "argument 1 is not a moment of the years 1 to 9999"),
            (K::Identifier, json!("orders"), "argument 1 is not a value: identifiers cannot be bound"),
        ];
        for (kind, value, expected) in cases {
            assert_eq!(bound(kind, value), Err(EngineError::Argument(expected.to_owned())));
        }
    }
}
