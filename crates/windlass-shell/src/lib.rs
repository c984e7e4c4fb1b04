//! Toolset: approved commands.

pub mod exec;
pub mod explain;
pub mod import;
pub mod launch;
mod line;
pub mod plan;
pub mod rules;
