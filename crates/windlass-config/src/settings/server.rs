use std::net::IpAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use url::Url;
use windlass_core::units::Span;

/// Which transports `windlass serve` opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Transport {
    /// Standard input and output only. The end of input ends the server.
    Stdio,
    /// Streamable HTTP only.
    Http,
    /// Both. The end of standard input leaves HTTP running.
    #[default]
    Both,
}

/// Where and how to listen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ServerSettings {
    /// Which transports to open.
    pub transport: Transport,
    /// Address to bind. Anything but loopback needs `auth`.
    pub host: IpAddr,
    /// Port to bind; 0 takes a free one and prints it.
    pub port: u16,
    /// `Host` headers to accept beside loopback names, with or without a port, e.g. `mcp.example.com`.
    pub allowed_hosts: Vec<String>,
    /// `Origin` headers to accept, e.g. `https://app.example.com`. The server's own console is always accepted.
    pub allowed_origins: Vec<String>,
    /// The address clients use, where a proxy or load balancer stands before the server.
    pub public_url: Option<Url>,
    /// How long accepted calls may take to finish after SIGTERM.
    pub drain: Span,
    /// Whether `/` serves the console page.
    pub console: bool,
    /// The release `/health` names beside the program's own version. `windlass deploy` sets it.
    pub release: Option<String>,
}

impl Default for ServerSettings {
    fn default() -> Self {
        Self {
            transport: Transport::Both,
            host: IpAddr::from([127, 0, 0, 1]),
            port: 8080,
            allowed_hosts: Vec::new(),
            allowed_origins: Vec::new(),
            public_url: None,
            drain: Span(std::time::Duration::from_secs(25)),
            console: true,
            release: None,
        }
    }
}
