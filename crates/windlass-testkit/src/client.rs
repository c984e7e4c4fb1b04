use async_trait::async_trait;
use serde_json::Value;
use windlass_core::{Client, ClientError, mcp};

/// A client that nobody talks to.
#[derive(Debug, Clone, Copy)]
pub struct Silent;

#[async_trait]
impl Client for Silent {
    fn capabilities(&self) -> mcp::ClientCapabilities {
        mcp::ClientCapabilities::default()
    }

    fn revision(&self) -> &str {
        "2026-07-28"
    }

    async fn progress(&self, _: f64, _: Option<f64>, _: Option<String>) {}

    #[expect(deprecated, reason = "the trait has it")]
    async fn log(&self, _: mcp::LoggingLevel, _: Option<String>, _: Value) {}

    async fn ask(&self, _: mcp::InputRequest) -> Result<Value, ClientError> {
        Err(ClientError::Unsupported)
    }
}
