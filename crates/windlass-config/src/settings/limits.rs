use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use windlass_core::units::{Bytes, Span};

/// Limits of the gate; each protects every toolset alike.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LimitSettings {
    /// Largest request body.
    pub body: Bytes,
    /// Calls a minute per principal; the bucket holds a tenth of it. 0 = no limit.
    pub calls_per_minute: u32,
    /// Calls at once per principal.
    pub concurrency: usize,
    /// A call ends by then unless it asked for less.
    pub deadline: Span,
    /// Text in one answer; the rest goes behind a handle.
    pub output: Bytes,
    /// Bytes of one stream kept behind its handle.
    pub spill: Bytes,
    /// Sessions kept for 2025-era clients, where a toolset needs any.
    pub sessions: usize,
    /// Open connections.
    pub connections: usize,
    /// How long a connection may take to send its request's head.
    pub header_timeout: Span,
}

impl Default for LimitSettings {
    fn default() -> Self {
        let seconds = |s| Span(std::time::Duration::from_secs(s));
        Self {
            body: Bytes(4 << 20),
            calls_per_minute: 0,
            concurrency: 256,
            deadline: seconds(300),
            output: Bytes(32 << 10),
            spill: Bytes(512 << 20),
            sessions: 128,
            connections: 2048,
            header_timeout: seconds(10),
        }
    }
}
