//! The index from outside: one contract, kept by each of the places where an index can be.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

mod contract;
mod embedded;
mod embedded_bucket;
mod embedded_trouble;
mod postgres;
