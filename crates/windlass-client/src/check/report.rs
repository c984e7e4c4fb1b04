use std::{collections::BTreeMap, time::Duration};

use serde::Serialize;

/// What a check came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// As it should be.
    Pass,
    /// Works, with a reservation.
    Warn,
    /// Not as it should be.
    Fail,
    /// Not judged; the detail says why.
    Skip,
}

/// The outcome of one check.
#[derive(Debug, Clone, Serialize)]
pub struct Finding {
    /// Stable name, see [`CATALOGUE`](super::CATALOGUE).
    pub id: &'static str,
    /// What a pass proves.
    pub title: &'static str,
    /// The verdict.
    pub status: Status,
    /// What was found.
    pub detail: String,
    /// What to do about it, where there is something to do.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub hint: String,
    /// How long it took.
    pub millis: f64,
}

/// How the server describes itself.
#[derive(Debug, Clone, Default, Serialize)]
pub struct ServerInfo {
    /// `serverInfo.name`.
    pub name: String,
    /// `serverInfo.version`.
    pub version: String,
    /// Revisions that were seen to work, newest first.
    pub revisions: Vec<String>,
    /// Number of tools listed.
    pub tools: Option<usize>,
}

/// Latency of one method over several sequential requests, in milliseconds.
#[derive(Debug, Clone, Serialize)]
pub struct Latency {
    /// Half were at least this fast.
    pub p50: f64,
    /// Nine of ten were at least this fast.
    pub p90: f64,
    /// 95 of 100 were at least this fast.
    pub p95: f64,
    /// 99 of 100 were at least this fast.
    pub p99: f64,
    /// The slowest.
    pub max: f64,
    /// How many were measured.
    pub n: usize,
}

/// How many checks came to what.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Checks passed.
    pub passed: usize,
    /// Checks passed with a reservation.
    pub warned: usize,
    /// Checks failed.
    pub failed: usize,
    /// Checks not judged.
    pub skipped: usize,
}

/// The proof of a server.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// What was checked, without secrets.
    pub target: String,
    /// Whether there was anything to check.
    pub reachable: bool,
    /// How the server describes itself.
    pub server: ServerInfo,
    /// One finding per check that applies to the transport, in catalogue order.
    pub findings: Vec<Finding>,
    /// Latency by method.
    pub latency: BTreeMap<String, Latency>,
    /// How many checks came to what.
    pub summary: Summary,
    /// Wall time of the whole check.
    pub millis: f64,
}

impl Report {
    /// The exit code contract: 0 all passed (warnings allowed), 1 a check failed, 4 unreachable.
    pub fn exit_code(&self) -> u8 {
        match (self.reachable, self.summary.failed) {
            (false, _) => 4,
            (true, 0) => 0,
            (true, _) => 1,
        }
    }

    /// The finding with this id.
    pub fn finding(&self, id: &str) -> Option<&Finding> {
        self.findings.iter().find(|finding| finding.id == id)
    }
}

impl Latency {
    /// Percentiles by nearest rank; `None` without samples.
    pub fn of(samples: &[Duration]) -> Option<Self> {
        let mut sorted: Vec<f64> = samples.iter().copied().map(millis).collect();
        sorted.sort_by(f64::total_cmp);
        let rank = |percent: usize| sorted.get((sorted.len() * percent).div_ceil(100).saturating_sub(1)).copied();
        Some(Self {
            p50: rank(50)?,
            p90: rank(90)?,
            p95: rank(95)?,
            p99: rank(99)?,
            max: *sorted.last()?,
            n: sorted.len(),
        })
    }
}

/// Milliseconds with microsecond resolution: more digits would only be noise.
pub(super) fn millis(span: Duration) -> f64 {
    span.as_micros() as f64 / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles() {
        let spans: Vec<_> = (1..=100).rev().map(Duration::from_millis).collect();
        let l = Latency::of(&spans).unwrap();
        assert_eq!((l.p50, l.p90, l.p99, l.max, l.n), (50.0, 90.0, 99.0, 100.0, 100));
        let one = Latency::of(&spans[..1]).unwrap();
        assert_eq!((one.p50, one.p99, one.max), (100.0, 100.0, 100.0));
        assert!(Latency::of(&[]).is_none());
    }
}
