//! Room in a conversation that has grown too long.
//!
//! First the oldest answers of tools lose most of their text, then whole exchanges are left out, the oldest first, and last
//! the newest answers are shortened. Each place says what is missing, so that the model can ask again.

use serde::{Deserialize, Serialize};

use super::{Effect, End, State};
use crate::{
    conversation::{Block, Content, Message, ToolResult},
    model::Usage,
};

/// What was left out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Compacted {
    /// Answers of tools that were shortened.
    pub shortened: u32,
    /// Exchanges that were left out.
    pub dropped: u32,
}

/// What is kept of an old answer, in bytes.
const OLD: u64 = 400;
/// What is kept of a new answer at least.
const NEW: u64 = 2000;
/// What a picture counts for, in bytes of text.
const PICTURE: u64 = 6000;
/// How the note begins that stands for what was left out.
const NOTE: &str = "[Left out here to make room:";

impl State {
    /// Learns how many tokens a byte is from what the provider counted.
    pub(super) fn measure(&mut self, usage: Usage) {
        if self.spec.window.is_some() && usage.read() > 0 {
            let density = usage.read().saturating_mul(1000) / self.weight().max(1);
            self.density = density.clamp(100, 1000);
        }
    }

    /// Makes room before the window is full: a provider that has to say so has been asked in vain.
    pub(super) fn make_room(&mut self, effects: &mut Vec<Effect>) {
        let Some(window) = self.spec.window else { return };
        let most = window.saturating_sub(u64::from(self.spec.max_tokens)).saturating_mul(95) / 100;
        let most = most.saturating_mul(1000) / self.density.max(1);
        if self.weight() > most {
            let what = self.shrink(most.saturating_mul(6) / 10);
            if what != Compacted::default() {
                effects.push(Effect::Compacted { what });
            }
        }
    }

    /// The provider says that the conversation is too long: a smaller one is tried, unless little can be left out.
    pub(super) fn overflowed(&mut self, refusals: u32, effects: &mut Vec<Effect>) {
        if let Some(limit) = self.spec.budget.exhausted(&self.spent) {
            return self.stop(End::Budget { limit }, effects);
        }
        let before = self.weight();
        let what = self.shrink(before.saturating_mul(6) / 10);
        if self.weight() > before.saturating_mul(9) / 10 {
            return self.stop(End::ContextFull, effects);
        }
        effects.push(Effect::Compacted { what });
        self.put(refusals, effects);
    }

    /// What a request weighs, in bytes.
    fn weight(&self) -> u64 {
        let tools = self.tools.iter().map(|offer| {
            let definition = &offer.definition;
            let schema = serde_json::to_string(&definition.input_schema).map_or(0, |schema| schema.len());
            (definition.name.len() + definition.description.len() + schema) as u64
        });
        let fixed = self.spec.system.len() as u64 + tools.sum::<u64>();
        fixed + self.messages.iter().map(message_weight).sum::<u64>()
    }

    fn shrink(&mut self, target: u64) -> Compacted {
        let mut what = Compacted::default();
        let mut weight = self.weight();
        let newest = self.messages.len().saturating_sub(1);
        for result in self.messages[..newest].iter_mut().flat_map(|message| &mut message.blocks).filter_map(as_result) {
            if weight <= target {
                break;
            }
            let saved = shorten(result, OLD, "call again if you need it");
            weight = weight.saturating_sub(saved);
            what.shortened += u32::from(saved > 0);
        }
        // The first message is the task, and the last exchange is what the model is at.
        while weight > target && self.messages.len() > 3 {
            let left = self.drop_oldest();
            weight = weight.saturating_sub(left);
            what.dropped += 1;
        }
        if what.dropped > 0 {
            self.note(what.dropped);
        }
        if weight > target {
            what.shortened += self.shorten_newest(weight - target);
        }
        what
    }

    /// Leaves out the second and third message. What a person said last stays: it is what is to be done.
    fn drop_oldest(&mut self) -> u64 {
        let pair: Vec<Message> = self.messages.drain(1..3).collect();
        let mut left: u64 = pair.iter().map(message_weight).sum();
        let said_later = self.messages[1..].iter().flat_map(|message| &message.blocks).any(is_said);
        if !said_later {
            let said = pair.into_iter().skip(1).flat_map(|message| message.blocks).filter(is_said);
            let said: Vec<Block> = said.collect();
            left = left.saturating_sub(said.iter().map(block_weight).sum());
            self.messages[0].blocks.extend(said);
        }
        left
    }

