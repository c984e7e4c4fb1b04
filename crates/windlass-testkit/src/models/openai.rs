//! `chat/completions`, as OpenAI has it and as others took it over.

mod chunks;
mod refusals;

use axum::http::HeaderMap;
use serde_json::Value;

use super::{
    asked::{Asked, Message, Piece, Tool, Wire, list, text},
    door::header,
};

pub(super) use chunks::Voice;
pub(super) use refusals::{error, refusal, refuses_max_tokens};

pub(super) fn read(headers: &HeaderMap, body: &str) -> Asked {
    let mut asked = Asked::new(Wire::Openai, "", body);
    let Ok(body) = serde_json::from_str::<Value>(body) else {
        asked.wrong("its body is no JSON");
        return asked;
    };
    asked.model = text(&body, "/model").to_owned();
    asked.credential = header(headers, "authorization").split(' ').next().unwrap_or_default().to_owned();
    if body.get("stream") != Some(&Value::Bool(true)) {
        asked.wrong("it does not ask for a stream");
    }
    let tokens = ["max_tokens", "max_completion_tokens"].map(|name| body.get(name).and_then(Value::as_u64));
    if tokens.iter().all(Option::is_some) {
        asked.wrong("it has max_tokens and max_completion_tokens");
    }
    asked.max_tokens = tokens[0].or(tokens[1]);
    if body.get("tools").is_some() && list(&body, "tools").is_empty() {
        asked.wrong("it has an empty list of tools");
    }
    for tool in list(&body, "tools") {
        if text(tool, "/type") != "function" {
            asked.wrong("a tool is no function");
        }
        asked.tools.push(Tool {
            name: text(tool, "/function/name").to_owned(),
            description: text(tool, "/function/description").to_owned(),
            schema: tool.pointer("/function/parameters").cloned().unwrap_or_default(),
        });
    }
    for (at, message) in list(&body, "messages").iter().enumerate() {
        match text(message, "/role") {
            "system" if at == 0 => asked.system = text(message, "/content").to_owned(),
            "user" => user(message, &mut asked),
            "assistant" => assistant(message, &mut asked),
            "tool" => tool(message, &mut asked),
            other => asked.wrong(format!("the role of message {at} is {other:?}")),
        }
    }
    asked
}

fn user(message: &Value, asked: &mut Asked) {
    let content = content(message, asked);
    match asked.messages.last_mut() {
        // What comes after the answers of tools is one message with them.
        Some(last) if last.role == "user" && all_results(last) => last.pieces.extend(content),
        _ => asked.messages.push(Message { role: "user".to_owned(), pieces: content }),
    }
}

fn all_results(message: &Message) -> bool {
    message.pieces.iter().all(|piece| matches!(piece, Piece::ToolResult { .. }))
}

fn assistant(message: &Value, asked: &mut Asked) {
    let mut pieces = content(message, asked);
    if message.get("tool_calls").is_some() && list(message, "tool_calls").is_empty() {
        asked.wrong("a message has an empty list of calls");
    }
    for call in list(message, "tool_calls") {
        if text(call, "/type") != "function" {
            asked.wrong("a call is none of a function");
        }
        pieces.push(Piece::ToolUse {
            id: text(call, "/id").to_owned(),
            name: text(call, "/function/name").to_owned(),
            input: serde_json::from_str(text(call, "/function/arguments")).unwrap_or_default(),
        });
    }
    asked.messages.push(Message { role: "assistant".to_owned(), pieces });
}

fn tool(message: &Value, asked: &mut Asked) {
    let pieces = content(message, asked);
    if pieces.iter().any(|piece| !matches!(piece, Piece::Text(_))) {
        asked.wrong("the answer of a tool has more than text");
    }
    let result = Piece::ToolResult { id: text(message, "/tool_call_id").to_owned(), pieces, error: None };
    match asked.messages.last_mut() {
        Some(last) if last.role == "user" => last.pieces.push(result),
        _ => asked.messages.push(Message { role: "user".to_owned(), pieces: vec![result] }),
    }
}

fn content(message: &Value, asked: &mut Asked) -> Vec<Piece> {
    match message.get("content") {
        Some(Value::String(text)) => vec![Piece::Text(text.clone())],
        Some(Value::Array(parts)) => parts.iter().filter_map(|value| part(value, asked)).collect(),
        _ => Vec::new(),
    }
}

fn part(part: &Value, asked: &mut Asked) -> Option<Piece> {
    match text(part, "/type") {
        "text" => Some(Piece::Text(text(part, "/text").to_owned())),
        "image_url" => {
            let url = text(part, "/image_url/url");
            let parts = url.strip_prefix("data:").and_then(|data| data.split_once(";base64,"));
            if parts.is_none() {
                asked.wrong("a picture is not in the request");
            }
            parts.map(|(media_type, data)| Piece::image(media_type, data))
        }
        other => {
            asked.wrong(format!("a part is a {other:?}"));
            None
        }
    }
}
