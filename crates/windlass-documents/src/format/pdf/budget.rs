use std::{cell::Cell, time::Instant};

use crate::{Limits, Refused};

/// Steps between two looks at the clock.
const BETWEEN_LOOKS: u64 = 1 << 15;

/// What is left to spend on one file.
pub(super) struct Budget {
    left: Cell<u64>,
    look_at: Cell<u64>,
    deadline: Instant,
}

impl Budget {
    pub fn new(limits: &Limits) -> Self {
        Self {
            left: Cell::new(limits.steps),
            look_at: Cell::new(limits.steps.saturating_sub(BETWEEN_LOOKS)),
            deadline: Instant::now() + limits.time,
        }
    }

    /// Takes some steps.
    pub fn spend(&self, steps: u64) -> Result<(), Refused> {
        let slow = || Refused::TooSlow("PDF: it leads in circles, or is very large".to_owned());
        let left = self.left.get().checked_sub(steps).ok_or_else(slow)?;
        self.left.set(left);
        if left < self.look_at.get() {
            self.look_at.set(left.saturating_sub(BETWEEN_LOOKS));
            if Instant::now() > self.deadline {
                return Err(slow());
            }
        }
        Ok(())
    }

    /// Takes the steps that so many bytes are worth.
    pub fn bytes(&self, bytes: usize) -> Result<(), Refused> {
        self.spend(bytes as u64 / 10 + 1)
    }
}
