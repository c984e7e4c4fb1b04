//! Real parts for tests: the tools, prompts and resources the official conformance suite asks for, a server that serves
//! them behind the whole gate, a proxy that sends every request to another replica, a lint for tool schemas, a
//! scripted model, and what Linux says of a process.

#![forbid(unsafe_code)]

#[cfg(any(feature = "databases", feature = "registry"))]
mod certify;
mod client;
#[cfg(feature = "databases")]
mod database;
mod lint;
mod net;
#[cfg(feature = "server")]
mod serve;
mod skip;

#[cfg(feature = "aws")]
pub mod aws;
pub mod fixtures;
#[cfg(feature = "lambda")]
pub mod lambda;
#[cfg(feature = "databases")]
pub mod mariadb;
#[cfg(feature = "models")]
pub mod models;
#[cfg(feature = "databases")]
pub mod postgres;
pub mod process;
#[cfg(feature = "registry")]
pub mod registry;

pub use client::Silent;
pub use fixtures::FixtureToolset;
pub use lint::schema_lint;
pub use net::{RoundRobinProxy, free_port, round_robin_proxy};
#[cfg(feature = "server")]
pub use serve::serve_toolsets;
pub use skip::skip;
