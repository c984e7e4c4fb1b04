//! What every request keeps to, whatever the wire. Real services refuse what breaks these rules, some of them only now and
//! then; here it is always found.

use std::{collections::HashSet, sync::LazyLock};

use regex::Regex;

use super::asked::{Asked, Message, Piece, Wire, signature};

/// What all three take in a tool's name.
static NAME: LazyLock<Regex> = LazyLock::new(|| Regex::new("^[a-zA-Z0-9_-]{1,64}$").expect("a valid pattern"));

const PICTURES: [&str; 4] = ["image/png", "image/jpeg", "image/gif", "image/webp"];
/// Anthropic takes four of all kinds together; Bedrock as many.
const CACHE_POINTS: usize = 4;

/// The rules that it breaks, each as a sentence.
pub(super) fn broken(asked: &Asked) -> Vec<String> {
    let mut found = asked.wrong.clone();
    roles(&asked.messages, &mut found);
    calls(&asked.messages, &mut found);
    tools(asked, &mut found);
    for message in &asked.messages {
        if message.pieces.is_empty() {
            found.push(format!("a message of the {} is empty", message.role));
        }
        for piece in &message.pieces {
            content(&message.role, piece, &mut found);
        }
        if message.role == "assistant" && matches!(message.pieces.last(), Some(Piece::Thought { .. })) {
            found.push("a message of the assistant ends with a thought".to_owned());
        }
    }
    if asked.max_tokens.is_none_or(|tokens| tokens == 0) {
        found.push("it does not say how many tokens the answer may have".to_owned());
    }
    if asked.cached.iter().sum::<usize>() > CACHE_POINTS {
        found.push(format!("it has more than {CACHE_POINTS} points for the cache"));
    }
    found
}

fn roles(messages: &[Message], found: &mut Vec<String>) {
    match (messages.first(), messages.last()) {
        (Some(first), Some(last)) => {
            if first.role != "user" {
                found.push(format!("the first message is of the {}", first.role));
            }
            if last.role != "user" {
                found.push(format!("the last message is of the {}", last.role));
            }
        }
        _ => found.push("it has no messages".to_owned()),
    }
    for (at, pair) in messages.windows(2).enumerate() {
        if pair[0].role == pair[1].role {
            found.push(format!("messages {at} and {} are both of the {}", at + 1, pair[0].role));
        }
    }
}

/// Each use is answered exactly once, in the very next message, and before anything else there.
fn calls(messages: &[Message], found: &mut Vec<String>) {
    let mut known = HashSet::new();
    let mut open: Vec<&str> = Vec::new();
    for (at, message) in messages.iter().enumerate() {
        let mut after_others = false;
        for piece in &message.pieces {
            match piece {
                Piece::ToolResult { id, .. } => {
                    match open.iter().position(|waiting| waiting == id) {
                        Some(place) => drop(open.remove(place)),
                        None => found.push(format!("message {at} answers {id:?}, which is not open")),
                    }
                    if after_others {
                        found.push(format!("message {at} has the answer {id:?} after other things"));
                    }
                }
                _ => after_others = true,
            }
        }
        for unanswered in open.drain(..) {
            found.push(format!("message {at} does not answer {unanswered:?}"));
        }
        for piece in &message.pieces {
            if let Piece::ToolUse { id, .. } = piece {
                if id.is_empty() {
                    found.push(format!("message {at} has a call without an id"));
                }
                if !known.insert(id.as_str()) {
                    found.push(format!("message {at} has the call {id:?} again"));
                }
                open.push(id);
            }
        }
    }
    for unanswered in open {
        found.push(format!("nothing answers {unanswered:?}"));
    }
}

fn content(role: &str, piece: &Piece, found: &mut Vec<String>) {
    let of_the = |what: &str| format!("{what} in a message of the {role}");
    match piece {
        Piece::Text(text) => {
            if text.trim().is_empty() {
                found.push(of_the("an empty text"));
            }
        }
        Piece::Image { media_type, bytes } => {
            if role != "user" {
                found.push(of_the("a picture"));
            }
            if !PICTURES.contains(&media_type.as_str()) {
                found.push(of_the(&format!("a picture of the type {media_type:?}")));
            }
            if bytes.is_none_or(|bytes| bytes == 0) {
                found.push(of_the("a picture without content"));
            }
        }
        Piece::Thought { text, signature: signed } => {
            if role != "assistant" {
                found.push(of_the("a thought"));
            }
            if *signed != signature(text) {
                found.push(of_the("a thought that its maker did not sign"));
            }
        }
        Piece::ToolUse { name, input, .. } => {
            if role != "assistant" {
                found.push(of_the("a call"));
            }
            if !NAME.is_match(name) {
                found.push(of_the(&format!("a call of {name:?}, which cannot be the name of a tool,")));
            }
            if !input.is_object() {
                found.push(of_the("a call whose input is no object"));
            }
        }
        Piece::ToolResult { id, pieces, .. } => {
            if role != "user" {
                found.push(of_the("an answer of a tool"));
            }
            if pieces.is_empty() {
                found.push(of_the(&format!("an empty answer {id:?}")));
            }
            for piece in pieces {
                content(role, piece, found);
            }
        }
    }
}

