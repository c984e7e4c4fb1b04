//! Events as Anthropic sends them, with those that a client has to pass over.

use serde_json::{Value, json};

use crate::models::{
    asked::signature,
    door::{self, event, fragments, words},
    script::{Stop, Usage},
};

/// Writes them, and counts the blocks.
pub(in crate::models) struct Voice {
    model: String,
    block: usize,
}

impl Voice {
    pub fn new(model: &str) -> Self {
        Self { model: model.to_owned(), block: 0 }
    }

    fn block(&mut self, start: &Value, deltas: impl Iterator<Item = Value>) -> Vec<Vec<u8>> {
        let index = self.block;
        self.block += 1;
        let named = |name: &str, more: Value| {
            let mut data = json!({ "type": name, "index": index });
            if let (Some(data), Value::Object(more)) = (data.as_object_mut(), more) {
                data.extend(more);
            }
            event(Some(name), &data)
        };
        let mut events = vec![named("content_block_start", json!({ "content_block": start }))];
        events.extend(deltas.map(|delta| named("content_block_delta", json!({ "delta": delta }))));
        events.push(named("content_block_stop", json!({})));
        events
    }
}

impl door::Voice for Voice {
    fn begin(&mut self) -> Vec<Vec<u8>> {
        // What was read is told at the end again, together with what was written.
        let usage = json!({ "input_tokens": 1, "output_tokens": 1 });
        let message = json!({
            "id": "msg_1", "type": "message", "role": "assistant", "model": self.model, "content": [],
            "stop_reason": null, "stop_sequence": null, "usage": usage,
        });
        vec![
            event(Some("message_start"), &json!({ "type": "message_start", "message": message })),
            event(Some("ping"), &json!({ "type": "ping" })),
            event(Some("something_new"), &json!({ "type": "something_new", "index": "none" })),
        ]
    }

    fn text(&mut self, text: &str) -> Vec<Vec<u8>> {
        let deltas = words(text).map(|word| json!({ "type": "text_delta", "text": word }));
        self.block(&json!({ "type": "text", "text": "" }), deltas)
    }

    fn thought(&mut self, text: &str) -> Vec<Vec<u8>> {
        let words = words(text).map(|word| json!({ "type": "thinking_delta", "thinking": word }));
        let signed = json!({ "type": "signature_delta", "signature": signature(text) });
        self.block(&json!({ "type": "thinking", "thinking": "", "signature": "" }), words.chain([signed]))
    }

    fn call(&mut self, id: &str, name: &str, input: &str) -> Vec<Vec<u8>> {
        let parts = fragments(input).into_iter();
        let deltas = parts.map(|part| json!({ "type": "input_json_delta", "partial_json": part }));
        self.block(&json!({ "type": "tool_use", "id": id, "name": name, "input": {} }), deltas)
    }

    fn end(&mut self, stop: Stop, usage: Usage) -> Vec<Vec<u8>> {
        let stop = match stop {
            Stop::End => "end_turn",
            Stop::ToolUse => "tool_use",
            Stop::MaxTokens => "max_tokens",
            Stop::ContextFull => "model_context_window_exceeded",
            Stop::Refusal => "refusal",
        };
        let usage = json!({
            "input_tokens": usage.input,
            "output_tokens": usage.output,
            "cache_read_input_tokens": usage.cache_read,
            "cache_creation_input_tokens": usage.cache_write,
        });
        let delta = json!({ "stop_reason": stop, "stop_sequence": null });
        vec![
            event(Some("message_delta"), &json!({ "type": "message_delta", "delta": delta, "usage": usage })),
            event(Some("message_stop"), &json!({ "type": "message_stop" })),
        ]
    }

    fn overloaded(&mut self) -> Vec<u8> {
        let error = json!({ "type": "overloaded_error", "message": "Overloaded" });
        event(Some("error"), &json!({ "type": "error", "error": error }))
    }

    fn garbage(&mut self) -> Vec<u8> {
        b"event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":\n\n".to_vec()
    }

    fn endless(&mut self) -> (Vec<u8>, Vec<u8>) {
        (b"event: ping\ndata: ".to_vec(), vec![b'x'; 1 << 16])
    }
}
