//! An answer while it is written.

use std::collections::{BTreeMap, HashSet};

use serde_json::{Map, Value};

use crate::{
    conversation::{Block, ToolUse},
    model::{Delta, ModelError, Reply, Request, Stop, Usage},
};

/// Blocks by their place, in the order that the provider numbers them in.
pub(super) struct Draft<'a> {
    say: &'a mut (dyn FnMut(Delta) + Send),
    parts: BTreeMap<u64, Part>,
    ids: HashSet<String>,
    /// What it costs, as far as was told.
    pub usage: Usage,
    /// Why it ended, once it has.
    pub stop: Option<Stop>,
}

enum Part {
    Text(String),
    Call { id: String, name: String, arguments: String },
    Opaque(Value),
}

impl<'a> Draft<'a> {
    pub fn new(request: &Request<'_>, say: &'a mut (dyn FnMut(Delta) + Send)) -> Self {
        let blocks = request.messages.iter().flat_map(|message| &message.blocks);
        let ids = blocks.filter_map(|block| match block {
            Block::ToolUse(call) => Some(call.id.clone()),
            _ => None,
        });
        Self { say, parts: BTreeMap::new(), ids: ids.collect(), usage: Usage::default(), stop: None }
    }

    /// More words of the text at this place.
    pub fn text(&mut self, at: u64, more: &str) -> Result<(), ModelError> {
        if more.is_empty() {
            return Ok(());
        }
        match self.parts.entry(at).or_insert_with(|| Part::Text(String::new())) {
            Part::Text(text) => text.push_str(more),
            _ => return Err(misplaced("words")),
        }
        (self.say)(Delta::Text { text: more.to_owned() });
        Ok(())
    }

    /// A call begins at this place. What has no id, or one that the conversation has already, is given one: some services
    /// number the calls of each answer from 0, some do not number them at all.
    pub fn call(&mut self, at: u64, id: &str, name: &str) -> Result<(), ModelError> {
        if self.parts.contains_key(&at) {
            return Err(misplaced("a call"));
        }
        let mut id = id.to_owned();
        if id.is_empty() || self.ids.contains(&id) {
            // The first free number: the same conversation gives the same ids.
            let mut numbered = (self.ids.len()..).map(|number| format!("call_{number}"));
            id = numbered.find(|id| !self.ids.contains(id)).unwrap_or_default();
        }
        self.ids.insert(id.clone());
        (self.say)(Delta::ToolUse { id: id.clone(), name: name.to_owned() });
        self.parts.insert(at, Part::Call { id, name: name.to_owned(), arguments: String::new() });
        Ok(())
    }

    /// More of the arguments of the call at this place.
    pub fn arguments(&mut self, at: u64, more: &str) -> Result<(), ModelError> {
        match self.parts.get_mut(&at) {
            Some(Part::Call { arguments, .. }) => arguments.push_str(more),
            _ => return Err(misplaced("arguments")),
        }
        Ok(())
    }

    /// Whether the call at this place has all of its arguments.
    pub fn is_whole(&self, at: u64) -> bool {
        match self.parts.get(&at) {
            Some(Part::Call { arguments, .. }) => serde_json::from_str::<Map<String, Value>>(arguments).is_ok(),
            _ => false,
        }
    }

    /// What only the provider can read.
    pub fn opaque(&mut self, at: u64, value: Value) {
        self.parts.insert(at, Part::Opaque(value));
    }

    /// All of it. An answer that does not say why it ends has been broken off.
    pub fn finish(self) -> Result<Reply, ModelError> {
        let Some(stop) = self.stop else {
            return Err(ModelError::Unreachable("it broke off in the middle of its answer".to_owned()));
        };
        let blocks: Vec<Block> = self.parts.into_values().filter_map(Part::block).collect();
        let calls = blocks.iter().any(|block| matches!(block, Block::ToolUse(_)));
        let stop = match stop {
            // Some services say the one and mean the other.
            Stop::End | Stop::ToolUse if calls => Stop::ToolUse,
            Stop::ToolUse => Stop::End,
            stop => stop,
        };
        Ok(Reply { blocks, stop, usage: self.usage })
    }
}

