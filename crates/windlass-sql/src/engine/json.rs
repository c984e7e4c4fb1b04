use std::borrow::Cow;

use serde_json::Value;

/// The largest integer up to which a double holds every one.
const EXACT: u64 = 1 << 53;

/// Reads JSON that a database wrote. Numbers that a double cannot hold exactly become text with all their digits:
/// whoever reads the answer would otherwise see other numbers than the database has.
pub(crate) fn faithful(text: &str) -> Result<Value, serde_json::Error> {
    serde_json::from_str(&quoted(text))
}

/// A whole number: itself up to 2^53, text beyond.
pub(crate) fn integer(value: i64) -> Value {
    if value.unsigned_abs() <= EXACT { value.into() } else { Value::String(value.to_string()) }
}

/// Bytes: `\x` and two digits for each, as PostgreSQL writes them.
pub(crate) fn bytes(bytes: &[u8]) -> String {
    format!("\\x{}", hex::encode(bytes))
}

/// A double: itself, or the text that says what it is.
pub(crate) fn float(value: f64) -> Value {
    let text = || match value {
        value if value.is_nan() => "NaN",
        value if value > 0.0 => "Infinity",
        _ => "-Infinity",
    };
    serde_json::Number::from_f64(value).map_or_else(|| Value::String(text().to_owned()), Value::Number)
}

/// The text with quotes around the numbers that need them.
fn quoted(text: &str) -> Cow<'_, str> {
    let bytes = text.as_bytes();
    let (mut done, mut at) = (0, 0);
    let mut out = String::new();
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'"' => at = after_text(bytes, at),
            b'-' | b'0'..=b'9' => {
                let end = after_number(bytes, at);
                if !is_exact(&text[at..end]) {
                    out += &text[done..at];
                    out.push('"');
                    out += &text[at..end];
                    out.push('"');
                    done = end;
                }
                at = end;
            }
            _ => at += 1,
        }
    }
    if done == 0 {
        return Cow::Borrowed(text);
    }
    out += &text[done..];
    Cow::Owned(out)
}

/// Where the text that begins at this quote is over.
fn after_text(bytes: &[u8], quote: usize) -> usize {
    let mut at = quote + 1;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    bytes.len()
}

fn after_number(bytes: &[u8], start: usize) -> usize {
    let is_part = |byte: &u8| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E');
    bytes[start..].iter().position(|byte| !is_part(byte)).map_or(bytes.len(), |length| start + length)
}

fn is_exact(number: &str) -> bool {
    // Nearly all are this short, and a double has 15 digits at least.
    if number.len() <= 15 && !number.contains(['e', 'E']) {
        return true;
    }
    // By the parser that will read it, which is not exact for all that a double can hold.
    let Ok(double) = serde_json::from_str::<f64>(number) else { return false };
    if !number.contains(['.', 'e', 'E']) {
        return number.trim_start_matches('-').parse::<u64>().is_ok_and(|value| value <= EXACT);
    }
    parts(number) == parts(&format!("{double:e}"))
}

/// The digits that count, and the power of ten of the first: 0.0120 is `12` and -2.
fn parts(number: &str) -> Option<(String, i64)> {
    let number = number.trim_start_matches('-');
    let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let exponent: i64 = exponent.parse().ok()?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    let zeros = digits.len() - digits.trim_start_matches('0').len();
    let counting = digits.trim_matches('0').to_owned();
    if counting.is_empty() {
        return Some((counting, 0));
    }
    let first = i64::try_from(whole.len()).ok()? - i64::try_from(zeros).ok()? - 1;
    Some((counting, first.checked_add(exponent)?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_a_double_cannot_hold_become_text() {
        for (text, expected) in [
            ("9007199254740992", json!(9007199254740992_u64)),
            ("9007199254740993", json!("9007199254740993")),
            ("-9007199254740993", json!("-9007199254740993")),
            ("1152921504606846976", json!("1152921504606846976")),
            ("1.10", json!(1.1)),
            ("0.1", json!(0.1)),
            ("-0.000000000000000001200", json!(-1.2e-18)),
            ("0.30000000000000004", json!(0.30000000000000004)),
            ("0.300000000000000041", json!("0.300000000000000041")),
            ("3.14159265358979323846264338", json!("3.14159265358979323846264338")),
            ("1e400", json!("1e400")),
            ("-1E-400", json!("-1E-400")),
            ("1e20", json!(1e20)),
            ("0.0000000000000000", json!(0.0)),
            ("0e99999999999999999999", json!("0e99999999999999999999")),
            ("123456789012345.00", json!(123456789012345.0)),
        ] {
            assert_eq!(faithful(text).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn what_is_in_texts_stays() {
        let text = r#" { "9007199254740993" : [ "12345678901234567890", "\"", "\\", 12345678901234567890 , null, true ],
            "é\"-1e400": -1.5e3 } "#;
        let expected = json!({
            "9007199254740993": ["12345678901234567890", "\"", "\\", "12345678901234567890", null, true],
            "é\"-1e400": -1500.0,
        });
        assert_eq!(faithful(text).unwrap(), expected);
    }

    #[test]
    fn what_is_no_json_is_refused() {
        for text in ["", "[1", "\"", "\"\\", "nul", "[1,]", "{\"a\":}", "12345678901234567890 1"] {
            assert!(faithful(text).is_err(), "{text}");
        }
    }

    proptest! {
        /// Every digit is there, in the number or in the text.
        #[test]
        fn no_digit_is_lost(whole in any::<i128>(), fraction in "[0-9]{0,30}", exponent in -400_i32..400) {
            for number in [format!("{whole}"), format!("{whole}.{fraction}1"), format!("{whole}e{exponent}")] {
                match faithful(&number).unwrap() {
                    Value::String(text) => prop_assert_eq!(text, number),
                    value => prop_assert_eq!(parts(&value.to_string()), parts(&number)),
                }
            }
        }

        #[test]
        fn what_is_a_number_is_the_same_number(value in any::<f64>().prop_filter("finite", |value| value.is_finite())) {
            let text = serde_json::to_string(&value).unwrap();
            match faithful(&text).unwrap() {
                Value::String(same) => prop_assert_eq!(same, text),
                number => prop_assert_eq!(number, json!(value)),
            }
        }

        #[test]
        fn json_without_large_numbers_is_read_as_ever(text in "[\\[\\]{}\",:0-9a-z\\\\ .-]{0,40}") {
            let value = serde_json::from_str::<Value>(&text);
            if !text.bytes().any(|byte| byte.is_ascii_digit()) {
                prop_assert_eq!(faithful(&text).ok(), value.ok());
            }
        }
    }
}
