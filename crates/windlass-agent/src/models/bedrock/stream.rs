//! Events of an answer.

use std::collections::BTreeMap;

use aws_sdk_bedrockruntime::types::{
    ContentBlockDelta, ContentBlockStart, ConverseStreamOutput as Event, ReasoningContentBlockDelta as Thought,
    StopReason, TokenUsage,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::json;

use crate::{
    model::{ModelError, Stop, Usage},
    models::draft::Draft,
};

/// Thoughts with their signatures, until both are whole. Those that are never signed are not kept: nobody takes them back.
#[derive(Debug, Default)]
pub(super) struct Thoughts(BTreeMap<u64, (String, String)>);

/// Puts an event into the draft.
pub(super) fn take(event: Event, draft: &mut Draft<'_>, thoughts: &mut Thoughts) -> Result<(), ModelError> {
    match event {
        Event::ContentBlockStart(begun) => {
            if let Some(ContentBlockStart::ToolUse(call)) = begun.start {
                draft.call(place(begun.content_block_index), &call.tool_use_id, &call.name)?;
            }
        }
        Event::ContentBlockDelta(more) => {
            let at = place(more.content_block_index);
            match more.delta {
                Some(ContentBlockDelta::Text(text)) => draft.text(at, &text)?,
                Some(ContentBlockDelta::ToolUse(call)) => draft.arguments(at, &call.input)?,
                Some(ContentBlockDelta::ReasoningContent(thought)) => think(at, thought, draft, thoughts),
                _ => {}
            }
        }
        Event::MessageStop(stopped) => draft.stop = Some(stop(&stopped.stop_reason)?),
        Event::Metadata(metadata) => {
            if let Some(tokens) = metadata.usage {
                draft.usage = usage(&tokens);
            }
        }
        _ => {}
    }
    Ok(())
}

fn place(index: i32) -> u64 {
    u64::try_from(index).unwrap_or_default()
}

fn think(at: u64, thought: Thought, draft: &mut Draft<'_>, thoughts: &mut Thoughts) {
    match thought {
        Thought::Text(more) => thoughts.0.entry(at).or_default().0.push_str(&more),
        Thought::Signature(more) => {
            let (text, signature) = thoughts.0.entry(at).or_default();
            signature.push_str(&more);
            let thought = json!({ "reasoningText": { "text": text, "signature": signature } });
            draft.opaque(at, json!({ "reasoningContent": thought }));
        }
        Thought::RedactedContent(bytes) => {
            let bytes = STANDARD.encode(bytes);
            draft.opaque(at, json!({ "reasoningContent": { "redactedContent": bytes } }));
        }
        _ => {}
    }
}

fn stop(reason: &StopReason) -> Result<Stop, ModelError> {
    Ok(match reason {
        StopReason::ToolUse => Stop::ToolUse,
        StopReason::MaxTokens => Stop::MaxTokens,
        StopReason::ModelContextWindowExceeded => Stop::ContextFull,
        StopReason::ContentFiltered | StopReason::GuardrailIntervened => Stop::Refusal,
        StopReason::MalformedModelOutput | StopReason::MalformedToolUse => {
            return Err(ModelError::Protocol(format!("the model wrote what Bedrock cannot read ({reason})")));
        }
        _ => Stop::End,
    })
}

fn usage(tokens: &TokenUsage) -> Usage {
    let count = |tokens: i32| u64::try_from(tokens).unwrap_or_default();
    Usage {
        input: count(tokens.input_tokens),
        output: count(tokens.output_tokens),
        cache_read: count(tokens.cache_read_input_tokens.unwrap_or_default()),
        cache_write: count(tokens.cache_write_input_tokens.unwrap_or_default()),
    }
}
