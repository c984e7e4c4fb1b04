//! windlass.yaml and the environment, resolved to checked settings before a port opens.

#![forbid(unsafe_code)]

pub mod settings;

pub use settings::Settings;
