use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use windlass_core::units::{Bytes, Span};

/// `fetch_url`: only named hosts, never a private address.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct FetchSettings {
    /// Hosts that may be fetched: `docs.example.com`, or `*.example.com` for every subdomain. Ports 80 and 443 unless
    /// the entry names another (`docs.example.com:8443`). An address counts only where it is listed itself. Empty = the
    /// tool is off.
    pub allowed_hosts: Vec<String>,
    /// Largest body read, counted after decompression.
    pub max_bytes: Bytes,
    /// Time for the whole fetch, redirects included.
    pub timeout: Span,
    /// Redirects followed, each checked like the first address.
    pub max_redirects: usize,
    /// Address ranges (CIDR) that may be reached although they are private, shared (100.64.0.0/10) or loopback, e.g. an
    /// intranet. Link-local and container-credential addresses are refused whatever stands here.
    pub allowed_private: Vec<String>,
}

impl Default for FetchSettings {
    fn default() -> Self {
        Self {
            allowed_hosts: Vec::new(),
            max_bytes: Bytes(1 << 20),
            timeout: Span(std::time::Duration::from_secs(30)),
            max_redirects: 5,
            allowed_private: Vec::new(),
        }
    }
}
