//! Frames with the sums that the real service writes.

use aws_smithy_eventstream::frame::write_message_to;
use aws_smithy_types::event_stream::{Header, HeaderValue, Message};
use serde_json::{Value, json};

use crate::models::{
    asked::signature,
    door::{self, fragments, words},
    script::{Stop, Usage},
};

/// Writes them, and counts the blocks.
#[derive(Default)]
pub(in crate::models) struct Voice {
    block: usize,
}

impl Voice {
    fn deltas(&mut self, deltas: impl Iterator<Item = Value>) -> Vec<Vec<u8>> {
        let index = self.block;
        self.block += 1;
        let delta = |delta| json!({ "contentBlockIndex": index, "delta": delta });
        let mut events: Vec<_> = deltas.map(|value| event("contentBlockDelta", &delta(value))).collect();
        events.push(event("contentBlockStop", &json!({ "contentBlockIndex": index })));
        events
    }
}

impl door::Voice for Voice {
    fn begin(&mut self) -> Vec<Vec<u8>> {
        vec![event("messageStart", &json!({ "role": "assistant" }))]
    }

    fn text(&mut self, text: &str) -> Vec<Vec<u8>> {
        self.deltas(words(text).map(|word| json!({ "text": word })))
    }

    fn thought(&mut self, text: &str) -> Vec<Vec<u8>> {
        let words = words(text).map(|word| json!({ "reasoningContent": { "text": word } }));
        let signed = json!({ "reasoningContent": { "signature": signature(text) } });
        self.deltas(words.chain([signed]))
    }

    fn call(&mut self, id: &str, name: &str, input: &str) -> Vec<Vec<u8>> {
        let start = json!({ "toolUse": { "toolUseId": id, "name": name } });
        let start = event("contentBlockStart", &json!({ "contentBlockIndex": self.block, "start": start }));
        let parts = fragments(input).into_iter().map(|part| json!({ "toolUse": { "input": part } }));
        [vec![start], self.deltas(parts)].concat()
    }

    fn end(&mut self, stop: Stop, usage: Usage) -> Vec<Vec<u8>> {
        let stop = match stop {
            Stop::End => "end_turn",
            Stop::ToolUse => "tool_use",
            Stop::MaxTokens => "max_tokens",
            Stop::ContextFull => "model_context_window_exceeded",
            Stop::Refusal => "guardrail_intervened",
        };
        let usage = json!({
            "inputTokens": usage.input,
            "outputTokens": usage.output,
            "totalTokens": usage.input + usage.output + usage.cache_read + usage.cache_write,
            "cacheReadInputTokens": usage.cache_read,
            "cacheWriteInputTokens": usage.cache_write,
        });
        let metadata = json!({ "usage": usage, "metrics": { "latencyMs": 7 } });
        vec![event("messageStop", &json!({ "stopReason": stop })), event("metadata", &metadata)]
    }

    fn overloaded(&mut self) -> Vec<u8> {
        let said = json!({ "message": "Too many tokens, please wait before trying again." });
        frame([(":message-type", "exception"), (":exception-type", "throttlingException")], &said)
    }

    fn garbage(&mut self) -> Vec<u8> {
        let mut event = event("messageStop", &json!({ "stopReason": "end_turn" }));
        // Its sum is wrong now.
        if let Some(last) = event.last_mut() {
            *last ^= 1;
        }
        event
    }

    fn endless(&mut self) -> (Vec<u8>, Vec<u8>) {
        // A length of almost 4 GiB, no headers, and a sum that nobody looks at before the rest has come.
        (vec![0xff, 0xff, 0xff, 0xf0, 0, 0, 0, 0, 0, 0, 0, 0], vec![b'x'; 1 << 16])
    }
}

fn event(kind: &'static str, payload: &Value) -> Vec<u8> {
    frame([(":message-type", "event"), (":event-type", kind)], payload)
}

fn frame(headers: [(&'static str, &'static str); 2], payload: &Value) -> Vec<u8> {
    let headers = headers.into_iter().chain([(":content-type", "application/json")]);
    let headers = headers.map(|(name, value)| Header::new(name, HeaderValue::String(value.into()))).collect();
    let mut bytes = Vec::new();
    let message = Message::new_from_parts(headers, payload.to_string());
    write_message_to(&message, &mut bytes).expect("a small message can be written to memory");
    bytes
}
