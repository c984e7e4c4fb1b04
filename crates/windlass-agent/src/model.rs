//! A model, wherever it runs.

use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::conversation::{Block, Message};

/// A tool, as the model is told of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ToolDefinition {
    /// At most 64 of `a-z A-Z 0-9 _ -`.
    pub name: String,
    /// What it does.
    pub description: String,
    /// JSON schema of an object.
    pub input_schema: Map<String, Value>,
}

/// What a model is asked.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// What it is told before everything.
    pub system: &'a str,
    /// Roles alternate, the first is the user's; each tool use is answered once, in the very next message.
    pub messages: &'a [Message],
    /// What it may call.
    pub tools: &'a [ToolDefinition],
    /// Tokens of its answer.
    pub max_tokens: u32,
}

/// What it says while it speaks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Delta {
    /// More words.
    Text {
        /// They.
        text: String,
    },
    /// It begins to write a call.
    ToolUse {
        /// Of the call.
        id: String,
        /// The tool.
        name: String,
    },
}

/// Why it stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stop {
    /// It has said what it wanted.
    End,
    /// It waits for its tools.
    ToolUse,
    /// There was no room for more.
    MaxTokens,
    /// The conversation does not fit what it can read any more.
    ContextFull,
    /// It, or who runs it, refuses.
    Refusal,
}

/// What was read and written, as the provider counts it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Tokens read and not found in a cache.
    pub input: u64,
    /// Tokens written.
    pub output: u64,
    /// Tokens found in the provider's cache.
    pub cache_read: u64,
    /// Tokens put there.
    pub cache_write: u64,
}

/// A whole answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reply {
    /// What was said; may be empty.
    pub blocks: Vec<Block>,
    /// Why no more was.
    pub stop: Stop,
    /// What it cost.
    pub usage: Usage,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum ModelError {
    /// Too many asked: again, after this time where it was told.
    #[error("the model's provider is asked too often")]
    Throttled(Option<Duration>),
    /// It does not answer, or broke off. Asking again may help.
    #[error("the model cannot be reached: {0}")]
    Unreachable(String),
    /// The conversation does not fit what the model can read.
    #[error("the conversation is longer than the model can read")]
    ContextFull,
    /// It says no, and will again: a key, a name, a right. The text says what to do.
    #[error("{0}")]
    Refused(String),
    /// It said what cannot be understood.
    #[error("the model's provider said what is not in its protocol: {0}")]
    Protocol(String),
}

/// A model that can be asked.
#[async_trait]
pub trait Model: Send + Sync {
    /// The provider and the model: `bedrock/anthropic.claude-...`.
    fn name(&self) -> &str;

    /// Asks at start whether it may be asked at all. The error says what to change.
    async fn check(&self) -> Result<(), ModelError>;

    /// Asks once: no repeats, they are the caller's. Dropping the future hangs up.
    async fn ask(&self, request: Request<'_>, say: &mut (dyn FnMut(Delta) + Send)) -> Result<Reply, ModelError>;
}
