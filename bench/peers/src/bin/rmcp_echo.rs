//! rmcp by itself, set up the way it is fastest: JSON answers, no sessions.

use axum::Router;
use rmcp::{
    ServerHandler,
    handler::server::wrapper::Parameters,
    model::{CallToolResult, ContentBlock},
    schemars, tool, tool_handler, tool_router,
    transport::streamable_http_server::{
        StreamableHttpServerConfig, StreamableHttpService, session::local::LocalSessionManager,
    },
};
use serde::Deserialize;

#[derive(Clone, Default)]
struct Echo;

#[derive(Deserialize, schemars::JsonSchema)]
struct Arguments {
    text: String,
}

#[tool_router]
impl Echo {
    /// Says what it is told
    #[tool]
    async fn echo(&self, Parameters(Arguments { text }): Parameters<Arguments>) -> CallToolResult {
        CallToolResult::success(vec![ContentBlock::text(text)])
    }
}

#[tool_handler]
impl ServerHandler for Echo {}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let config = StreamableHttpServerConfig::default().with_legacy_session_mode(false).with_json_response(true);
    let service = StreamableHttpService::new(|| Ok(Echo), LocalSessionManager::default().into(), config);
    windlass_bench_peers::serve(Router::new().nest_service("/mcp", service)).await
}
