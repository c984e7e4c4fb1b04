//! A real guest, in a process of its own, and a real host.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod commands;
mod cost;
mod files;
mod flow;
mod guest;
mod hostile_guest;
mod hostile_host;
mod leaks;
mod trees;