    /// Says in the first message how much is missing after it.
    fn note(&mut self, dropped: u32) {
        let blocks = &mut self.messages[0].blocks;
        let is_note = |block: &Block| matches!(block, Block::Text { text } if text.starts_with(NOTE));
        let before = blocks.iter().position(is_note).map(|at| blocks.remove(at));
        let before = before.and_then(|block| match block {
            Block::Text { text } => text[NOTE.len()..].split_whitespace().next()?.parse::<u32>().ok(),
            _ => None,
        });
        let all = dropped.saturating_add(before.unwrap_or(0));
        let text = format!("{NOTE} {all} earlier exchanges with their tool calls. Nothing is known of them any more.]");
        // After the task, and before what was said last.
        blocks.insert(1, Block::Text { text });
    }

    /// Shortens what the tools answered last, the longest most.
    fn shorten_newest(&mut self, surplus: u64) -> u32 {
        let Some(newest) = self.messages.last_mut() else { return 0 };
        let mut results: Vec<&mut ToolResult> = newest.blocks.iter_mut().filter_map(as_result).collect();
        let weights: Vec<u64> = results.iter().map(|result| result_weight(result)).collect();
        let all: u64 = weights.iter().sum();
        let keep = all.saturating_sub(surplus);
        let mut shortened = 0;
        for (result, weight) in results.iter_mut().zip(weights) {
            // Its share of what is kept.
            let share = u128::from(weight) * u128::from(keep) / u128::from(all.max(1));
            let share = u64::try_from(share).unwrap_or(u64::MAX).max(NEW);
            shortened += u32::from(shorten(result, share, "ask for less at once") > 0);
        }
        shortened
    }
}

/// Leaves of a longer answer its beginning and its end, `keep` bytes of text together. Says how much lighter it is now.
fn shorten(result: &mut ToolResult, keep: u64, advice: &str) -> u64 {
    let before = result_weight(result);
    // The note has a length too.
    if before <= keep + 200 {
        return 0;
    }
    let mut text = String::new();
    let mut pictures = 0;
    for part in &result.content {
        match part {
            Content::Text { text: more } => {
                if !text.is_empty() {
                    text.push('\n');
                }
                text.push_str(more);
            }
            Content::Image(_) => pictures += 1,
        }
    }
    let keep = usize::try_from(keep).unwrap_or(usize::MAX).min(text.len());
    let head = if keep == text.len() { keep } else { text.floor_char_boundary(keep * 2 / 3) };
    let tail = if keep == text.len() { keep } else { text.ceil_char_boundary(text.len() - keep / 3) };
    let bytes = (head < tail).then(|| format!("{} bytes", tail - head));
    let pictures = (pictures > 0).then(|| format!("{pictures} pictures"));
    let left: Vec<String> = bytes.into_iter().chain(pictures).collect();
    let note = format!("[{} left out to make room; {advice}]", left.join(" and "));
    let short = format!("{}\n{note}\n{}", &text[..head], &text[tail..]);
    result.content = vec![Content::Text { text: short.trim().to_owned() }];
    before.saturating_sub(result_weight(result))
}

fn as_result(block: &mut Block) -> Option<&mut ToolResult> {
    match block {
        Block::ToolResult(result) => Some(result),
        _ => None,
    }
}

/// Whether a person said it.
fn is_said(block: &Block) -> bool {
    matches!(block, Block::Text { .. } | Block::Image(_))
}

fn message_weight(message: &Message) -> u64 {
    message.blocks.iter().map(block_weight).sum()
}

fn block_weight(block: &Block) -> u64 {
    match block {
        Block::Text { text } => text.len() as u64,
        Block::Image(_) => PICTURE,
        Block::ToolUse(call) => {
            let arguments = serde_json::to_string(&call.arguments).map_or(0, |text| text.len());
            (call.name.len() + arguments + call.broken.as_ref().map_or(0, String::len)) as u64
        }
        Block::ToolResult(result) => result_weight(result),
        Block::Opaque { value } => value.to_string().len() as u64,
    }
}

fn result_weight(result: &ToolResult) -> u64 {
    let weights = result.content.iter().map(|part| match part {
        Content::Text { text } => text.len() as u64,
        Content::Image(_) => PICTURE,
    });
    weights.sum()
}

#[cfg(test)]
mod tests;
