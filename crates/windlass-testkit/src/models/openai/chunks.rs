//! Chunks of an answer, with the habits of those who speak so.

use serde_json::{Value, json};

use crate::models::{
    asked::Asked,
    door::{self, event, fragments, words},
    script::{Dialect, Stop, Usage},
};

/// Writes them, and counts the calls.
pub(in crate::models) struct Voice {
    model: String,
    dialect: Dialect,
    /// Whether usage was asked for.
    usage: bool,
    calls: usize,
}

impl Voice {
    pub fn new(asked: &Asked, dialect: Dialect) -> Self {
        let body: Value = serde_json::from_str(&asked.body).unwrap_or_default();
        let usage = body.pointer("/stream_options/include_usage") == Some(&Value::Bool(true));
        Self { model: asked.model.clone(), dialect, usage, calls: 0 }
    }

    fn chunk(&self, choices: &Value, usage: &Value) -> Vec<u8> {
        let mut data = json!({
            "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 0, "model": self.model, "choices": choices,
        });
        if self.usage && self.dialect != Dialect::Ollama {
            data["usage"] = usage.clone();
        }
        event(None, &data)
    }

    fn delta(&self, delta: &Value) -> Vec<u8> {
        let usage = match self.dialect {
            Dialect::Vllm => json!({ "prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2 }),
            _ => Value::Null,
        };
        self.chunk(&json!([{ "index": 0, "delta": delta, "logprobs": null, "finish_reason": null }]), &usage)
    }

    fn is_whole(&self) -> bool {
        matches!(self.dialect, Dialect::Vllm | Dialect::Ollama)
    }
}

impl door::Voice for Voice {
    fn begin(&mut self) -> Vec<Vec<u8>> {
        // A remark, as services send it to keep a line open.
        let mut events = vec![b": waiting\n\n".to_vec()];
        events.push(self.delta(&json!({ "role": "assistant", "content": "", "tool_calls": null, "refusal": null })));
        events
    }

    fn text(&mut self, text: &str) -> Vec<Vec<u8>> {
        words(text).map(|word| self.delta(&json!({ "content": word }))).collect()
    }

    fn thought(&mut self, text: &str) -> Vec<Vec<u8>> {
        match self.dialect {
            Dialect::Vllm => words(text).map(|word| self.delta(&json!({ "reasoning_content": word }))).collect(),
            _ => Vec::new(),
        }
    }

    fn call(&mut self, id: &str, name: &str, input: &str) -> Vec<Vec<u8>> {
        let index = if self.dialect == Dialect::Ollama { 0 } else { self.calls };
        self.calls += 1;
        let first = if self.is_whole() { input } else { "" };
        let mut call = json!({
            "index": index, "id": id, "type": "function", "function": { "name": name, "arguments": first },
        });
        if let (Dialect::Ollama, Some(call)) = (self.dialect, call.as_object_mut()) {
            call.remove("id");
        }
        let mut events = vec![self.delta(&json!({ "content": null, "tool_calls": [call] }))];
        if !self.is_whole() {
            let more = |part: String| json!({ "index": index, "function": { "arguments": part } });
            let parts = fragments(input).into_iter();
            events.extend(parts.map(|part| self.delta(&json!({ "tool_calls": [more(part)] }))));
        }
        events
    }

    fn end(&mut self, stop: Stop, usage: Usage) -> Vec<Vec<u8>> {
        let stop = match stop {
            Stop::ToolUse if self.dialect != Dialect::Ollama => "tool_calls",
            Stop::End | Stop::ToolUse => "stop",
            Stop::MaxTokens | Stop::ContextFull => "length",
            Stop::Refusal => "content_filter",
        };
        let prompt = usage.input + usage.cache_read + usage.cache_write;
        let told = json!({
            "prompt_tokens": prompt,
            "completion_tokens": usage.output,
            "total_tokens": prompt + usage.output,
            "prompt_tokens_details": { "cached_tokens": usage.cache_read },
        });
        let last = json!([{ "index": 0, "delta": {}, "logprobs": null, "finish_reason": stop }]);
        let mut events = vec![self.chunk(&last, &Value::Null)];
        if self.usage && self.dialect != Dialect::Ollama {
            events.push(self.chunk(&json!([]), &told));
        }
        events.push(b"data: [DONE]\n\n".to_vec());
        events
    }

    fn overloaded(&mut self) -> Vec<u8> {
        let told = "The engine is currently overloaded, please try again later";
        event(None, &json!({ "error": { "message": told, "type": "server_error", "param": null, "code": 503 } }))
    }

    fn garbage(&mut self) -> Vec<u8> {
        b"data: {\"id\":\"chatcmpl-1\",\"choices\":[{\n\n".to_vec()
    }

    fn endless(&mut self) -> (Vec<u8>, Vec<u8>) {
        (b"data: ".to_vec(), vec![b'x'; 1 << 16])
    }
}
