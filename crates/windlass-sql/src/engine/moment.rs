//! Days and moments, as JSON has them.

use time::{
    Date, OffsetDateTime, PrimitiveDateTime, UtcOffset, format_description::BorrowedFormatItem,
    format_description::well_known::Rfc3339, macros::format_description,
};

const DAY: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day]");
const MOMENT: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second][optional [.[subsecond]]]");

/// `2026-11-30`.
pub(crate) fn day(text: &str) -> Option<Date> {
    Date::parse(text, DAY).ok()
}

/// `2026-11-30T12:00:00Z`, or, for columns that have no time zone, without one: then it is taken as it is.
pub(crate) fn moment(text: &str) -> Option<(PrimitiveDateTime, Option<UtcOffset>)> {
    match OffsetDateTime::parse(text, &Rfc3339) {
        Ok(moment) => Some((PrimitiveDateTime::new(moment.date(), moment.time()), Some(moment.offset()))),
        Err(_) => Some((PrimitiveDateTime::parse(text, MOMENT).ok()?, None)),
    }
}

/// The same moment on the clock of UTC. Not where the calendar ends.
pub(crate) fn in_utc(local: PrimitiveDateTime, zone: Option<UtcOffset>) -> Option<PrimitiveDateTime> {
    let Some(zone) = zone else { return Some(local) };
    let utc = local.assume_offset(zone).checked_to_offset(UtcOffset::UTC)?;
    Some(PrimitiveDateTime::new(utc.date(), utc.time()))
}
