//! The whole server, seen by clients and by a test suite that others wrote.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

mod foreign;
#[cfg(feature = "models")]
mod models;
