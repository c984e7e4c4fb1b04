//! The agent from outside.

mod models;
mod runs;
mod servers;
mod simulation;
