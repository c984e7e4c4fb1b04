//! The domain of Windlass: who calls ([`Principal`]), what they ask for ([`Call`]), what answers ([`Toolset`]),
//! what comes back ([`Reply`], [`ToolError`]) and what is written down ([`AuditEvent`]).
//!
//! Nothing here does IO. Toolsets depend on this crate and never on a transport; transports depend on it and never on a
//! toolset. The gate in `windlass-server` is the only place where the two meet.
//!
//! The vocabulary of the protocol itself (tools, content blocks, prompts, resources) is rmcp's, re-exported as [`mcp`]:
//! a second set of forty types and the conversions between them would say nothing new.

#![forbid(unsafe_code)]

mod audit;
mod call;
mod check;
mod command;
mod error;
mod news;
mod outputs;
mod principal;
mod seal;
mod toolset;

pub mod schema;
pub mod units;

/// The Model Context Protocol's own types.
pub use rmcp::model as mcp;

pub use audit::{AuditEvent, AuditFeed, AuditSink, Decision};
pub use call::{Call, Client, ClientError, Deadline, Resume};
pub use check::{Check, Health};
pub use command::{CommandAnswer, ended};
pub use error::{ErrorKind, ToolError, chain};
pub use news::News;
pub use outputs::{Captured, NoOutputs, Outputs, Sink};
pub use principal::{Principal, PrincipalSource};
pub use seal::StateSeal;
pub use secrecy::{ExposeSecret, SecretString};
pub use tokio_util::sync::CancellationToken;
pub use toolset::{Fallback, Library, Output, Reply, Tasks, ToolSpec, Toolset};
