//! Values for placeholders.

use mysql_async::Value as Bound;
use serde_json::Value;
use time::Date;
use windlass_config::settings::SqlParameterKind as Kind;

use crate::engine::{
    Argument, EngineError,
    moment::{day, in_utc, moment},
};

pub(super) fn bind(arguments: &[Argument]) -> Result<Vec<Bound>, EngineError> {
    let bound = arguments.iter().enumerate().map(|(at, argument)| {
        one(argument).ok_or_else(|| {
            let (at, kind) = (at + 1, argument.kind);
            EngineError::Argument(format!("value {at} cannot be bound as {kind:?}"))
        })
    });
    bound.collect()
}

fn one(argument: &Argument) -> Option<Bound> {
    let value = &argument.value;
    if value.is_null() {
        return Some(Bound::NULL);
    }
    Some(match argument.kind {
        Kind::String | Kind::Uuid => text(value.as_str()?),
        Kind::Integer => integer(value)?,
        Kind::Number => integer(value).or_else(|| value.as_f64().map(Bound::Double))?,
        Kind::Boolean => Bound::Int(value.as_bool()?.into()),
        Kind::Date => date(value.as_str()?)?,
        Kind::Timestamp => timestamp(value.as_str()?)?,
        Kind::Array | Kind::Json => text(&value.to_string()),
        Kind::Identifier => return None,
    })
}

fn text(text: &str) -> Bound {
    Bound::Bytes(text.as_bytes().to_vec())
}

fn integer(value: &Value) -> Option<Bound> {
    value.as_i64().map(Bound::Int).or_else(|| value.as_u64().map(Bound::UInt))
}

fn date(text: &str) -> Option<Bound> {
    let date = day(text)?;
    Some(Bound::Date(year(date)?, date.month().into(), date.day(), 0, 0, 0, 0))
}

/// There are no finer moments there than microseconds, and no time zones.
fn timestamp(text: &str) -> Option<Bound> {
    let (local, zone) = moment(text)?;
    let moment = in_utc(local, zone)?;
    let (date, (hour, minute, second, micro)) = (moment.date(), moment.time().as_hms_micro());
    Some(Bound::Date(year(date)?, date.month().into(), date.day(), hour, minute, second, micro))
}

fn year(date: Date) -> Option<u16> {
    u16::try_from(date.year()).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_cannot_be_bound_says_which_and_as_what() {
        let argument = |kind, value| Argument { kind, items: None, value };
        let good = argument(Kind::Date, json!("2026-11-30"));
        let bad = argument(Kind::Date, json!("2026-13-30"));
        assert_eq!(
            bind(&[good, bad]).unwrap_err(),
            EngineError::Argument("value 2 cannot be bound as Date".to_owned())
        );
        assert!(bind(&[argument(Kind::Identifier, json!("a"))]).is_err());
        assert!(bind(&[argument(Kind::Timestamp, json!("2026-11-30"))]).is_err());
    }

    #[test]
    fn a_moment_is_bound_in_utc_and_one_without_a_time_zone_as_it_is() {
        for (text, hour) in [("2026-11-30T12:00:00+02:00", 10), ("2026-11-30T12:00:00", 12)] {
            let bound = bind(&[Argument { kind: Kind::Timestamp, items: None, value: json!(text) }]);
            assert_eq!(bound.unwrap(), [Bound::Date(2026, 11, 30, hour, 0, 0, 0)]);
        }
        assert_eq!(timestamp("0000-01-01T00:00:00+02:00"), None);
    }
}
