//! What every provider demands of a conversation.

use std::collections::BTreeSet;

use crate::conversation::{Block, Content, Message, Role};

/// Why a conversation cannot be sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unsound {
    /// There is nothing in it.
    #[error("there is no message")]
    Nothing,
    /// Roles do not alternate, or a person's message is not the first.
    #[error("message {0} is of the wrong side")]
    WrongSide(usize),
    /// Nobody may be asked to answer their own words.
    #[error("the last message is the model's own")]
    AnswersItself,
    /// A message, or a block of it, is empty.
    #[error("message {0} has something empty in it")]
    Empty(usize),
    /// A block is on the wrong side.
    #[error("message {0} has a block that only the other side may write")]
    Misplaced(usize),
    /// An id is used twice, or is none that providers take.
    #[error("message {at} uses the id `{id}`, which is not new or not plain")]
    Id {
        /// In which message.
        at: usize,
        /// Which.
        id: String,
    },
    /// The uses of a message are not those that the next one answers.
    #[error("message {0} does not answer exactly the tool uses of the one before")]
    Unanswered(usize),
}

/// Whether `messages` can be sent to any provider.
///
/// # Errors
/// The first reason why they cannot.
pub fn sound(messages: &[Message]) -> Result<(), Unsound> {
    let mut ids: BTreeSet<&str> = BTreeSet::new();
    let mut open: Vec<&str> = Vec::new();
    for (at, message) in messages.iter().enumerate() {
        let side = if at % 2 == 0 { Role::User } else { Role::Assistant };
        if message.role != side {
            return Err(Unsound::WrongSide(at));
        }
        if message.blocks.is_empty() || message.blocks.iter().any(is_empty) {
            return Err(Unsound::Empty(at));
        }
        let answered: Vec<&str> = message.blocks.iter().filter_map(answers).collect();
        let uses: Vec<&str> = message.blocks.iter().filter_map(asks).collect();
        let misplaced = match side {
            Role::User => !uses.is_empty() || message.blocks.iter().any(|block| matches!(block, Block::Opaque { .. })),
            Role::Assistant => !answered.is_empty() || message.blocks.iter().any(|b| matches!(b, Block::Image(_))),
        };
        if misplaced {
            return Err(Unsound::Misplaced(at));
        }
        if side == Role::User && answered != open {
            return Err(Unsound::Unanswered(at));
        }
        for id in &uses {
            let plain = id.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
            if id.is_empty() || id.len() > 64 || !plain || !ids.insert(id) {
                return Err(Unsound::Id { at, id: (*id).to_owned() });
            }
        }
        open = uses;
    }
    match messages.last() {
        None => Err(Unsound::Nothing),
        Some(last) if last.role == Role::Assistant => Err(Unsound::AnswersItself),
        Some(_) => Ok(()),
    }
}

fn asks(block: &Block) -> Option<&str> {
    match block {
        Block::ToolUse(call) => Some(&call.id),
        _ => None,
    }
}

fn answers(block: &Block) -> Option<&str> {
    match block {
        Block::ToolResult(result) => Some(&result.id),
        _ => None,
    }
}

fn is_empty(block: &Block) -> bool {
    match block {
        Block::Text { text } => text.trim().is_empty(),
        Block::Image(image) => image.data.is_empty(),
        Block::ToolUse(call) => call.name.is_empty(),
        Block::ToolResult(result) => {
            let empty = |part: &Content| matches!(part, Content::Text { text } if text.trim().is_empty());
            result.content.is_empty() || result.content.iter().any(empty)
        }
        Block::Opaque { .. } => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Map;

    use super::*;
    use crate::conversation::{ToolResult, ToolUse};

    fn text(text: &str) -> Block {
        Block::Text { text: text.into() }
    }

    fn call(id: &str) -> Block {
        Block::ToolUse(ToolUse { id: id.into(), name: "read".into(), arguments: Map::new(), broken: None })
    }

    fn result(id: &str) -> Block {
        let content = vec![Content::Text { text: "x".into() }];
        Block::ToolResult(ToolResult { id: id.into(), content, is_error: false })
    }

    /// Messages of alternating sides.
    fn check(messages: &[&[Block]]) -> Result<(), Unsound> {
        let side = |at: usize| if at.is_multiple_of(2) { Role::User } else { Role::Assistant };
        let messages = messages.iter().enumerate();
        let messages: Vec<Message> =
            messages.map(|(at, blocks)| Message { role: side(at), blocks: blocks.to_vec() }).collect();
        sound(&messages)
    }

    #[test]
    fn each_demand() {
        assert_eq!(check(&[&[text("a")], &[call("1"), call("2")], &[result("1"), result("2"), text("b")]]), Ok(()));
        for (messages, reason) in [
            (&[][..], Unsound::Nothing),
            (&[&[text("a")][..], &[text("b")]], Unsound::AnswersItself),
            (&[&[text(" ")][..]], Unsound::Empty(0)),
            (&[&[][..]], Unsound::Empty(0)),
            (&[&[call("1")][..]], Unsound::Misplaced(0)),
            (&[&[text("a")][..], &[call("1")], &[text("b")]], Unsound::Unanswered(2)),
            (&[&[text("a")][..], &[call("1")], &[result("1"), result("1")]], Unsound::Unanswered(2)),
            (&[&[text("a")][..], &[text("b")], &[result("1")]], Unsound::Unanswered(2)),
            (&[&[text("a")][..], &[call("1"), call("1")]], Unsound::Id { at: 1, id: "1".into() }),
            (&[&[text("a")][..], &[call("a b")]], Unsound::Id { at: 1, id: "a b".into() }),
        ] {
            assert_eq!(check(messages), Err(reason));
        }
        let wrong = Message { role: Role::Assistant, blocks: vec![text("a")] };
        assert_eq!(sound(&[wrong]), Err(Unsound::WrongSide(0)));
    }
}