impl Part {
    /// None for a text that is blank: no provider takes it back.
    fn block(self) -> Option<Block> {
        match self {
            Self::Text(text) => (!text.trim().is_empty()).then_some(Block::Text { text }),
            Self::Opaque(value) => Some(Block::Opaque { value }),
            Self::Call { id, name, arguments } => {
                let (arguments, broken) = match serde_json::from_str(&arguments) {
                    Ok(arguments) => (arguments, None),
                    // A tool without parameters is called with nothing.
                    Err(_) if arguments.trim().is_empty() => (Map::new(), None),
                    Err(_) => (Map::new(), Some(arguments)),
                };
                Some(Block::ToolUse(ToolUse { id, name, arguments, broken }))
            }
        }
    }
}

fn misplaced(what: &str) -> ModelError {
    ModelError::Protocol(format!("{what} where something else began"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::conversation::{Message, Role};

    fn drafted(write: impl FnOnce(&mut Draft<'_>)) -> (Result<Reply, ModelError>, Vec<Delta>) {
        let earlier = ToolUse { id: "call_0".to_owned(), name: "a".to_owned(), arguments: Map::new(), broken: None };
        let messages = [Message { role: Role::Assistant, blocks: vec![Block::ToolUse(earlier)] }];
        let request = Request { system: "", messages: &messages, tools: &[], max_tokens: 1 };
        let mut said = Vec::new();
        let mut say = |delta| said.push(delta);
        let mut draft = Draft::new(&request, &mut say);
        write(&mut draft);
        (draft.finish(), said)
    }

    #[test]
    fn ids_are_unique_in_a_conversation() {
        let (reply, said) = drafted(|draft| {
            for (at, id) in ["", "call_0", "own", "own", ""].into_iter().enumerate() {
                draft.call(at as u64, id, "a").unwrap();
            }
            draft.stop = Some(Stop::End);
        });
        let reply = reply.unwrap();
        let ids: Vec<_> = reply.blocks.iter().map(|block| json!(block)["id"].as_str().unwrap().to_owned()).collect();
        assert_eq!(ids, ["call_1", "call_2", "own", "call_4", "call_5"]);
        assert_eq!(said.len(), 5);
        // It said `end` and meant its calls.
        assert_eq!(reply.stop, Stop::ToolUse);
    }

    #[test]
    fn arguments_are_an_object_or_broken() {
        let (reply, _) = drafted(|draft| {
            for (at, arguments) in ["{\"a\":1}", "", " ", "{\"a\":", "[1]", "null"].into_iter().enumerate() {
                draft.call(at as u64, "", "a").unwrap();
                draft.arguments(at as u64, arguments).unwrap();
            }
            draft.stop = Some(Stop::ToolUse);
        });
        let broken: Vec<_> = reply.unwrap().blocks.iter().map(|block| json!(block)["broken"].clone()).collect();
        assert_eq!(broken, [json!(null), json!(null), json!(null), json!("{\"a\":"), json!("[1]"), json!("null")]);
    }

    #[test]
    fn what_cannot_follow_is_refused_and_what_does_not_end_is_broken_off() {
        let (reply, said) = drafted(|draft| {
            draft.text(0, "so").unwrap();
            assert!(matches!(draft.arguments(0, "{}"), Err(ModelError::Protocol(_))));
            assert!(matches!(draft.call(0, "", "a"), Err(ModelError::Protocol(_))));
            draft.call(1, "", "a").unwrap();
            assert!(matches!(draft.text(1, "x"), Err(ModelError::Protocol(_))));
        });
        assert!(matches!(reply, Err(ModelError::Unreachable(_))));
        assert_eq!(said[0], Delta::Text { text: "so".to_owned() });
    }

    #[test]
    fn blank_words_are_heard_and_not_kept() {
        let (reply, said) = drafted(|draft| {
            draft.text(0, "\n\n").unwrap();
            draft.stop = Some(Stop::ToolUse);
        });
        let reply = reply.unwrap();
        assert_eq!((reply.blocks.len(), reply.stop, said.len()), (0, Stop::End, 1));
    }
}
