//! The seeds' vocabulary in ours.

use std::time::Duration;

use windlass_core::units::Span;

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Transport {
    Known(&'static str),
    /// Anything else meant both.
    Guessed(&'static str),
}

impl Transport {
    pub fn word(&self) -> &'static str {
        match self {
            Self::Known(word) | Self::Guessed(word) => word,
        }
    }
}

pub(super) fn transport(value: &str) -> Transport {
    match value.to_ascii_lowercase().as_str() {
        "stdio" => Transport::Known("stdio"),
        "http" | "sse" | "remote" | "streamable-http" | "streamable_http" => Transport::Known("http"),
        "both" | "all" => Transport::Known("both"),
        _ => Transport::Guessed("both"),
    }
}

pub(super) fn level(value: &str) -> Option<&'static str> {
    Some(match value.to_ascii_lowercase().as_str() {
        "off" | "none" => "off",
        "critical" | "fatal" | "error" => "error",
        "warning" | "warn" => "warn",
        // What ACCESS added is in the audit log.
        "info" | "access" => "info",
        "debug" => "debug",
        "trace" | "notset" => "trace",
        _ => return None,
    })
}

/// Go's spelling of durations: like ours, with fractions and smaller units, without days.
pub(super) fn go_duration(value: &str) -> Option<Span> {
    const UNITS: [(&str, f64); 7] =
        [("ns", 1e-9), ("us", 1e-6), ("µs", 1e-6), ("ms", 1e-3), ("s", 1.0), ("m", 60.0), ("h", 3600.0)];
    let mut rest = value.strip_prefix('+').unwrap_or(value);
    let mut seconds = 0.0;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..end].parse().ok()?;
        rest = &rest[end..];
        let (unit, factor) = UNITS.iter().find(|(unit, _)| rest.starts_with(unit))?;
        rest = &rest[unit.len()..];
        seconds += number * factor;
    }
    // Whole milliseconds: that is what a span can say. Nothing rounds down to "no time at all".
    let millis = (seconds * 1000.0).round();
    (1.0..1e15).contains(&millis).then(|| Span(Duration::from_millis(millis as u64)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn go_durations() {
        for (text, millis) in [
            ("30s", 30_000),
            ("1.5h", 5_400_000),
            ("1m30.5s", 90_500),
            ("300ms", 300),
            ("1500us", 2),
            ("2h0m0s", 7_200_000),
        ] {
            assert_eq!(go_duration(text).map(|span| span.0.as_millis()), Some(millis), "{text}");
        }
        for text in ["", "30", "s", "-1s", "1d", "1.2.3s", "0s", "1e9s", "99999999999999999999h", "é"] {
            assert_eq!(go_duration(text), None, "{text}");
        }
    }

    #[test]
    fn transports_and_levels() {
        assert_eq!(transport("SSE"), Transport::Known("http"));
        assert_eq!(transport("carrier pigeon"), Transport::Guessed("both"));
        assert_eq!(level("WARNING"), Some("warn"));
        assert_eq!(level("loud"), None);
    }
}
