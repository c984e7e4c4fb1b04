//! How much may still be sent on a stream.

use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;

use crate::protocol::{INITIAL_CREDIT, MAX_CREDIT};

/// The credit of one stream, for its one sender.
#[derive(Debug)]
pub(crate) struct Credit {
    /// `None` once nobody reads the stream any longer.
    left: Mutex<Option<u64>>,
    changed: Notify,
}

impl Credit {
    pub(crate) fn new() -> Self {
        Self { left: Mutex::new(Some(INITIAL_CREDIT.into())), changed: Notify::new() }
    }

    /// More may be sent; false if that is more than anyone may give.
    pub(crate) fn add(&self, bytes: u32) -> bool {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(before) = *left else { return true };
        let sum = before + u64::from(bytes);
        if sum > MAX_CREDIT {
            return false;
        }
        *left = Some(sum);
        self.changed.notify_one();
        true
    }

    /// Nobody reads any longer.
    pub(crate) fn close(&self) {
        *self.left.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.changed.notify_one();
    }

    /// Waits until something may be sent and takes up to `most` of it; `None` once nobody reads.
    pub(crate) async fn take(&self, most: usize) -> Option<usize> {
        loop {
            if let Some(taken) = self.try_take(most)? {
                return Some(taken);
            }
            self.changed.notified().await;
        }
    }

    /// Gives back what was taken and not used.
    pub(crate) fn put_back(&self, bytes: usize) {
        if let Some(left) = &mut *self.left.lock().unwrap_or_else(PoisonError::into_inner) {
            *left += bytes as u64;
        }
    }

    fn try_take(&self, most: usize) -> Option<Option<usize>> {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        let left = left.as_mut()?;
        let taken = most.min(usize::try_from(*left).unwrap_or(usize::MAX));
        *left -= taken as u64;
        Some((taken > 0).then_some(taken))
    }
}
