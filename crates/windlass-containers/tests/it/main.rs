//! Real containers where there is an engine, real connections everywhere.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod contract;
mod docker;
mod engine;
mod front;
mod front_attacks;
mod front_cost;
mod layout;
mod real;
mod upstream;
