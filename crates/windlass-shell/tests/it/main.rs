//! The integration tests of the shell toolset, one module per feature.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

mod corpus;
mod exec;
mod fixture;
mod jobs;
mod language;
mod protections;
mod rules;
mod runs;
mod toolset;
