//! The time of one statement.

use std::{
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use tokio_util::sync::CancellationToken;

use super::EngineError;

/// How long a statement that was told to end may take for it.
const GRACE: Duration = Duration::from_secs(1);

/// One run of a statement. SQLite's hooks ask it whether to go on.
#[derive(Debug)]
pub struct Turn {
    deadline: Instant,
    why: OnceLock<Stop>,
    stopped: CancellationToken,
    given_up: Mutex<Option<Stuck>>,
}

/// Why a statement was ended. The first reason counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// Somebody asked for it.
    Cancelled,
    /// Its time was over.
    TimedOut,
    /// Whoever took the rows has enough of them.
    Enough,
}

impl Turn {
    pub fn new(timeout: Duration) -> Self {
        let now = Instant::now();
        // A century for those who ask for more than the clock has.
        let deadline = now.checked_add(timeout).unwrap_or(now + Duration::from_secs(3_000_000_000));
        Self { deadline, why: OnceLock::new(), stopped: CancellationToken::new(), given_up: Mutex::default() }
    }

    pub fn stop(&self, why: Stop) {
        // Lost to an earlier reason: that one stands.
        let _ = self.why.set(why);
        self.stopped.cancel();
    }

    /// Why it is over, if it is.
    pub fn over(&self) -> Option<Stop> {
        if self.why.get().is_none() && Instant::now() >= self.deadline {
            self.stop(Stop::TimedOut);
        }
        self.why.get().copied()
    }

    /// Ready when it should have ended and did not within the grace.
    pub async fn overdue(&self) -> EngineError {
        tokio::select! {
            () = tokio::time::sleep_until(self.deadline.into()) => self.stop(Stop::TimedOut),
            () = self.stopped.cancelled() => {}
        }
        tokio::time::sleep(GRACE).await;
        match self.why.get() {
            Some(Stop::Cancelled) => EngineError::Cancelled,
            _ => EngineError::TimedOut,
        }
    }

    /// Counts it among the stuck for as long as the thread holds it.
    pub fn give_up(&self, stuck: &Arc<AtomicUsize>) {
        *self.given_up.lock().unwrap_or_else(PoisonError::into_inner) = Some(Stuck::new(stuck));
    }
}

#[derive(Debug)]
struct Stuck(Arc<AtomicUsize>);

impl Stuck {
    fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(count))
    }
}

impl Drop for Stuck {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_reason_counts() {
        let turn = Turn::new(Duration::ZERO);
        turn.stop(Stop::Cancelled);
        assert_eq!(turn.over(), Some(Stop::Cancelled));
        assert_eq!(Turn::new(Duration::ZERO).over(), Some(Stop::TimedOut));
        assert_eq!(Turn::new(Duration::MAX).over(), None);
    }

    #[test]
    fn what_is_given_up_counts_until_its_thread_is_done() {
        let stuck = Arc::default();
        let turn = Arc::new(Turn::new(Duration::ZERO));
        let thread = Arc::clone(&turn);
        turn.give_up(&stuck);
        drop(turn);
        assert_eq!(stuck.load(Ordering::Relaxed), 1);
        drop(thread);
        assert_eq!(stuck.load(Ordering::Relaxed), 0);
    }
}
