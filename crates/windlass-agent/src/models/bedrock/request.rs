//! A request as Converse takes it.

use serde_json::{Value, json};

use super::family::Family;
use crate::{
    conversation::Role,
    model::Request,
    models::outgoing::{self, Piece},
};

/// What one request is.
pub(super) fn body(request: &Request<'_>, family: Family) -> Value {
    let mut messages: Vec<Value> = request
        .messages
        .iter()
        .map(|message| {
            let role = match message.role {
                Role::User => "user",
                Role::Assistant => "assistant",
            };
            let pieces = outgoing::pieces(message, |value| value.get("reasoningContent").is_some());
            let content = pieces.iter().map(|piece| block(piece, family)).collect::<Vec<_>>();
            json!({ "role": role, "content": content })
        })
        .collect();
    let tools = request.tools.iter().map(|tool| {
        let mut told = json!({ "name": tool.name, "inputSchema": { "json": tool.input_schema } });
        // Unlike the others it refuses a description that is empty.
        if let Some(description) = outgoing::visible(&tool.description) {
            told["description"] = description.into();
        }
        json!({ "toolSpec": told })
    });
    let mut tools: Vec<Value> = tools.collect();
    let mut system: Vec<Value> =
        outgoing::visible(request.system).map(|text| json!({ "text": text })).into_iter().collect();
    if family.keeps_tools {
        keep(&mut tools);
    }
    if family.keeps_messages {
        keep(&mut system);
        if let Some(content) = messages.last_mut().and_then(|message| message["content"].as_array_mut()) {
            keep(content);
        }
    }
    let mut body = json!({ "messages": messages, "inferenceConfig": { "maxTokens": request.max_tokens } });
    if !system.is_empty() {
        body["system"] = system.into();
    }
    if !tools.is_empty() {
        body["toolConfig"] = json!({ "tools": tools });
    }
    body
}

/// Up to here the prompt should be kept.
fn keep(blocks: &mut Vec<Value>) {
    if !blocks.is_empty() {
        blocks.push(json!({ "cachePoint": { "type": "default" } }));
    }
}

fn block(piece: &Piece<'_>, family: Family) -> Value {
    match piece {
        Piece::Text(text) => json!({ "text": text }),
        Piece::Image(image) => {
            let format = image.media_type.trim_start_matches("image/");
            json!({ "image": { "format": format, "source": { "bytes": image.data } } })
        }
        Piece::Thought(value) => (*value).clone(),
        Piece::Call { id, name, arguments } => {
            json!({ "toolUse": { "toolUseId": id, "name": name, "input": arguments } })
        }
        Piece::Result { id, pieces, is_error } => {
            let mut content: Vec<Value> = pieces.iter().map(|piece| block(piece, family)).collect();
            let mut result = json!({ "toolUseId": id });
            if *is_error {
                if family.knows_errors {
                    result["status"] = "error".into();
                } else {
                    content.insert(0, json!({ "text": "error:" }));
                }
            }
            result["content"] = content.into();
            json!({ "toolResult": result })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        conversation::{Block, Content, Message, ToolResult},
        model::ToolDefinition,
        models::choice::Caching,
    };

    #[test]
    fn the_prompt_is_kept_and_errors_are_told_as_each_family_can() {
        let content = vec![Content::Text { text: "no such table".to_owned() }];
        let result = Block::ToolResult(ToolResult { id: "1".to_owned(), content, is_error: true });
        let messages = [Message { role: Role::User, blocks: vec![result] }];
        let schema = json!({ "type": "object" }).as_object().cloned().unwrap();
        let tools = [ToolDefinition { name: "a".to_owned(), description: String::new(), input_schema: schema }];
        let request = Request { system: "Be brief.", messages: &messages, tools: &tools, max_tokens: 9 };
        let body = |id| body(&request, Family::of(id, Caching::Auto)).to_string();
        insta::assert_snapshot!(body("us.anthropic.claude-opus-4-5-v1:0"), @r#"{"messages":[{"role":"user","content":[{"toolResult":{"toolUseId":"1","status":"error","content":[{"text":"no such table"}]}},{"cachePoint":{"type":"default"}}]}],"inferenceConfig":{"maxTokens":9},"system":[{"text":"Be brief."},{"cachePoint":{"type":"default"}}],"toolConfig":{"tools":[{"toolSpec":{"name":"a","inputSchema":{"json":{"type":"object"}}}},{"cachePoint":{"type":"default"}}]}}"#);
        insta::assert_snapshot!(body("meta.llama3-1-70b-instruct-v1:0"), @r#"{"messages":[{"role":"user","content":[{"toolResult":{"toolUseId":"1","content":[{"text":"error:"},{"text":"no such table"}]}}]}],"inferenceConfig":{"maxTokens":9},"system":[{"text":"Be brief."}],"toolConfig":{"tools":[{"toolSpec":{"name":"a","inputSchema":{"json":{"type":"object"}}}}]}}"#);
    }
}
