//! Chunks of an answer.

use serde::Deserialize;
use serde_json::Value;

use super::calls::{CallDelta, Calls};
use crate::{
    model::{ModelError, Stop, Usage},
    models::draft::Draft,
};

/// What the last event has instead of a chunk.
pub(super) const DONE: &str = "[DONE]";
/// The place of the text, before the calls.
const TEXT: u64 = 0;

/// A piece of an answer. Every service leaves out something else.
#[derive(Debug, Deserialize)]
pub(super) struct Chunk {
    #[serde(default)]
    choices: Option<Vec<Choice>>,
    #[serde(default)]
    usage: Option<Tokens>,
    #[serde(default)]
    pub error: Option<Value>,
}

#[derive(Debug, Deserialize)]
struct Choice {
    #[serde(default)]
    delta: Option<Said>,
    #[serde(default)]
    finish_reason: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Said {
    #[serde(default)]
    content: Option<String>,
    #[serde(default)]
    refusal: Option<String>,
    #[serde(default)]
    tool_calls: Option<Vec<CallDelta>>,
}

#[derive(Debug, Deserialize)]
struct Tokens {
    #[serde(default)]
    prompt_tokens: Option<u64>,
    #[serde(default)]
    completion_tokens: Option<u64>,
    #[serde(default)]
    prompt_tokens_details: Option<Details>,
}

#[derive(Debug, Deserialize)]
struct Details {
    #[serde(default)]
    cached_tokens: Option<u64>,
}

/// Puts a chunk into the draft.
pub(super) fn take(chunk: Chunk, draft: &mut Draft<'_>, calls: &mut Calls) -> Result<(), ModelError> {
    if let Some(tokens) = chunk.usage {
        draft.usage = tokens.usage();
    }
    // One answer was asked for.
    let Some(choice) = chunk.choices.into_iter().flatten().next() else { return Ok(()) };
    if let Some(said) = choice.delta {
        draft.text(TEXT, &said.content.unwrap_or_default())?;
        if let Some(refusal) = said.refusal.filter(|refusal| !refusal.is_empty()) {
            draft.text(TEXT, &refusal)?;
            draft.stop = Some(Stop::Refusal);
        }
        for call in said.tool_calls.into_iter().flatten() {
            calls.take(call, draft)?;
        }
    }
    if let Some(reason) = choice.finish_reason.filter(|reason| !reason.is_empty()) {
        let stop = match reason.as_str() {
            "length" => Stop::MaxTokens,
            "tool_calls" | "function_call" => Stop::ToolUse,
            "content_filter" => Stop::Refusal,
            _ => Stop::End,
        };
        // Who refuses in words ends with `stop` all the same.
        draft.stop.get_or_insert(stop);
    }
    Ok(())
}

impl Tokens {
    fn usage(&self) -> Usage {
        let read = self.prompt_tokens.unwrap_or_default();
        let cached = self.prompt_tokens_details.as_ref().and_then(|details| details.cached_tokens).unwrap_or_default();
        Usage {
            input: read.saturating_sub(cached),
            output: self.completion_tokens.unwrap_or_default(),
            cache_read: cached.min(read),
            // Writing costs nothing here, and is not told.
            cache_write: 0,
        }
    }
}
