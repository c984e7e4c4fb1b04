//! The clients of the three providers, against a stand-in that speaks as each of them does and checks every request.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

mod bench;
mod cancelled;
mod caps;
mod checks;
mod cut;
mod dialects;
mod faults;
mod pictures;
mod prompts;
mod same;
mod thoughts;
