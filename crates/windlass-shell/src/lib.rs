//! Toolset: approved commands.

pub mod plan;
pub mod rules;
