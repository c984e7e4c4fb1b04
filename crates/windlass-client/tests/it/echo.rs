//! A small, well-behaved server on rmcp.

use std::sync::Arc;

use rmcp::{
    ErrorData, RoleServer, ServerHandler,
    model::{
        CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, Implementation, ListToolsResult,
        PaginatedRequestParams, ProgressNotificationParam, ServerCapabilities, ServerConfig, Tool, ToolAnnotations,
    },
    service::RequestContext,
};
use serde_json::{Value, json};

#[derive(Clone)]
pub struct Echo;

fn tool(name: &'static str, description: &'static str, schema: Value) -> Tool {
    let Value::Object(schema) = schema else { panic!("a schema is an object") };
    Tool::new(name, description, Arc::new(schema))
}

impl ServerHandler for Echo {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(Implementation::new("echo", "1.0.0"))
    }

    async fn list_tools(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let text = json!({
            "type": "object",
            "properties": { "text": { "type": "string" }, "times": { "type": "integer" } },
            "required": ["text"]
        });
        Ok(ListToolsResult::with_all_items(vec![
            tool("echo", "Says what you say.", text),
            tool("fail", "Fails.", json!({ "type": "object" })),
            tool("status", "Says that all is well.", json!({ "type": "object" }))
                .with_annotations(ToolAnnotations::new().read_only(true)),
        ]))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let arguments = request.arguments.unwrap_or_default();
        let result = match request.name.as_ref() {
            "echo" => {
                let times = arguments.get("times").and_then(Value::as_u64).unwrap_or(1);
                let text = arguments.get("text").and_then(Value::as_str).unwrap_or_default();
                if let Some(token) = context.meta.get_progress_token() {
                    let progress = ProgressNotificationParam::new(token, 1.0).with_total(2.0).with_message("half");
                    let _ = context.peer.notify_progress(progress).await;
                }
                CallToolResult::success(vec![ContentBlock::text(vec![text; times as usize].join("\n"))])
            }
            "status" => CallToolResult::success(vec![ContentBlock::text("all is well")]),
            "fail" => CallToolResult::error(vec![ContentBlock::text("it did not work")]),
            other => return Err(ErrorData::invalid_params(format!("unknown tool {other}"), None)),
        };
        Ok(result.into())
    }
}
