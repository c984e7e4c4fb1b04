//! What the three wires have in common: a request that is read, an answer that is written, a refusal.

use axum::http::HeaderMap;
use serde_json::Value;

use super::{
    anthropic,
    asked::Asked,
    bedrock, openai,
    script::{Dialect, Fault, Said, Stop, Usage},
};

/// How one wire writes. Every method gives events, each the bytes that belong together.
pub(super) trait Voice: Send {
    /// Before everything.
    fn begin(&mut self) -> Vec<Vec<u8>>;
    /// Words.
    fn text(&mut self, text: &str) -> Vec<Vec<u8>>;
    /// A thought.
    fn thought(&mut self, text: &str) -> Vec<Vec<u8>>;
    /// A call.
    fn call(&mut self, id: &str, name: &str, input: &str) -> Vec<Vec<u8>>;
    /// After everything.
    fn end(&mut self, stop: Stop, usage: Usage) -> Vec<Vec<u8>>;
    /// That it cannot go on.
    fn overloaded(&mut self) -> Vec<u8>;
    /// What is not of this protocol.
    fn garbage(&mut self) -> Vec<u8>;
    /// The beginning of an event, and what it may go on with for ever.
    fn endless(&mut self) -> (Vec<u8>, Vec<u8>);
}

/// An answer with a status that is no success.
#[derive(Debug)]
pub(super) struct Refusal {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: Value,
}

/// One of the three.
#[derive(Debug, Clone, Copy)]
pub(super) enum Door {
    Bedrock,
    Anthropic,
    Openai(Dialect),
}

impl Door {
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Bedrock => "application/vnd.amazon.eventstream",
            Self::Anthropic | Self::Openai(_) => "text/event-stream; charset=utf-8",
        }
    }

    pub fn read(self, model: &str, headers: &HeaderMap, body: &str) -> Asked {
        let mut asked = match self {
            Self::Bedrock => bedrock::read(model, headers, body),
            Self::Anthropic => anthropic::read(headers, body),
            Self::Openai(_) => openai::read(headers, body),
        };
        if header(headers, "content-type") != "application/json" {
            asked.wrong("its content-type is not application/json");
        }
        asked
    }

    pub fn voice(self, asked: &Asked) -> Box<dyn Voice> {
        match self {
            Self::Bedrock => Box::new(bedrock::Voice::default()),
            Self::Anthropic => Box::new(anthropic::Voice::new(&asked.model)),
            Self::Openai(dialect) => Box::new(openai::Voice::new(asked, dialect)),
        }
    }

    /// What this fault is before anything is said; none for those that come later.
    pub fn refusal(self, fault: Fault, model: &str, key: &str) -> Option<Refusal> {
        match self {
            Self::Bedrock => bedrock::refusal(fault, model),
            Self::Anthropic => anthropic::refusal(fault, model, key),
            Self::Openai(_) => openai::refusal(fault, model, key),
        }
    }

    /// That a request is wrong, in this wire's words.
    pub fn wrong(self, what: &str) -> Refusal {
        match self {
            Self::Bedrock => bedrock::error(400, "ValidationException", what),
            Self::Anthropic => anthropic::error(400, "invalid_request_error", what),
            Self::Openai(_) => openai::error(400, "invalid_request_error", None, what),
        }
    }
}

/// The key of whoever asks.
pub(super) fn key(headers: &HeaderMap) -> &str {
    let bearer = header(headers, "authorization").strip_prefix("Bearer ").unwrap_or_default();
    if bearer.is_empty() { header(headers, "x-api-key") } else { bearer }
}

pub(super) fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// All events of what is said.
pub(super) fn said(voice: &mut dyn Voice, said: &Said, id: &str) -> Vec<Vec<u8>> {
    match said {
        Said::Text(text) => voice.text(text),
        Said::Thought(text) => voice.thought(text),
        Said::ToolUse { id: own, name, input } => {
            let input = match input {
                Value::String(raw) => raw.clone(),
                input => input.to_string(),
            };
            voice.call(own.as_deref().unwrap_or(id), name, &input)
        }
        Said::Pause(_) => Vec::new(),
    }
}

/// Words as a model writes them: some at a time.
pub(super) fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split_inclusive(' ')
}

/// The same for JSON, without regard to what is in it.
pub(super) fn fragments(json: &str) -> Vec<String> {
    let characters: Vec<char> = json.chars().collect();
    characters.chunks(7).map(|part| part.iter().collect()).collect()
}

/// An event of an event stream.
pub(super) fn event(name: Option<&str>, data: &Value) -> Vec<u8> {
    let name = name.map(|name| format!("event: {name}\n")).unwrap_or_default();
    format!("{name}data: {data}\n\n").into_bytes()
}
