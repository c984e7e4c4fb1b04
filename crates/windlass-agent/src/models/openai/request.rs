//! A request as OpenAI's chat takes it.

use serde_json::{Value, json};

use crate::{
    conversation::{Image, Role},
    model::Request,
    models::outgoing::{self, Piece},
};

/// What one request is. `newer` names the limit as newer models want it.
pub(super) fn body(model: &str, request: &Request<'_>, newer: bool) -> Value {
    let mut messages = Vec::new();
    if let Some(system) = outgoing::visible(request.system) {
        messages.push(json!({ "role": "system", "content": system }));
    }
    for message in request.messages {
        // Nobody here takes thoughts back.
        let pieces = outgoing::pieces(message, |_| false);
        match message.role {
            Role::Assistant => messages.push(assistant(&pieces)),
            Role::User => user(&pieces, &mut messages),
        }
    }
    let mut body = json!({
        "model": model,
        "messages": messages,
        "stream": true,
        "stream_options": { "include_usage": true },
    });
    let limit = if newer { "max_completion_tokens" } else { "max_tokens" };
    body[limit] = request.max_tokens.into();
    if !request.tools.is_empty() {
        let tools = request.tools.iter().map(|tool| {
            let function =
                json!({ "name": tool.name, "description": tool.description, "parameters": tool.input_schema });
            json!({ "type": "function", "function": function })
        });
        body["tools"] = tools.collect();
    }
    body
}

fn assistant(pieces: &[Piece<'_>]) -> Value {
    let calls: Vec<Value> = pieces
        .iter()
        .filter_map(|piece| match piece {
            Piece::Call { id, name, arguments } => {
                let arguments = Value::Object((*arguments).clone()).to_string();
                let function = json!({ "name": name, "arguments": arguments });
                Some(json!({ "id": id, "type": "function", "function": function }))
            }
            _ => None,
        })
        .collect();
    let text = texts(pieces);
    let mut message =
        json!({ "role": "assistant", "content": if text.is_empty() { Value::Null } else { text.into() } });
    if !calls.is_empty() {
        message["tool_calls"] = calls.into();
    }
    message
}

/// Answers of tools are messages of their own here, and have text alone. So their pictures follow in one of the user's, where
/// a model sees them.
fn user(pieces: &[Piece<'_>], messages: &mut Vec<Value>) {
    let mut pictures = Vec::new();
    for piece in pieces {
        let Piece::Result { id, pieces: inner, is_error } = piece else { continue };
        let mut text = texts(inner);
        let seen = images(inner);
        if !seen.is_empty() {
            if text.is_empty() {
                text = "(its images follow)".to_owned();
            }
            pictures.push(json!({ "type": "text", "text": format!("Images of the tool call {id}:") }));
            pictures.extend(seen.into_iter().map(picture));
        }
        // There is no other place to say so.
        let text = if *is_error { format!("error: {text}") } else { text };
        messages.push(json!({ "role": "tool", "tool_call_id": id, "content": text }));
    }
    let (text, seen) = (texts(pieces), images(pieces));
    if pictures.is_empty() && seen.is_empty() {
        if !text.is_empty() {
            // Some services know no other form.
            messages.push(json!({ "role": "user", "content": text }));
        }
        return;
    }
    let mut parts = pictures;
    if !text.is_empty() {
        parts.push(json!({ "type": "text", "text": text }));
    }
    parts.extend(seen.into_iter().map(picture));
    messages.push(json!({ "role": "user", "content": parts }));
}

fn texts(pieces: &[Piece<'_>]) -> String {
    let texts = pieces.iter().filter_map(|piece| match piece {
        Piece::Text(text) => Some(text.as_ref()),
        _ => None,
    });
    texts.collect::<Vec<_>>().join("\n\n")
}

fn images<'a>(pieces: &[Piece<'a>]) -> Vec<&'a Image> {
    let images = pieces.iter().filter_map(|piece| match piece {
        Piece::Image(image) => Some(*image),
        _ => None,
    });
    images.collect()
}

fn picture(image: &Image) -> Value {
    json!({ "type": "image_url", "image_url": { "url": format!("data:{};base64,{}", image.media_type, image.data) } })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conversation::{Block, Content, Message, ToolResult};

    fn messages_of(message: &Message) -> Value {
        let messages = std::slice::from_ref(message);
        body("m", &Request { system: "", messages, tools: &[], max_tokens: 1 }, false)["messages"].take()
    }

    #[test]
    fn answers_of_tools_are_text_and_their_pictures_follow() {
        let image = Image { media_type: "image/png".to_owned(), data: "AAAA".to_owned() };
        let result =
            |id: &str, content, is_error| Block::ToolResult(ToolResult { id: id.to_owned(), content, is_error });
        let text = |text: &str| text.to_owned();
        let message = Message {
            role: Role::User,
            blocks: vec![
                Block::Text { text: text("and then") },
                result("1", vec![Content::Text { text: text("a") }, Content::Text { text: text("b") }], false),
                result("2", vec![Content::Image(image.clone())], true),
                Block::Image(image),
            ],
        };
        insta::assert_snapshot!(serde_json::to_string_pretty(&messages_of(&message)).unwrap(), @r#"
        [
          {
            "role": "tool",
            "tool_call_id": "1",
            "content": "a\n\nb"
          },
          {
            "role": "tool",
            "tool_call_id": "2",
            "content": "error: (its images follow)"
          },
          {
            "role": "user",
            "content": [
              {
                "type": "text",
                "text": "Images of the tool call 2:"
              },
              {
                "type": "image_url",
                "image_url": {
                  "url": "data:image/png;base64,AAAA"
                }
              },
              {
                "type": "text",
                "text": "and then"
              },
              {
                "type": "image_url",
                "image_url": {
                  "url": "data:image/png;base64,AAAA"
                }
              }
            ]
          }
        ]
        "#);
    }
}
