//! How long an event may take.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// What is left for writing the audit log out and for the way back.
const MARGIN: Duration = Duration::from_millis(500);

/// API Gateway's HTTP APIs give up after 30 s, which nobody can raise; some of it went by on the way here.
const GATEWAY: Duration = Duration::from_secs(29);

/// When an event that arrived `now` has to be answered, given Lambda's deadline in milliseconds since 1970.
pub(crate) fn answer_by(deadline: u64, gateway: bool) -> Instant {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Instant::now() + usable(Duration::from_millis(deadline).saturating_sub(now), gateway)
}

/// What is left for what is half-way: publishing is not interrupted.
const FINISH: Duration = Duration::from_secs(20);

/// When work without a client has to end by itself, so that it says why, and is not simply killed.
pub(crate) fn finish_by(deadline: u64) -> Instant {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let left = Duration::from_millis(deadline).saturating_sub(now);
    Instant::now() + (left - FINISH.min(left / 4))
}

fn usable(left: Duration, gateway: bool) -> Duration {
    let left = if gateway { left.min(GATEWAY) } else { left };
    // A function may have as little as a second in all.
    left - MARGIN.min(left / 8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_margin_is_kept_and_never_all_there_is() {
        let millis = Duration::from_millis;
        assert_eq!(usable(millis(900_000), false), millis(899_500));
        assert_eq!(usable(millis(900_000), true), millis(28_500));
        assert_eq!(usable(millis(3_000), true), millis(2_625));
        assert_eq!(usable(millis(0), false), millis(0));
    }
}
