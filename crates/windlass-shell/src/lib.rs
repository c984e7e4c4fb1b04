//! Toolset: approved commands.

pub mod exec;
pub mod explain;
pub mod import;
pub mod jobs;
pub mod launch;
mod line;
pub mod plan;
pub mod rules;
pub mod toolset;

pub use toolset::ShellToolset;
