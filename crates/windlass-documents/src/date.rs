//! The dates that documents give themselves.

use time::{Date, Month};

/// The first date in a text: `2024-05-17`, `2024/5/17`, `17 May 2024`, `May 17, 2024`, `D:20240517...` (PDF).
pub(crate) fn date(text: &str) -> Option<Date> {
    let text = text.get(..text.floor_char_boundary(200.min(text.len())))?;
    let compact = text.trim_start().strip_prefix("D:").unwrap_or("");
    if let Some(digits) = compact.get(..8).filter(|digits| digits.bytes().all(|b| b.is_ascii_digit())) {
        return day(digits[..4].parse().ok()?, digits[4..6].parse().ok()?, digits[6..].parse().ok()?);
    }
    let words: Vec<&str> = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    words.windows(3).find_map(|three| {
        // `17T10` of a timestamp is a 17.
        let number = |word: &str| -> Option<i32> {
            let word = word.split(['T', 't']).next().unwrap_or(word);
            let word = word.trim_end_matches(|c: char| c.is_ascii_alphabetic());
            (word.len() <= 4).then(|| word.parse().ok()).flatten()
        };
        let [first, second, third] = three else { return None };
        let year = |word: &str| number(word).filter(|_| word.bytes().take_while(u8::is_ascii_digit).count() == 4);
        if let Some(year) = year(first) {
            return day(year, month(second).or_else(|| number(second))?, number(third)?);
        }
        let year = year(third)?;
        match (month(first), month(second)) {
            (Some(month), _) => day(year, month, number(second)?),
            (_, Some(month)) => day(year, month, number(first)?),
            // 03/04/2024 is one day here and another there.
            _ => None,
        }
    })
}

fn month(word: &str) -> Option<i32> {
    const NAMES: [&str; 12] = [
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
    ];
    let word = word.to_lowercase();
    let index = NAMES.iter().position(|name| word.len() >= 3 && name.starts_with(&word))?;
    i32::try_from(index + 1).ok()
}

fn day(year: i32, month: i32, day: i32) -> Option<Date> {
    let month = Month::try_from(u8::try_from(month).ok()?).ok()?;
    Date::from_calendar_date(year, month, u8::try_from(day).ok()?).ok().filter(|_| (1900..=2200).contains(&year))
}

#[cfg(test)]
mod tests {
    use super::date;

    #[test]
    fn dates_are_read_as_people_write_them() {
        let read = |text| date(text).map(|date| date.to_string());
        for text in [
            "2024-05-07",
            "2024/5/7",
            "7 May 2024",
            "May 7th, 2024",
            "D:20240507101010+02'00'",
            "2024-05-07T10:00:00Z",
            "Tue, 07 May 2024 10:00:00 GMT",
            "$Mdocdate: May 7 2024 $",
        ] {
            assert_eq!(read(text).as_deref(), Some("2024-05-07"), "{text}");
        }
        for text in ["", "soon", "03/04/2024", "2024-13-01", "1.2.3", "99999-01-01", "may be 2024"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
