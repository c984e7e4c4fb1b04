//! Knows about talking to MCP servers from the outside, ours or anyone's:
//!
//! - [`check()`] proves a server on the wire and returns a [`Report`];
//! - [`call()`] and [`list()`] use a server the way an agent would, through rmcp's client;
//! - [`Session`] is a connection, for whoever uses a server for longer;
//! - [`connect`] writes the configuration that makes an AI client use a server.
//!
//! `check` deliberately does not use rmcp: a client library hides exactly the facts (status codes, headers, framing) that
//! a proof has to judge, and a mistake shared by client and server would cancel out.
//!
//! Nothing here prints or exits; the binary does both.

#![forbid(unsafe_code)]

mod arguments;
mod call;
mod check;
pub mod connect;
mod error;
mod process;
mod resolve;
mod session;
mod target;
mod text;

pub use arguments::Arguments;
pub use call::{CallOptions, Called, ListOptions, Listed, Progress, call, list};
pub use check::{
    CATALOGUE, CheckInfo, CheckOptions, Finding, Latency, Report, ServerInfo, Status, Summary, check, junit, text,
};
pub use error::ClientError;
pub use resolve::Localhost;
pub use session::Session;
pub use target::{HttpTarget, Inherits, StdioTarget, Target};

/// Chooses the TLS provider for the process. Safe to call again and again; a provider chosen earlier stays.
pub fn install_tls() {
    // An error only says that someone chose before us.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
}
