//! Events of an answer.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    model::{ModelError, Stop},
    models::draft::Draft,
};

/// One of them. There will be others, and they are to be passed over.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Event {
    MessageStart {
        message: Begun,
    },
    ContentBlockStart {
        index: u64,
        content_block: Value,
    },
    ContentBlockDelta {
        index: u64,
        delta: BlockDelta,
    },
    MessageDelta {
        delta: Ended,
        #[serde(default)]
        usage: Option<Tokens>,
    },
    MessageStop {},
    Error(Value),
    #[serde(other)]
    Other,
}

#[derive(Debug, Deserialize)]
pub(super) struct Begun {
    #[serde(default)]
    usage: Option<Tokens>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Ended {
    #[serde(default)]
    stop_reason: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Tokens {
    input_tokens: Option<u64>,
    output_tokens: Option<u64>,
    cache_read_input_tokens: Option<u64>,
    cache_creation_input_tokens: Option<u64>,
}

/// More of a block.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum BlockDelta {
    TextDelta {
        text: String,
    },
    InputJsonDelta {
        partial_json: String,
    },
    ThinkingDelta {
        thinking: String,
    },
    SignatureDelta {
        signature: String,
    },
    #[serde(other)]
    Other,
}

/// Thoughts, until they are signed: before that nobody takes them back.
#[derive(Debug, Default)]
pub(super) struct Thoughts(BTreeMap<u64, String>);

/// Puts an event into the draft.
pub(super) fn take(event: Event, draft: &mut Draft<'_>, thoughts: &mut Thoughts) -> Result<(), ModelError> {
    match event {
        Event::MessageStart { message } => {
            if let Some(tokens) = message.usage {
                count(&tokens, draft);
            }
        }
        Event::ContentBlockStart { index, content_block } => begin(index, content_block, draft)?,
        Event::ContentBlockDelta { index, delta } => match delta {
            BlockDelta::TextDelta { text } => draft.text(index, &text)?,
            BlockDelta::InputJsonDelta { partial_json } => draft.arguments(index, &partial_json)?,
            BlockDelta::ThinkingDelta { thinking } => thoughts.0.entry(index).or_default().push_str(&thinking),
            BlockDelta::SignatureDelta { signature } => {
                let thinking = thoughts.0.remove(&index).unwrap_or_default();
                draft.opaque(index, json!({ "type": "thinking", "thinking": thinking, "signature": signature }));
            }
            BlockDelta::Other => {}
        },
        Event::MessageDelta { delta, usage } => {
            if let Some(reason) = delta.stop_reason {
                draft.stop = Some(stop(&reason));
            }
            if let Some(tokens) = usage {
                count(&tokens, draft);
            }
        }
        Event::MessageStop {} | Event::Error(_) | Event::Other => {}
    }
    Ok(())
}

fn begin(index: u64, block: Value, draft: &mut Draft<'_>) -> Result<(), ModelError> {
    let text = |name: &str| block.get(name).and_then(Value::as_str).unwrap_or_default();
    match text("type") {
        "text" => draft.text(index, text("text")),
        "tool_use" => draft.call(index, text("id"), text("name")),
        "redacted_thinking" => {
            draft.opaque(index, block);
            Ok(())
        }
        _ => Ok(()),
    }
}

fn stop(reason: &str) -> Stop {
    match reason {
        "tool_use" => Stop::ToolUse,
        "max_tokens" => Stop::MaxTokens,
        "model_context_window_exceeded" => Stop::ContextFull,
        "refusal" => Stop::Refusal,
        _ => Stop::End,
    }
}

/// Each count is of the whole answer so far, and not each event has each of them.
fn count(tokens: &Tokens, draft: &mut Draft<'_>) {
    let usage = &mut draft.usage;
    for (count, told) in [
        (&mut usage.input, tokens.input_tokens),
        (&mut usage.output, tokens.output_tokens),
        (&mut usage.cache_read, tokens.cache_read_input_tokens),
        (&mut usage.cache_write, tokens.cache_creation_input_tokens),
    ] {
        *count = told.unwrap_or(*count);
    }
}