fn tools(asked: &Asked, found: &mut Vec<String>) {
    let mut names = HashSet::new();
    for tool in &asked.tools {
        let name = &tool.name;
        if !NAME.is_match(name) {
            found.push(format!("{name:?} cannot be the name of a tool"));
        }
        if !names.insert(name) {
            found.push(format!("there are two tools {name:?}"));
        }
        if tool.schema.get("type").and_then(|kind| kind.as_str()) != Some("object") {
            found.push(format!("the schema of {name:?} is not that of an object"));
        }
        if let Err(error) = jsonschema::meta::validate(&tool.schema) {
            found.push(format!("the schema of {name:?} is none: {error}"));
        }
    }
    let pieces = || asked.messages.iter().flat_map(|message| &message.pieces);
    let uses_tools = pieces().any(|piece| matches!(piece, Piece::ToolUse { .. } | Piece::ToolResult { .. }));
    // OpenAI takes it, the two others do not.
    if uses_tools && asked.tools.is_empty() && asked.wire != Wire::Openai {
        found.push("the conversation has calls, and the request has no tools".to_owned());
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::asked::Tool, *};

    fn user(pieces: Vec<Piece>) -> Message {
        Message { role: "user".to_owned(), pieces }
    }

    fn model(pieces: Vec<Piece>) -> Message {
        Message { role: "assistant".to_owned(), pieces }
    }

    fn text(text: &str) -> Piece {
        Piece::Text(text.to_owned())
    }

    fn call(id: &str) -> Piece {
        Piece::ToolUse { id: id.to_owned(), name: "search".to_owned(), input: json!({}) }
    }

    fn result(id: &str) -> Piece {
        Piece::ToolResult { id: id.to_owned(), pieces: vec![text("found")], error: None }
    }

    fn asked(messages: Vec<Message>) -> Asked {
        let mut asked = Asked::new(Wire::Anthropic, "m", "");
        asked.max_tokens = Some(100);
        let schema = json!({ "type": "object" });
        asked.tools = vec![Tool { name: "search".to_owned(), description: String::new(), schema }];
        asked.messages = messages;
        asked
    }

    #[track_caller]
    fn check(messages: Vec<Message>, expected: &[&str]) {
        assert_eq!(broken(&asked(messages)), expected);
    }

    #[test]
    fn a_conversation_with_two_calls_is_good() {
        check(
            vec![
                user(vec![text("hi")]),
                model(vec![text("let me see"), call("1"), call("2")]),
                user(vec![result("2"), result("1"), text("go on")]),
            ],
            &[],
        );
    }

    #[test]
    fn every_rule_is_found_broken() {
        check(vec![], &["it has no messages"]);
        check(
            vec![model(vec![text("hi")])],
            &["the first message is of the assistant", "the last message is of the assistant"],
        );
        check(vec![user(vec![text("a")]), user(vec![text("b")])], &["messages 0 and 1 are both of the user"]);
        check(
            vec![user(vec![text("a")]), model(vec![call("1")]), user(vec![text("b")])],
            &["message 2 does not answer \"1\""],
        );
        check(
            vec![user(vec![text("a")]), model(vec![call("1")]), user(vec![result("1"), result("1")])],
            &["message 2 answers \"1\", which is not open"],
        );
        check(
            vec![user(vec![text("a")]), model(vec![call("1")]), user(vec![text("b"), result("1")])],
            &["message 2 has the answer \"1\" after other things"],
        );
        check(
            vec![user(vec![]), model(vec![text("x")]), user(vec![text(" \n")])],
            &["a message of the user is empty", "an empty text in a message of the user"],
        );
        check(
            vec![user(vec![Piece::image("image/svg+xml", "AA==")])],
            &["a picture of the type \"image/svg+xml\" in a message of the user"],
        );
        let thought = Piece::Thought { text: "a".to_owned(), signature: signature("b") };
        check(
            vec![user(vec![text("a")]), model(vec![thought, text("b")]), user(vec![text("c")])],
            &["a thought that its maker did not sign in a message of the assistant"],
        );
    }

    #[test]
    fn tools_and_tokens_are_looked_at() {
        let mut one = asked(vec![user(vec![text("a")])]);
        one.max_tokens = None;
        one.tools[0].name = "a.b".to_owned();
        one.tools[0].schema = json!({ "type": "array" });
        one.tools.push(Tool { schema: json!({ "type": "object", "required": 1 }), ..one.tools[0].clone() });
        let found = broken(&one);
        assert_eq!(found.len(), 6, "{found:#?}");
    }
}
