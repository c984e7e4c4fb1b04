//! What a scripted model says, whatever the wire.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What it says to one request after the other. As JSON:
///
/// ```json
/// { "turns": [
///     { "say": [{ "text": "Let me see." }, { "tool_use": { "name": "search", "input": { "query": "x" } } }] },
///     { "fault": { "throttle": { "retry_after": 1 } } },
///     { "say": [{ "text": "It is blue." }], "usage": { "input": 120, "output": 9 } } ] }
/// ```
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Script {
    /// What it says.
    pub turns: Vec<Turn>,
    /// Which turn answers a request.
    #[serde(default)]
    pub pick: Pick,
    /// Bytes of one write, so that an answer is cut anywhere. Without it, an event is a write.
    #[serde(default)]
    pub cut: Option<usize>,
    /// Between two writes.
    #[serde(default)]
    pub pause_ms: u64,
    /// Whose habits the OpenAI-compatible door has.
    #[serde(default)]
    pub dialect: Dialect,
    /// The models that `/v1/models` lists. Without one, the OpenAI-compatible door has no such list, and the others know
    /// every model.
    #[serde(default)]
    pub models: Vec<String>,
    /// The key that Anthropic's and OpenAI's doors want. Without it, any.
    #[serde(default)]
    pub key: Option<String>,
}

/// Which turn answers a request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pick {
    /// Each is said once, in their order; a request after the last is a violation.
    #[default]
    InOrder,
    /// After the last the first again.
    Around,
    /// The one of this conversation: as many turns in as it has answers of the model. A request that is repeated is answered
    /// the same, and conversations do not take each other's turns.
    ByConversation,
}

/// Whose habits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dialect {
    /// OpenAI's, with models that take `max_tokens`.
    #[default]
    Openai,
    /// OpenAI's, with models that refuse `max_tokens` and want `max_completion_tokens`.
    OpenaiReasoning,
    /// vLLM's: usage on every chunk, arguments whole, the name with them.
    Vllm,
    /// Ollama's at its worst: no ids, index 0 for every call, arguments whole, it stops with `stop`, and no usage.
    Ollama,
}

/// An answer, or none.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Turn {
    /// What is said.
    #[serde(default)]
    pub say: Vec<Said>,
    /// Why it ends. Without it, because of what was said.
    #[serde(default)]
    pub stop: Option<Stop>,
    /// What it costs.
    #[serde(default)]
    pub usage: Usage,
    /// What goes wrong instead, or in the middle.
    #[serde(default)]
    pub fault: Option<Fault>,
}

/// A part of an answer.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Said {
    /// Words, which come in several pieces.
    Text(String),
    /// A thought with its signature, which has to come back as it was. OpenAI's door keeps its thoughts.
    Thought(String),
    /// A call.
    ToolUse {
        /// Without it, one that names the turn and the place.
        #[serde(default)]
        id: Option<String>,
        /// The tool.
        name: String,
        /// What it is called with. A string is sent as it is, so that it can be no JSON.
        input: Value,
    },
    /// Nothing, for so many milliseconds.
    Pause(u64),
}

/// Why an answer ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stop {
    /// All was said.
    End,
    /// It waits for tools.
    ToolUse,
    /// No more tokens.
    MaxTokens,
    /// The window is full.
    ContextFull,
    /// It will not.
    Refusal,
}

/// Tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Usage {
    /// Read, and not from a cache.
    pub input: u64,
    /// Written.
    pub output: u64,
    /// Read from a cache.
    pub cache_read: u64,
    /// Put there.
    pub cache_write: u64,
}

impl Default for Usage {
    fn default() -> Self {
        Self { input: 10, output: 5, cache_read: 0, cache_write: 0 }
    }
}

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Fault {
    /// Too many requests.
    Throttle {
        /// Seconds that it says to wait.
        #[serde(default)]
        retry_after: Option<u64>,
    },
    /// Too many requests of everybody: 529, 503, or what the wire has.
    Overloaded,
    /// The same, after what is said of this turn.
    OverloadedInTheMiddle,
    /// 500.
    ServerError,
    /// The line is cut after so many bytes.
    HangUp {
        /// How many.
        after: usize,
    },
    /// Nothing more comes after so many bytes, and the line stays open.
    Silence {
        /// How many.
        after: usize,
    },
    /// What is not of this protocol.
    Garbage,
    /// A page for people, with status 200.
    Page,
    /// An event that never ends.
    EndlessEvent,
    /// Events that never end.
    EndlessAnswer,
    /// More than the model can read.
    ContextFull,
    /// The key is wrong. The error repeats it.
    BadKey,
    /// The key is right and the right is missing.
    AccessDenied,
    /// Bedrock's: only through an inference profile.
    OnDemand,
    /// No such model.
    UnknownModel,
    /// Nobody pays.
    NoCredit,
    /// It refuses the request.
    BadRequest,
}

impl Fault {
    /// Whether it is still there when somebody asks again: what a check at start should find.
    pub(super) fn lasts(self) -> bool {
        matches!(
            self,
            Self::BadKey | Self::AccessDenied | Self::OnDemand | Self::UnknownModel | Self::NoCredit | Self::BadRequest
        )
    }
}

impl Turn {
    /// One that says `text`.
    pub fn text(text: impl Into<String>) -> Self {
        Self { say: vec![Said::Text(text.into())], ..Self::default() }
    }

    /// One that calls a tool.
    pub fn call(name: impl Into<String>, input: Value) -> Self {
        Self { say: vec![Said::ToolUse { id: None, name: name.into(), input }], ..Self::default() }
    }

    /// One where this goes wrong.
    pub fn fault(fault: Fault) -> Self {
        Self { say: vec![Said::Text("Half of what I".to_owned())], fault: Some(fault), ..Self::default() }
    }

    /// The same at another price.
    pub fn costing(self, usage: Usage) -> Self {
        Self { usage, ..self }
    }

    /// Why it ends.
    pub(super) fn stop(&self) -> Stop {
        let calls = self.say.iter().any(|said| matches!(said, Said::ToolUse { .. }));
        self.stop.unwrap_or(if calls { Stop::ToolUse } else { Stop::End })
    }
}

impl From<Vec<Turn>> for Script {
    fn from(turns: Vec<Turn>) -> Self {
        Self { turns, ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_script_is_written_as_its_documentation_says() {
        let script: Script = serde_json::from_value(json!({ "turns": [
            { "say": [{ "text": "Let me see." }, { "tool_use": { "name": "search", "input": { "query": "x" } } }] },
            { "fault": { "throttle": { "retry_after": 1 } } },
            { "fault": "garbage" },
            { "say": [{ "text": "It is blue." }], "usage": { "input": 120, "output": 9 } }
        ], "pick": "by_conversation" }))
        .unwrap();
        assert_eq!(script.pick, Pick::ByConversation);
        assert_eq!(script.turns[0].stop(), Stop::ToolUse);
        assert_eq!(script.turns[1].fault, Some(Fault::Throttle { retry_after: Some(1) }));
        assert_eq!(script.turns[3].usage, Usage { input: 120, output: 9, cache_read: 0, cache_write: 0 });
        let wrong = serde_json::from_value::<Script>(json!({ "turns": [{ "sey": [] }] })).unwrap_err().to_string();
        assert!(wrong.contains("sey"), "{wrong}");
    }
}
