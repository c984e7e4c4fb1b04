//! Rate and concurrency, per principal.

use std::{
    collections::HashMap,
    num::NonZeroU32,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter, clock::Clock};
use windlass_config::settings::LimitSettings;
use windlass_core::{ErrorKind, ToolError};

/// Counts calls per principal. Memory is bounded by the principals that called lately.
pub(crate) struct Limits {
    rate: Option<DefaultKeyedRateLimiter<String>>,
    running: Arc<Mutex<HashMap<String, usize>>>,
    concurrency: usize,
    per_minute: u32,
}

/// Held while a call runs.
pub(crate) struct Permit {
    running: Arc<Mutex<HashMap<String, usize>>>,
    principal: String,
}

impl Limits {
    pub fn new(settings: &LimitSettings) -> Self {
        let rate = NonZeroU32::new(settings.calls_per_minute).map(|per_minute| {
            let burst = NonZeroU32::new(per_minute.get().div_ceil(10)).unwrap_or(NonZeroU32::MIN);
            RateLimiter::keyed(Quota::per_minute(per_minute).allow_burst(burst))
        });
        Self { rate, running: Arc::default(), concurrency: settings.concurrency, per_minute: settings.calls_per_minute }
    }

    /// Room for one more call of `principal`, or why there is none.
    pub fn admit(&self, principal: &str) -> Result<Permit, ToolError> {
        if let Some(rate) = &self.rate
            && let Err(not_until) = rate.check_key(&principal.to_owned())
        {
            let wait = not_until.wait_time_from(governor::clock::DefaultClock::default().now());
            return Err(limited(format!("too many calls: the limit is {} a minute", self.per_minute), wait));
        }
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let count = running.entry(principal.to_owned()).or_default();
        if *count >= self.concurrency {
            return Err(limited(
                format!("too many calls at once: {} are running, and that is the limit", self.concurrency),
                Duration::from_secs(1),
            ));
        }
        *count += 1;
        Ok(Permit { running: self.running.clone(), principal: principal.to_owned() })
    }

    /// Forgets principals that have not called for a while.
    pub fn sweep(&self) {
        if let Some(rate) = &self.rate {
            rate.retain_recent();
        }
    }
}

fn limited(message: String, wait: Duration) -> ToolError {
    ToolError::new(ErrorKind::Limited, message)
        .hint(format!("wait {} s, then call again", wait.as_secs_f64().ceil().max(1.0)))
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = running.get_mut(&self.principal) {
            *count -= 1;
            if *count == 0 {
                running.remove(&self.principal);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(calls_per_minute: u32, concurrency: usize) -> Limits {
        Limits::new(&LimitSettings { calls_per_minute, concurrency, ..LimitSettings::default() })
    }

    #[test]
    fn concurrency_is_counted_per_principal_and_forgotten() {
        let limits = limits(0, 2);
        let first = limits.admit("a").unwrap();
        let _second = limits.admit("a").unwrap();
        assert_eq!(limits.admit("a").err().unwrap().kind, ErrorKind::Limited);
        let other = limits.admit("b").unwrap();
        drop(first);
        let _third = limits.admit("a").unwrap();
        drop(other);
        assert_eq!(limits.running.lock().unwrap().len(), 1, "b left no trace");
    }

    #[test]
    fn the_rate_allows_a_burst_and_then_says_when() {
        let limits = limits(60, 100);
        for _ in 0..6 {
            limits.admit("a").unwrap();
        }
        let refused = limits.admit("a").err().unwrap();
        assert_eq!(refused.kind, ErrorKind::Limited);
        assert!(refused.hint.unwrap().starts_with("wait 1 s"));
        limits.admit("b").unwrap();
    }
}
