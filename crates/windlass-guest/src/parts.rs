//! What the program does before it serves: it launches the jails of sandboxes, and puts the last limits on itself.
//!
//! Both are on the way of whoever waits for a sandbox, and this program starts in a fraction of the time that windlass
//! takes, which is large. What they are told comes from the server alone; what one of them does not know it refuses, so
//! that no limit is left out where the two are not of one build.

mod inside;
mod launch;

pub use inside::{Inside, WRITABLE};
pub use launch::Launch;

use std::ffi::OsString;

/// The part that `args` begin with, if they do.
pub(crate) fn named(args: &[OsString]) -> Option<Part> {
    let told = || args.get(1).map(|told| told.to_string_lossy().into_owned()).unwrap_or_default();
    match args.first()?.to_str()? {
        "launch" => Some(Part::Launch(told())),
        "first" => Some(Part::First(told())),
        "inside" => Some(Part::Inside(told())),
        _ => None,
    }
}

/// A part, and what is told to it.
pub(crate) enum Part {
    Launch(String),
    First(String),
    Inside(String),
}

impl Part {
    /// Plays it. What comes back is why it did not work, but of [`Part::Inside`], after which the guest serves.
    pub(crate) fn play(self) -> Result<(), String> {
        match self {
            Self::Launch(told) => Err(launch::run(&told)),
            Self::First(told) => Err(launch::first(&told)),
            Self::Inside(told) => inside::confine(&told),
        }
    }
}
