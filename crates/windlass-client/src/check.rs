//! `windlass check`: proves any MCP server on the wire.

mod catalogue;
mod handshake;
mod http;
mod junit;
mod peer;
mod pipe;
mod protocol;
mod recorder;
mod report;
mod schema;
mod sse;
mod stdio;
mod text;
mod tools;
mod wire;

use std::time::Duration;

use serde_json::Value;

pub use catalogue::{CATALOGUE, CheckInfo};
pub use junit::junit;
pub use report::{Finding, Latency, Report, ServerInfo, Status, Summary};
pub use text::text;

use crate::{error::ClientError, target::Target};

/// How to check.
#[derive(Debug, Clone)]
pub struct CheckOptions {
    /// How many tools/list requests to measure.
    pub samples: usize,
    /// How long any one request may take.
    pub timeout: Duration,
    /// The tool to call, with its arguments. Without it only a tool that is annotated read-only and needs no argument
    /// is called.
    pub call: Option<(String, Value)>,
    /// Ids of checks that must pass: for these a warning or a skip is a failure.
    pub require: Vec<String>,
    /// Also probe what costs the server something: a request of 5 MiB.
    pub thorough: bool,
}

impl Default for CheckOptions {
    fn default() -> Self {
        Self { samples: 20, timeout: Duration::from_secs(10), call: None, require: Vec::new(), thorough: false }
    }
}

/// Checks a server. An error means that the question made no sense; whatever is wrong with the server is in the report,
/// also that there is none.
pub async fn check(target: &Target, options: &CheckOptions) -> Result<Report, ClientError> {
    let is_http = matches!(target, Target::Http(_));
    for id in &options.require {
        let known = catalogue::find(id).is_some_and(|info| if is_http { info.http } else { info.stdio });
        if !known {
            return Err(ClientError::usage(
                format!("there is no check `{id}` for this transport"),
                "the ids are in the first column of the report",
            ));
        }
    }
    let secrets = match target {
        Target::Http(http) => http.secrets(),
        Target::Stdio(stdio) => stdio.secrets(),
    };
    let mut recorder = recorder::Recorder::new(target.to_string(), secrets);
    match target {
        Target::Http(target) => {
            let wire = wire::Http::new(target.clone(), options.timeout)?;
            http::check(&wire, options, &mut recorder).await;
        }
        Target::Stdio(target) => stdio::check(target, options, &mut recorder).await?,
    }
    Ok(recorder.finish(is_http, &options.require))
}

/// The HTTP status of a bare `initialize`, for a client library's error that does not say. `None` without any answer.
pub(crate) async fn status_of(target: &crate::target::HttpTarget, timeout: Duration) -> Option<u16> {
    let wire = wire::Http::new(target.clone(), timeout).ok()?;
    let mut peer = peer::HttpPeer::new(&wire, peer::Era::Greeting);
    let (reply, _) = peer.exchange("initialize", protocol::initialize_params(protocol::LEGACY[0])).await;
    reply.status
}
