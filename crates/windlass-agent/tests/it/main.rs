//! The agent from outside.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod models;
mod runs;
mod servers;
mod simulation;
