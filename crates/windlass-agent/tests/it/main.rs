//! The agent from outside.

mod runs;
mod servers;
mod simulation;
