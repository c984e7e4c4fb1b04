//! What a model may call.

mod content;
mod many;
mod mcp;
mod names;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{conversation::Content, model::ToolDefinition};

pub use content::answer_of;
pub use many::{Many, Renamed, Unreached};
pub use mcp::Server;
pub use names::fit;

/// A tool that is offered to the model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Offer {
    /// As the model is told of it.
    pub definition: ToolDefinition,
    /// Which server has it, for people.
    pub source: String,
    /// It says that it changes nothing. So it may be called again where nobody knows whether it was.
    pub read_only: bool,
    /// It may destroy something, or does not say that it does not.
    pub destructive: bool,
}

/// What a tool answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// Every block of it.
    pub content: Vec<Content>,
    /// Whether it failed.
    pub is_error: bool,
}

impl Answer {
    /// A failure, in words for the model.
    pub fn error(text: impl Into<String>) -> Self {
        Self { content: vec![Content::Text { text: text.into() }], is_error: true }
    }

    /// A success, in words.
    pub fn text(text: impl Into<String>) -> Self {
        Self { content: vec![Content::Text { text: text.into() }], is_error: false }
    }
}

/// How far a call is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// How far.
    pub done: f64,
    /// How far it will go, where that is known.
    pub total: Option<f64>,
    /// What it is doing.
    pub message: Option<String>,
}

/// Tools that can be listed and called.
#[async_trait]
pub trait Tools: Send + Sync {
    /// The tools there are now, always in the same order: a changed order is a changed prompt, which no cache knows.
    async fn list(&self) -> Vec<Offer>;

    /// Calls one. Whatever goes wrong is an answer that the model can read. Dropping the future cancels the call.
    async fn call(&self, name: &str, arguments: &Map<String, Value>, progress: &(dyn Fn(Progress) + Sync)) -> Answer;
}
