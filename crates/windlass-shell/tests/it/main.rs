//! The integration tests of the shell toolset, one module per feature.

mod exec;
mod protections;
mod runs;
