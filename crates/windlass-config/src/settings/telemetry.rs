use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use url::Url;

/// Logs and traces. The audit log is apart from this and cannot be turned off.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TelemetrySettings {
    /// `error`, `warn`, `info`, `debug`, `trace`, or directives such as `info,windlass_shell=debug`. Logs go to stderr.
    pub log: String,
    /// Form of the log lines.
    pub log_format: LogFormat,
    /// OTLP/HTTP collector for traces, e.g. `http://localhost:4318`. Off when absent.
    pub otlp_endpoint: Option<Url>,
}

impl Default for TelemetrySettings {
    fn default() -> Self {
        Self { log: "info".into(), log_format: LogFormat::Auto, otlp_endpoint: None }
    }
}

/// Form of the log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// `text` on a terminal, `json` elsewhere.
    #[default]
    Auto,
    /// For people.
    Text,
    /// For collectors.
    Json,
}
