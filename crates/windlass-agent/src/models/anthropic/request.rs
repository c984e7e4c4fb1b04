//! A request as Anthropic takes it.

use serde_json::{Value, json};

use crate::{
    conversation::Role,
    model::Request,
    models::outgoing::{self, Piece},
};

/// What one request is. With `caches` it says up to where the prompt should be kept: after the tools, after what the model is
/// told first, and after the conversation so far, which is the beginning of the next request.
pub(super) fn body(model: &str, request: &Request<'_>, caches: bool) -> Value {
    let mut messages: Vec<Value> = request
        .messages
        .iter()
        .map(|message| {
            let role = match message.role {
                Role::User => "user",
                Role::Assistant => "assistant",
            };
            let pieces = outgoing::pieces(message, is_thought);
            json!({ "role": role, "content": pieces.iter().map(block).collect::<Vec<_>>() })
        })
        .collect();
    let tools = request
        .tools
        .iter()
        .map(|tool| json!({ "name": tool.name, "description": tool.description, "input_schema": tool.input_schema }));
    let mut tools: Vec<Value> = tools.collect();
    let system = outgoing::visible(request.system).map(|text| json!({ "type": "text", "text": text }));
    let mut system: Vec<Value> = system.into_iter().collect();
    if caches {
        keep(tools.last_mut());
        keep(system.last_mut());
        // The last message is the user's, and no thought ends it.
        let content = messages.last_mut().and_then(|message| message["content"].as_array_mut());
        keep(content.and_then(|content| content.last_mut()));
    }
    let mut body = json!({ "model": model, "max_tokens": request.max_tokens, "stream": true, "messages": messages });
    if !system.is_empty() {
        body["system"] = system.into();
    }
    if !tools.is_empty() {
        body["tools"] = tools.into();
    }
    body
}

fn keep(block: Option<&mut Value>) {
    if let Some(block) = block {
        block["cache_control"] = json!({ "type": "ephemeral" });
    }
}

fn is_thought(value: &Value) -> bool {
    matches!(value.get("type").and_then(Value::as_str), Some("thinking" | "redacted_thinking"))
}

fn block(piece: &Piece<'_>) -> Value {
    match piece {
        Piece::Text(text) => json!({ "type": "text", "text": text }),
        Piece::Image(image) => {
            let source = json!({ "type": "base64", "media_type": image.media_type, "data": image.data });
            json!({ "type": "image", "source": source })
        }
        Piece::Thought(value) => (*value).clone(),
        Piece::Call { id, name, arguments } => {
            json!({ "type": "tool_use", "id": id, "name": name, "input": arguments })
        }
        Piece::Result { id, pieces, is_error } => {
            let content: Vec<Value> = pieces.iter().map(block).collect();
            json!({ "type": "tool_result", "tool_use_id": id, "content": content, "is_error": is_error })
        }
    }
}
