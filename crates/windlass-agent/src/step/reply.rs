//! What a model answered, made fit to be sent back to it.

use std::collections::BTreeSet;

use super::{Effect, End, State};
use crate::{
    conversation::{Block, Message, Role},
    model::{Reply, Stop},
    tools::fit,
};

impl State {
    pub(super) fn replied(&mut self, reply: Reply, effects: &mut Vec<Effect>) {
        self.measure(reply.usage);
        self.spent.add(reply.usage, &self.spec.price);
        if reply.stop == Stop::ContextFull {
            // It stopped in the middle of something, and would have to be told what it cannot read.
            return self.overflowed(0, effects);
        }
        let blocks = self.fit_to_send(reply.blocks);
        let cut = reply.stop == Stop::MaxTokens;
        let cut_call = cut && matches!(blocks.last(), Some(Block::ToolUse(_)));
        let uses: Vec<_> = blocks.iter().filter_map(as_use).cloned().collect();
        if !blocks.is_empty() {
            self.messages.push(Message { role: Role::Assistant, blocks });
        }
        match reply.stop {
            Stop::Refusal => self.answer_without_calling(&uses, End::Refused, effects),
            _ if !uses.is_empty() => self.call(uses, cut_call, effects),
            _ if cut => self.stop(End::CutOff, effects),
            _ => self.stop(End::Finished, effects),
        }
    }

    /// Without what providers refuse to read back: empty text, answers to tools that nobody gave, ids that were there
    /// before, names of no tool's form. Nothing at all where nothing was said.
    fn fit_to_send(&mut self, blocks: Vec<Block>) -> Vec<Block> {
        let mut kept = Vec::with_capacity(blocks.len());
        for block in blocks {
            match block {
                Block::Text { text } if text.trim().is_empty() => {}
                Block::ToolResult(_) | Block::Image(_) => {}
                Block::ToolUse(mut call) => {
                    call.id = unique(fit(&call.id), &self.ids);
                    self.ids.insert(call.id.clone());
                    call.name = fit(&call.name);
                    kept.push(Block::ToolUse(call));
                }
                said => kept.push(said),
            }
        }
        match kept.iter().any(|block| !matches!(block, Block::Opaque { .. })) {
            true => kept,
            false => Vec::new(),
        }
    }
}

/// Some servers count their calls anew in each answer.
fn unique(id: String, taken: &BTreeSet<String>) -> String {
    if !taken.contains(&id) {
        return id;
    }
    (2..).map(|n| fit(&format!("{}-{n}", &id[..id.len().min(50)]))).find(|id| !taken.contains(id)).unwrap_or(id)
}

fn as_use(block: &Block) -> Option<&crate::conversation::ToolUse> {
    match block {
        Block::ToolUse(call) => Some(call),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        conversation::ToolUse,
        step::tests::{asked, reply, results, said, text, tool_use},
    };

    #[test]
    fn empty_answers_leave_nothing_behind() {
        for blocks in [
            vec![],
            vec![text(" \n")],
            vec![Block::Opaque { value: json!({ "signature": "x" }) }],
            vec![Block::ToolResult(crate::conversation::ToolResult {
                id: "a".into(),
                content: vec![],
                is_error: false,
            })],
        ] {
            let (state, effects) = reply(asked(|_| {}), blocks, Stop::End);
            assert_eq!(effects, [Effect::Save, Effect::End { end: End::Finished }]);
            assert_eq!(state.messages.len(), 1);
        }
    }

    #[test]
    fn the_next_words_join_a_turn_without_an_answer() {
        let (state, _) = reply(asked(|_| {}), vec![], Stop::End);
        let (state, _) = said(state, "and now?");
        assert_eq!(state.messages.len(), 1);
        assert_eq!(state.messages[0].blocks, [text("do it"), text("and now?")]);
    }

    #[test]
    fn stops_without_calls() {
        for (stop, end) in [
            (Stop::End, End::Finished),
            (Stop::ToolUse, End::Finished),
            (Stop::MaxTokens, End::CutOff),
            (Stop::Refusal, End::Refused),
        ] {
            let (state, _) = reply(asked(|_| {}), vec![text("so far")], stop);
            assert_eq!(state.end(), Some(&end));
        }
    }

    #[test]
    fn ids_and_names_are_made_fit() {
        let odd = |name: &str| Block::ToolUse(ToolUse { id: "0".into(), name: name.into(), ..tool_use("0") });
        let (state, _) = reply(asked(|_| {}), vec![odd("files.read!"), odd("files.read!")], Stop::ToolUse);
        let (state, _) = reply(state, vec![odd("read")], Stop::Refusal);
        let ids = results(&state);
        insta::assert_snapshot!(ids, @r"
        0: error: there is no tool `files_read_`; there is read, write, drop
        0-2: error: there is no tool `files_read_`; there is read, write, drop
        0-3: error: not called: the answer was refused
        ");
    }
}
