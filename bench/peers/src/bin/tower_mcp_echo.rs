//! tower-mcp by itself; JSON answers and optional sessions are its defaults.

use axum::Router;
use schemars::JsonSchema;
use serde::Deserialize;
use tower_mcp::{CallToolResult, McpRouter, ToolBuilder, transport::http::HttpTransport};

#[derive(Debug, Deserialize, JsonSchema)]
struct Arguments {
    text: String,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let echo = ToolBuilder::new("echo")
        .description("Says what it is told")
        .handler(|arguments: Arguments| async move { Ok(CallToolResult::text(arguments.text)) })
        .build();
    let router = McpRouter::new().server_info("echo", "1.0.0").tool(echo);
    windlass_bench_peers::serve(Router::new().nest("/mcp", HttpTransport::new(router).into_router())).await
}
