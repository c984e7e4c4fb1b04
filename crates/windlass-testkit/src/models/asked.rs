//! A request as it was meant, whatever the wire.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Serialize;
use serde_json::Value;

/// The door it came through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Wire {
    /// Bedrock's `converse-stream`.
    Bedrock,
    /// Anthropic's `messages`.
    Anthropic,
    /// `chat/completions`.
    Openai,
}

/// What was asked.
#[derive(Debug, Clone, Serialize)]
pub struct Asked {
    /// How.
    pub wire: Wire,
    /// Of which model.
    pub model: String,
    /// What it is told first.
    pub system: String,
    /// What it may call.
    pub tools: Vec<Tool>,
    /// What was said.
    pub messages: Vec<Message>,
    /// How much it may write.
    pub max_tokens: Option<u64>,
    /// Places up to which the prompt should be cached: of tools, of the system's text, of messages.
    pub cached: [usize; 3],
    /// The body, as it came.
    pub body: String,
    /// How the request says who asks: the first word of `authorization`, or `x-api-key`.
    pub credential: String,
    /// What is wrong with it that only the wire knows.
    #[serde(skip)]
    pub(super) wrong: Vec<String>,
}

/// A tool.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Tool {
    /// Its name.
    pub name: String,
    /// What it does.
    pub description: String,
    /// What it takes.
    pub schema: Value,
}

/// A message. On OpenAI's wire, the answers of tools and what the user says after them are one.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Message {
    /// `user` or `assistant`.
    pub role: String,
    /// What is in it.
    pub pieces: Vec<Piece>,
}

/// A part of a message.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Piece {
    /// Words.
    Text(String),
    /// A picture.
    Image {
        /// `image/png`.
        media_type: String,
        /// How many bytes; none where it is no base64.
        bytes: Option<usize>,
    },
    /// A thought that comes back.
    Thought {
        /// It.
        text: String,
        /// What its maker signed it with.
        signature: String,
    },
    /// A call.
    ToolUse {
        /// Its id.
        id: String,
        /// The tool.
        name: String,
        /// What with; `null` where it is no JSON.
        input: Value,
    },
    /// An answer.
    ToolResult {
        /// Of the call.
        id: String,
        /// What is in it.
        pieces: Vec<Piece>,
        /// Whether it failed, where the wire can say so.
        error: Option<bool>,
    },
}

impl Asked {
    pub(super) fn new(wire: Wire, model: &str, body: &str) -> Self {
        Self {
            wire,
            model: model.to_owned(),
            system: String::new(),
            tools: Vec::new(),
            messages: Vec::new(),
            max_tokens: None,
            cached: [0; 3],
            body: body.to_owned(),
            credential: String::new(),
            wrong: Vec::new(),
        }
    }

    /// Whether somebody only wants to know if they may ask.
    pub(super) fn is_check(&self) -> bool {
        self.tools.is_empty() && self.messages.len() == 1 && self.max_tokens.is_some_and(|tokens| tokens <= 16)
    }

    /// How often the model has answered in this conversation.
    pub(super) fn answers(&self) -> usize {
        self.messages.iter().filter(|message| message.role == "assistant").count()
    }

    pub(super) fn wrong(&mut self, what: impl Into<String>) {
        self.wrong.push(what.into());
    }
}

impl Piece {
    pub(super) fn image(media_type: impl Into<String>, data: &str) -> Self {
        Self::Image { media_type: media_type.into(), bytes: STANDARD.decode(data).ok().map(|bytes| bytes.len()) }
    }
}

/// The text at this place, or nothing.
pub(super) fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// The list at this place, or an empty one.
pub(super) fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// What a thought is signed with: whoever changes one of them is found out.
pub(super) fn signature(thought: &str) -> String {
    let sum = thought
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    format!("signed-{sum:016x}")
}
