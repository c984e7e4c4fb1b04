//! Days and moments, which PostgreSQL counts from the year 2000, and has in years that other calendars lack.

use super::number::push;

/// Days from 1970 to 2000.
const EPOCH: i64 = 10_957;
const DAY: i64 = 86_400_000_000;
/// Of nearly all that is written here.
const LENGTH: usize = 32;

/// `2026-11-30`, `0044-03-15 BC`, `infinity`.
pub(super) fn date(days: i32) -> String {
    match days {
        i32::MAX => "infinity".to_owned(),
        i32::MIN => "-infinity".to_owned(),
        days => {
            let mut text = String::with_capacity(LENGTH);
            let era = push_civil(&mut text, i64::from(days));
            text + era
        }
    }
}

/// `12:00:00.5`.
pub(super) fn time(micros: i64) -> String {
    let mut text = String::with_capacity(LENGTH);
    push_time(&mut text, micros);
    text
}

/// `2026-11-30T12:00:00` and the zone, `infinity`.
pub(super) fn timestamp(micros: i64, zone: &str) -> String {
    match micros {
        i64::MAX => "infinity".to_owned(),
        i64::MIN => "-infinity".to_owned(),
        micros => {
            let mut text = String::with_capacity(LENGTH);
            let era = push_civil(&mut text, micros.div_euclid(DAY));
            text.push('T');
            push_time(&mut text, micros.rem_euclid(DAY));
            text + zone + era
        }
    }
}

fn push_time(text: &mut String, micros: i64) {
    let micros = micros.unsigned_abs();
    let (seconds, fraction) = (micros / 1_000_000, micros % 1_000_000);
    push(text, seconds / 3600, 2);
    text.push(':');
    push(text, seconds / 60 % 60, 2);
    text.push(':');
    push(text, seconds % 60, 2);
    if fraction > 0 {
        text.push('.');
        push(text, fraction, 6);
        text.truncate(text.trim_end_matches('0').len());
    }
}

/// The date of a day since 2000; the era it is in. An algorithm of Howard Hinnant's (`civil_from_days`), which counts years
/// from March and in groups of 400.
fn push_civil(text: &mut String, days: i64) -> &'static str {
    let days = days + EPOCH + 719_468;
    let (group, day_of_group) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_group = (day_of_group - day_of_group / 1460 + day_of_group / 36_524 - day_of_group / 146_096) / 365;
    let day_of_year = day_of_group - (365 * year_of_group + year_of_group / 4 - year_of_group / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = year_of_group + group * 400 + i64::from(month <= 2);
    // There is no year 0: before 1 is 1 BC.
    let (year, era) = if year > 0 { (year, "") } else { (1 - year, " BC") };
    push(text, year.unsigned_abs(), 4);
    text.push('-');
    push(text, month.unsigned_abs(), 2);
    text.push('-');
    push(text, day.unsigned_abs(), 2);
    era
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_dates() {
        for (days, expected) in [
            (0, "2000-01-01"),
            (-1, "1999-12-31"),
            (59, "2000-02-29"),
            (9830, "2026-11-30"),
            (-730_119, "0001-01-01"),
            (-730_120, "0001-12-31 BC"),
            (-2_451_507, "4713-01-01 BC"),
            (2_145_031_948, "5874897-12-31"),
            (i32::MAX, "infinity"),
            (i32::MIN, "-infinity"),
        ] {
            assert_eq!(date(days), expected, "{days}");
        }
    }

    #[test]
    fn moments_have_their_fraction_and_no_more() {
        assert_eq!(time(0), "00:00:00");
        assert_eq!(time(DAY), "24:00:00");
        assert_eq!(time(43_200_500_000), "12:00:00.5");
        assert_eq!(time(1), "00:00:00.000001");
        assert_eq!(timestamp(-1, ""), "1999-12-31T23:59:59.999999");
        assert_eq!(timestamp(9830 * DAY + DAY / 2, "Z"), "2026-11-30T12:00:00Z");
        assert_eq!(timestamp(-730_120 * DAY, "Z"), "0001-12-31T00:00:00Z BC");
        assert_eq!(timestamp(i64::MIN, "Z"), "-infinity");
    }
}
