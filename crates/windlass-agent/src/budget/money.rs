//! Sums of money that add up.

use std::{fmt, ops::Add, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// US dollars, in millionths of a millionth: one token of a model that costs so many millionths of a dollar for a million
/// tokens is a whole number of them, so that no sum is ever rounded. Written `"0.25"` in JSON.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Money(u64);

const DOLLAR: u64 = 1_000_000_000_000;

/// Text that is no sum of money.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no sum of dollars, write for example 0.25")]
pub struct BadMoney(String);

impl Money {
    /// So many millionths of a dollar.
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros.saturating_mul(1_000_000))
    }

    /// What `tokens` cost where a million cost this.
    pub(super) fn per_million(self, tokens: u64) -> Self {
        let exact = u128::from(self.0) * u128::from(tokens) / 1_000_000;
        Self(u64::try_from(exact).unwrap_or(u64::MAX))
    }

    /// In whole cents, rounded up: nobody spends less than is shown.
    pub fn cents(self) -> u64 {
        self.0.div_ceil(DOLLAR / 100)
    }

    /// Whether it is nothing.
    pub fn is_zero(self) -> bool {
        self.0 == 0
    }
}

impl Add for Money {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

/// `$0.25`, with as many digits as the sum has, two at least.
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "${}", self.digits())
    }
}

impl Money {
    fn digits(self) -> String {
        let fraction = format!("{:012}", self.0 % DOLLAR);
        let kept = fraction.trim_end_matches('0').len().max(2);
        format!("{}.{}", self.0 / DOLLAR, &fraction[..kept])
    }
}

impl FromStr for Money {
    type Err = BadMoney;

    fn from_str(text: &str) -> Result<Self, BadMoney> {
        let error = || BadMoney(text.to_owned());
        let plain = text.trim().trim_start_matches('$');
        let (whole, fraction) = plain.split_once('.').unwrap_or((plain, ""));
        let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || fraction.len() > 12 || !digits(whole) || !digits(fraction) {
            return Err(error());
        }
        let dollars = whole.parse::<u64>().ok().and_then(|whole| whole.checked_mul(DOLLAR)).ok_or_else(error)?;
        let rest = format!("{fraction:0<12}").parse::<u64>().map_err(|_| error())?;
        dollars.checked_add(rest).map(Self).ok_or_else(error)
    }
}

impl Serialize for Money {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.digits())
    }
}

impl<'de> Deserialize<'de> for Money {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn read_and_written_alike() {
        for (given, shown) in
            [("0.25", "$0.25"), ("$3", "$3.00"), ("0.000075", "$0.000075"), ("18000000", "$18000000.00")]
        {
            let money: Money = given.parse().unwrap();
            assert_eq!(money.to_string(), shown);
            let json = serde_json::to_string(&money).unwrap();
            assert_eq!(serde_json::from_str::<Money>(&json).unwrap(), money);
        }
        for given in ["", ".5", "-1", "1e3", "1,50", "1.0000000000001", "99999999999"] {
            assert!(given.parse::<Money>().is_err(), "{given}");
        }
    }

    #[test]
    fn cents_are_rounded_up() {
        for (given, cents) in [("0", 0), ("0.01", 1), ("0.010000000001", 2), ("1.23", 123)] {
            assert_eq!(given.parse::<Money>().unwrap().cents(), cents);
        }
    }
}
