//! The least an HTTP server in this language can do: parse the call, answer it, know nothing of MCP. The floor.

use axum::{Json, Router, routing::post};
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
struct Request {
    #[serde(default)]
    id: Value,
    #[serde(default)]
    params: Params,
}

#[derive(Default, Deserialize)]
struct Params {
    #[serde(default)]
    arguments: Arguments,
}

#[derive(Default, Deserialize)]
struct Arguments {
    #[serde(default)]
    text: String,
}

async fn answer(Json(request): Json<Request>) -> Json<Value> {
    let content = json!([{ "type": "text", "text": request.params.arguments.text }]);
    Json(json!({ "jsonrpc": "2.0", "id": request.id, "result": { "content": content } }))
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    windlass_bench_peers::serve(Router::new().route("/mcp", post(answer))).await
}
