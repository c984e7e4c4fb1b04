//! Anthropic's Messages.

mod events;
mod refusals;

use axum::http::HeaderMap;
use serde_json::Value;

use super::{
    asked::{Asked, Message, Piece, Tool, Wire, list, text},
    door::header,
};

pub(super) use events::Voice;
pub(super) use refusals::{error, refusal};

pub(super) fn read(headers: &HeaderMap, body: &str) -> Asked {
    let mut asked = Asked::new(Wire::Anthropic, "", body);
    let Ok(body) = serde_json::from_str::<Value>(body) else {
        asked.wrong("its body is no JSON");
        return asked;
    };
    asked.model = text(&body, "/model").to_owned();
    if !header(headers, "x-api-key").is_empty() {
        asked.credential = "x-api-key".to_owned();
    }
    if header(headers, "anthropic-version") != "2023-06-01" {
        asked.wrong("it names no version of the API");
    }
    if body.get("stream") != Some(&Value::Bool(true)) {
        asked.wrong("it does not ask for a stream");
    }
    asked.max_tokens = body.get("max_tokens").and_then(Value::as_u64);
    for block in list(&body, "system") {
        asked.cached[1] += is_cached(block);
        asked.system += text(block, "/text");
    }
    for tool in list(&body, "tools") {
        asked.cached[0] += is_cached(tool);
        asked.tools.push(Tool {
            name: text(tool, "/name").to_owned(),
            description: text(tool, "/description").to_owned(),
            schema: tool.get("input_schema").cloned().unwrap_or_default(),
        });
    }
    for message in list(&body, "messages") {
        let mut pieces = Vec::new();
        for block in list(message, "content") {
            asked.cached[2] += is_cached(block);
            pieces.extend(piece(block, &mut asked));
        }
        asked.messages.push(Message { role: text(message, "/role").to_owned(), pieces });
    }
    asked
}

fn is_cached(block: &Value) -> usize {
    usize::from(text(block, "/cache_control/type") == "ephemeral")
}

fn piece(block: &Value, asked: &mut Asked) -> Option<Piece> {
    let piece = match text(block, "/type") {
        "text" => Piece::Text(text(block, "/text").to_owned()),
        "image" => Piece::image(text(block, "/source/media_type"), text(block, "/source/data")),
        "thinking" => {
            if is_cached(block) == 1 {
                asked.wrong("a thought has a point for the cache");
            }
            Piece::Thought {
                text: text(block, "/thinking").to_owned(),
                signature: text(block, "/signature").to_owned(),
            }
        }
        "tool_use" => Piece::ToolUse {
            id: text(block, "/id").to_owned(),
            name: text(block, "/name").to_owned(),
            input: block.get("input").cloned().unwrap_or_default(),
        },
        "tool_result" => Piece::ToolResult {
            id: text(block, "/tool_use_id").to_owned(),
            pieces: list(block, "content").iter().filter_map(|block| piece(block, asked)).collect(),
            error: Some(block.get("is_error") == Some(&Value::Bool(true))),
        },
        other => {
            asked.wrong(format!("a block is a {other:?}"));
            return None;
        }
    };
    Some(piece)
}
