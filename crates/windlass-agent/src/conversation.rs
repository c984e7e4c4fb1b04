//! What a model and its tools say to each other, whatever the wire.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Who said it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// A person, and the tools that answer the model.
    User,
    /// The model.
    Assistant,
}

/// One turn of one side.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// Whose.
    pub role: Role,
    /// Never empty in what is sent to a model.
    pub blocks: Vec<Block>,
}

/// A part of a message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Block {
    /// Words. Never empty in what is sent to a model.
    Text {
        /// They.
        text: String,
    },
    /// A picture.
    Image(Image),
    /// The model wants a tool to be called.
    ToolUse(ToolUse),
    /// What the tool answered.
    ToolResult(ToolResult),
    /// What only its own provider can read, given back unchanged: thoughts and their signatures.
    Opaque {
        /// As it came.
        value: Value,
    },
}

/// A picture, in base64.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// `image/png`.
    pub media_type: String,
    /// Base64.
    pub data: String,
}

/// A call the model asks for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ToolUse {
    /// Unique in a conversation; what answers it names it.
    pub id: String,
    /// The tool, as the model was told of it.
    pub name: String,
    /// What it is called with.
    pub arguments: Map<String, Value>,
    /// The text of arguments that are no JSON object. Such a call is answered with an error, and never made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub broken: Option<String>,
}

/// The answer to a call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ToolResult {
    /// Of the [`ToolUse`].
    pub id: String,
    /// Every block that the tool gave. Never empty in what is sent to a model.
    pub content: Vec<Content>,
    /// Whether it failed.
    pub is_error: bool,
}

/// A part of a tool's answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Content {
    /// Words, or data written as JSON.
    Text {
        /// They.
        text: String,
    },
    /// A picture.
    Image(Image),
}
