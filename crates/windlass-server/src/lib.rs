//! The gate and the transports.
//!
//! [`Gate`] is the one path of every call. [`Server`] puts MCP in front of it, over streamable HTTP and stdio, every
//! revision from one endpoint, without server-side sessions wherever the protocol allows.

#![forbid(unsafe_code)]

mod catalog;
mod gate;
mod http;
mod metrics;
mod protocol;
mod server;
mod stdio;

pub use catalog::CatalogError;
pub use gate::{Caller, Gate, Live};
pub use http::{AnswerBy, Handler, ResponseBody};
pub use metrics::Metrics;
pub use server::{Parts, Server};

/// The tracing target of call spans.
pub const CALLS: &str = "windlass::calls";

/// The version reported everywhere.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
