//! Against the real program, and what stands in for AWS.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod cancel;
mod checkov;
mod failures;
mod run;
mod stacks;
mod stand_ins;
mod support;
