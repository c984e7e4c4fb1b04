//! What of a conversation can be sent. A request that a provider refuses once it refuses for ever, because the conversation
//! stays what it is: so what no provider takes never leaves.

use std::borrow::Cow;

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Map, Value};

use crate::conversation::{Block, Content, Image, Message};

/// What all of them see.
const PICTURES: [&str; 4] = ["image/png", "image/jpeg", "image/gif", "image/webp"];
/// Bedrock's limit, the lowest of the three.
const MAX_PICTURE: usize = 3_750_000;
const MAX_NAME: usize = 64;

/// A part of a message, as it is sent.
pub(super) enum Piece<'a> {
    Text(Cow<'a, str>),
    Image(&'a Image),
    Thought(&'a Value),
    Call {
        id: &'a str,
        name: Cow<'a, str>,
        arguments: &'a Map<String, Value>,
    },
    /// With texts and images only.
    Result {
        id: &'a str,
        pieces: Vec<Piece<'a>>,
        is_error: bool,
    },
}

/// The parts of a message, at least one. `own` knows the thoughts of this provider: those of others, from before the model
/// was changed, mean nothing to it.
pub(super) fn pieces<'a>(message: &'a Message, own: impl Fn(&Value) -> bool) -> Vec<Piece<'a>> {
    let mut pieces: Vec<Piece<'a>> = message.blocks.iter().filter_map(|block| piece(block, &own)).collect();
    // Answers of tools come first, or they count as missing.
    pieces.sort_by_key(|piece| !matches!(piece, Piece::Result { .. }));
    if pieces.iter().all(|piece| matches!(piece, Piece::Thought(_))) {
        // Thoughts alone are no message.
        pieces.push(Piece::Text("(nothing was said)".into()));
    }
    pieces
}

fn piece<'a>(block: &'a Block, own: &impl Fn(&Value) -> bool) -> Option<Piece<'a>> {
    match block {
        Block::Text { text } => visible(text).map(Piece::Text),
        Block::Image(image) => Some(picture(image)),
        Block::Opaque { value } => own(value).then_some(Piece::Thought(value)),
        Block::ToolUse(call) => Some(Piece::Call { id: &call.id, name: name(&call.name), arguments: &call.arguments }),
        Block::ToolResult(result) => {
            let mut pieces: Vec<_> = result.content.iter().filter_map(content).collect();
            if pieces.is_empty() {
                pieces.push(Piece::Text("(no output)".into()));
            }
            Some(Piece::Result { id: &result.id, pieces, is_error: result.is_error })
        }
    }
}

fn content(content: &Content) -> Option<Piece<'_>> {
    match content {
        Content::Text { text } => visible(text).map(Piece::Text),
        Content::Image(image) => Some(picture(image)),
    }
}

/// A text that is more than blanks.
pub(super) fn visible(text: &str) -> Option<Cow<'_, str>> {
    (!text.trim().is_empty()).then_some(Cow::Borrowed(text))
}

/// A picture, or a word about it where the model could not see it.
fn picture(image: &Image) -> Piece<'_> {
    let Image { media_type, data } = image;
    let bytes = data.len() / 4 * 3;
    let why = if !PICTURES.contains(&media_type.as_str()) {
        format!("of the type {media_type}")
    } else if bytes > MAX_PICTURE {
        format!("of {bytes} bytes")
    } else if data.is_empty() || STANDARD.decode(data).is_err() {
        "that is not whole".to_owned()
    } else {
        return Piece::Image(image);
    };
    Piece::Text(format!("(an image {why}, which you cannot see)").into())
}

/// A model can call what no tool can be named, and has to be shown its call with the error.
fn name(name: &str) -> Cow<'_, str> {
    let fits = |character: char| character.is_ascii_alphanumeric() || matches!(character, '_' | '-');
    if !name.is_empty() && name.len() <= MAX_NAME && name.chars().all(fits) {
        return Cow::Borrowed(name);
    }
    let fitting = name.chars().map(|character| if fits(character) { character } else { '_' });
    let fitting: String = fitting.take(MAX_NAME).collect();
    Cow::Owned(if fitting.is_empty() { "unnamed".to_owned() } else { fitting })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::conversation::{Role, ToolResult, ToolUse};

    fn shown(blocks: Vec<Block>) -> String {
        fn show(piece: &Piece<'_>) -> String {
            match piece {
                Piece::Text(text) => text.to_string(),
                Piece::Image(image) => format!("<{}>", image.media_type),
                Piece::Thought(value) => value.to_string(),
                Piece::Call { name, .. } => format!("{name}()"),
                Piece::Result { id, pieces, .. } => format!("{id}: {:?}", pieces.iter().map(show).collect::<Vec<_>>()),
            }
        }
        let message = Message { role: Role::User, blocks };
        let own = |value: &Value| value.get("own").is_some();
        pieces(&message, own).iter().map(show).collect::<Vec<_>>().join(" | ")
    }

    fn text(text: &str) -> Block {
        Block::Text { text: text.to_owned() }
    }

    fn image(media_type: &str, data: &str) -> Image {
        Image { media_type: media_type.to_owned(), data: data.to_owned() }
    }

    fn call(name: &str) -> Block {
        Block::ToolUse(ToolUse { id: "1".to_owned(), name: name.to_owned(), arguments: Map::new(), broken: None })
    }

    #[test]
    fn nothing_empty_and_nothing_foreign_leaves() {
        assert_eq!(shown(vec![]), "(nothing was said)");
        assert_eq!(shown(vec![text(" \n"), text("a")]), "a");
        let (own, foreign) = (json!({ "own": 1 }), json!({ "type": "thinking" }));
        let thought = |value: &Value| Block::Opaque { value: value.clone() };
        assert_eq!(shown(vec![thought(&own), thought(&foreign)]), "{\"own\":1} | (nothing was said)");
        let nothing = ToolResult { id: "1".to_owned(), content: vec![], is_error: false };
        let blank =
            ToolResult { id: "2".to_owned(), content: vec![Content::Text { text: "\n".to_owned() }], is_error: false };
        assert_eq!(
            shown(vec![text("and"), Block::ToolResult(nothing), Block::ToolResult(blank)]),
            "1: [\"(no output)\"] | 2: [\"(no output)\"] | and"
        );
    }

    #[test]
    fn pictures_are_those_that_a_model_can_see() {
        assert_eq!(shown(vec![Block::Image(image("image/png", "AAAA"))]), "<image/png>");
        assert_eq!(
            shown(vec![Block::Image(image("image/svg+xml", "AAAA"))]),
            "(an image of the type image/svg+xml, which you cannot see)"
        );
        assert_eq!(
            shown(vec![Block::Image(image("image/png", "AAA"))]),
            "(an image that is not whole, which you cannot see)"
        );
        let large = "AAAA".repeat(MAX_PICTURE / 3 + 1);
        let shown = shown(vec![Block::Image(image("image/png", &large))]);
        assert_eq!(shown, "(an image of 3750003 bytes, which you cannot see)");
    }

    #[test]
    fn a_call_of_what_cannot_be_is_shown_as_near_as_can_be() {
        assert_eq!(shown(vec![call("search-2_b")]), "search-2_b()");
        assert_eq!(shown(vec![call("functions.search:0")]), "functions_search_0()");
        assert_eq!(shown(vec![call("")]), "unnamed()");
        assert_eq!(shown(vec![call(&"ä".repeat(90))]), format!("{}()", "_".repeat(64)));
    }
}
