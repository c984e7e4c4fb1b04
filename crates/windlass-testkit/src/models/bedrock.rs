//! Amazon Bedrock's `converse-stream`: JSON in, frames of an event stream out.

mod frames;
mod refusals;

use axum::http::HeaderMap;
use serde_json::Value;

use super::{
    asked::{Asked, Message, Piece, Tool, Wire, list, text},
    door::header,
};

pub(super) use frames::Voice;
pub(super) use refusals::{error, refusal};

const ROLES: [&str; 2] = ["user", "assistant"];

pub(super) fn read(model: &str, headers: &HeaderMap, body: &str) -> Asked {
    let mut asked = Asked::new(Wire::Bedrock, model, body);
    let Ok(body) = serde_json::from_str::<Value>(body) else {
        asked.wrong("its body is no JSON");
        return asked;
    };
    credential(headers, &mut asked);
    let length = header(headers, "content-length").parse::<usize>();
    if length != Ok(asked.body.len()) {
        asked.wrong(format!("its content-length is {length:?}, and its body has {} bytes", asked.body.len()));
    }
    asked.max_tokens = body.pointer("/inferenceConfig/maxTokens").and_then(Value::as_u64);
    for block in list(&body, "system") {
        match block.get("cachePoint") {
            Some(_) => asked.cached[1] += 1,
            None => asked.system += text(block, "/text"),
        }
    }
    if let Some(configuration) = body.get("toolConfig") {
        for tool in list(configuration, "tools") {
            if tool.get("cachePoint").is_some() {
                asked.cached[0] += 1;
                continue;
            }
            asked.tools.push(Tool {
                name: text(tool, "/toolSpec/name").to_owned(),
                description: text(tool, "/toolSpec/description").to_owned(),
                schema: tool.pointer("/toolSpec/inputSchema/json").cloned().unwrap_or_default(),
            });
        }
        if asked.tools.is_empty() {
            asked.wrong("it has a toolConfig without tools");
        }
    }
    for message in list(&body, "messages") {
        let role = text(message, "/role");
        if !ROLES.contains(&role) {
            asked.wrong(format!("a role is {role:?}"));
        }
        let mut pieces = Vec::new();
        for block in list(message, "content") {
            match block.get("cachePoint") {
                Some(_) => asked.cached[2] += 1,
                None => pieces.extend(piece(block, &mut asked)),
            }
        }
        asked.messages.push(Message { role: role.to_owned(), pieces });
    }
    asked
}

fn credential(headers: &HeaderMap, asked: &mut Asked) {
    let authorization = header(headers, "authorization");
    let kind = authorization.split(' ').next().unwrap_or_default();
    asked.credential = kind.to_owned();
    let signed = authorization.contains("/bedrock/aws4_request");
    if !(kind == "Bearer" || kind == "AWS4-HMAC-SHA256" && signed) {
        asked.wrong(format!("it is not signed for bedrock: {kind:?}"));
    }
}

fn piece(block: &Value, asked: &mut Asked) -> Option<Piece> {
    let (kind, value) = block.as_object().filter(|block| block.len() == 1).and_then(|block| block.iter().next())?;
    let piece = match kind.as_str() {
        "text" => Piece::Text(value.as_str().unwrap_or_default().to_owned()),
        "image" => Piece::image(format!("image/{}", text(value, "/format")), text(value, "/source/bytes")),
        "reasoningContent" => Piece::Thought {
            text: text(value, "/reasoningText/text").to_owned(),
            signature: text(value, "/reasoningText/signature").to_owned(),
        },
        "toolUse" => Piece::ToolUse {
            id: text(value, "/toolUseId").to_owned(),
            name: text(value, "/name").to_owned(),
            input: value.get("input").cloned().unwrap_or_default(),
        },
        "toolResult" => Piece::ToolResult {
            id: text(value, "/toolUseId").to_owned(),
            pieces: list(value, "content").iter().filter_map(|block| piece(block, asked)).collect(),
            error: Some(text(value, "/status") == "error"),
        },
        other => {
            asked.wrong(format!("a block is a {other:?}"));
            return None;
        }
    };
    Some(piece)
}
