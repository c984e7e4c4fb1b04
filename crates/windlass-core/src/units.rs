//! Durations and sizes as people write them: `30s`, `1m30s`, `10MiB`.

use std::{fmt, str::FromStr, time::Duration};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A span of time, written `500ms`, `30s`, `5m`, `2h`, `7d` or a sum such as `1m30s`. A bare number is refused: nobody
/// can tell whether it means seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span(pub Duration);

/// A number of bytes, written `512KiB`, `10MiB`, `1GiB`, `10MB` or `4096`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bytes(pub u64);

/// A sum of US dollars in millionths, written `0.50` or `3`. Kept whole, so that sums of it are exact.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Dollars(pub u64);

/// Text that is not a duration or a size.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{given}` is not {what}, write for example {example}")]
pub struct UnitError {
    given: String,
    what: &'static str,
    example: &'static str,
}

const TIMES: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("ms", 1), ("m", 60_000), ("s", 1000)];
const SIZES: [(&str, u64); 8] = [
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("kB", 1000),
    ("KB", 1000),
    ("B", 1),
];

impl FromStr for Span {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let error = || UnitError { given: text.into(), what: "a duration", example: "30s or 1m30s" };
        let mut rest = text.trim();
        let mut millis: u64 = 0;
        if rest.is_empty() {
            return Err(error());
        }
        while !rest.is_empty() {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            let number: u64 = rest[..digits].parse().map_err(|_| error())?;
            rest = &rest[digits..];
            let (unit, factor) = TIMES.iter().find(|(unit, _)| rest.starts_with(unit)).ok_or_else(error)?;
            rest = &rest[unit.len()..];
            millis = number.checked_mul(*factor).and_then(|part| millis.checked_add(part)).ok_or_else(error)?;
        }
        Ok(Self(Duration::from_millis(millis)))
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut left = self.0.as_millis() as u64;
        if left == 0 {
            return f.write_str("0s");
        }
        for (unit, factor) in [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)] {
            if left >= factor {
                write!(f, "{}{unit}", left / factor)?;
                left %= factor;
            }
        }
        Ok(())
    }
}

impl FromStr for Bytes {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let error = || UnitError { given: text.into(), what: "a size", example: "512KiB or 10MiB" };
        let trimmed = text.trim();
        let digits = trimmed.bytes().take_while(u8::is_ascii_digit).count();
        let number: u64 = trimmed[..digits].parse().map_err(|_| error())?;
        let unit = trimmed[digits..].trim_start();
        let factor = match unit {
            "" => 1,
            unit => SIZES.iter().find(|(name, _)| *name == unit).ok_or_else(error)?.1,
        };
        number.checked_mul(factor).map(Self).ok_or_else(error)
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (unit, factor) in &SIZES[..3] {
            if self.0 >= *factor && self.0.is_multiple_of(*factor) {
                return write!(f, "{}{unit}", self.0 / factor);
            }
        }
        write!(f, "{}B", self.0)
    }
}

impl FromStr for Dollars {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let error = || UnitError { given: text.into(), what: "a sum of dollars", example: "0.50" };
        let plain = text.trim().trim_start_matches('$');
        let (whole, fraction) = plain.split_once('.').unwrap_or((plain, ""));
        let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || fraction.len() > 6 || !digits(whole) || !digits(fraction) {
            return Err(error());
        }
        let whole: u64 = whole.parse().map_err(|_| error())?;
        let millionths: u64 = format!("{fraction:0<6}").parse().map_err(|_| error())?;
        whole.checked_mul(1_000_000).and_then(|sum| sum.checked_add(millionths)).map(Self).ok_or_else(error)
    }
}

impl fmt::Display for Dollars {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fraction = format!("{:06}", self.0 % 1_000_000);
        let kept = fraction.trim_end_matches('0').len().max(2);
        write!(f, "{}.{}", self.0 / 1_000_000, &fraction[..kept])
    }
}

impl Serialize for Dollars {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// People write `0.5` without quotes, and YAML makes a number of it.
impl<'de> Deserialize<'de> for Dollars {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Sum;

        impl serde::de::Visitor<'_> for Sum {
            type Value = Dollars;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a sum of dollars such as 0.50")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Dollars, E> {
                text.parse().map_err(E::custom)
            }

            fn visit_u64<E: serde::de::Error>(self, dollars: u64) -> Result<Dollars, E> {
                dollars.to_string().parse().map_err(E::custom)
            }

            fn visit_f64<E: serde::de::Error>(self, dollars: f64) -> Result<Dollars, E> {
                // The shortest text that is this number is what was written.
                dollars.to_string().parse().map_err(E::custom)
            }
        }

        deserializer.deserialize_any(Sum)
    }
}

impl JsonSchema for Dollars {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Dollars".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "number"], "minimum": 0, "description": "a sum of US dollars such as 0.50" })
    }
}

macro_rules! as_string {
    ($type:ident, $name:literal, $pattern:literal, $description:literal) => {
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?
                    .parse()
                    .map_err(serde::de::Error::custom)
            }
        }

        impl JsonSchema for $type {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                $name.into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "pattern": $pattern, "description": $description })
            }
        }
    };
}

as_string!(Span, "Span", "^([0-9]+(ms|s|m|h|d))+$", "a duration such as 500ms, 30s, 1m30s, 2h, 7d");
as_string!(Bytes, "Bytes", "^[0-9]+ ?(B|kB|KB|MB|GB|KiB|MiB|GiB)?$", "a size in bytes such as 4096, 512KiB, 10MiB");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_and_written_alike() {
        for text in ["500ms", "30s", "1m30s", "2h", "7d", "0s"] {
            assert_eq!(text.parse::<Span>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_bare_number_is_no_duration() {
        for text in ["", "30", "s", "1.5s", "-1s", "30 s", "99999999999999999999s", "18446744073709551615d"] {
            assert!(text.parse::<Span>().is_err(), "{text}");
        }
    }

    #[test]
    fn sums_are_read_however_they_are_written() {
        for (json, millionths, shown) in [
            ("\"0.50\"", 500_000, "0.50"),
            ("0.5", 500_000, "0.50"),
            ("3", 3_000_000, "3.00"),
            ("0.075", 75_000, "0.075"),
            ("\"$18.000001\"", 18_000_001, "18.000001"),
        ] {
            let sum: Dollars = serde_json::from_str(json).unwrap();
            assert_eq!((sum.0, sum.to_string().as_str()), (millionths, shown));
        }
        for json in ["-1", "\"1,5\"", "0.0000001", "\"\"", "1e300", "true"] {
            assert!(serde_json::from_str::<Dollars>(json).is_err(), "{json}");
        }
    }

    #[test]
    fn sizes() {
        for (text, bytes) in [("4096", 4096), ("10MiB", 10 << 20), ("10 MB", 10_000_000), ("1GiB", 1 << 30)] {
            assert_eq!(text.parse::<Bytes>().unwrap().0, bytes);
        }
        assert_eq!(Bytes(10 << 20).to_string(), "10MiB");
        assert!("10 parsecs".parse::<Bytes>().is_err());
    }
}
