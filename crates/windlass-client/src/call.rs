//! `windlass call`: uses a server the way an agent would.

use std::{borrow::Cow, sync::Arc, time::Duration};

use rmcp::{
    ClientHandler, RoleClient,
    model::{CallToolRequestParams, CallToolResult, ContentBlock, ProgressNotificationParam, Tool},
    service::NotificationContext,
};
use serde_json::Value;

use crate::{
    arguments::Arguments,
    error::ClientError,
    session::{Session, refused},
    target::Target,
    text::{lines, one_line},
};

/// A tool call to make.
#[derive(Debug, Clone)]
pub struct CallOptions {
    /// The tool's name.
    pub tool: String,
    /// Its arguments.
    pub arguments: Arguments,
    /// How long all of it may take.
    pub timeout: Duration,
}

/// How to list tools.
#[derive(Debug, Clone)]
pub struct ListOptions {
    /// How long all of it may take.
    pub timeout: Duration,
}

impl Default for ListOptions {
    fn default() -> Self {
        Self { timeout: Duration::from_secs(30) }
    }
}

/// A sign of life from a running call.
#[derive(Debug, Clone, PartialEq)]
pub struct Progress {
    /// How far it is.
    pub progress: f64,
    /// How far it will go, if known.
    pub total: Option<f64>,
    /// What it is doing, fit for a terminal.
    pub message: Option<String>,
}

/// What a tool returned.
#[derive(Debug, Clone)]
pub struct Called {
    /// The result as the protocol has it.
    pub result: CallToolResult,
}

/// What a server offers.
#[derive(Debug, Clone)]
pub struct Listed {
    /// Its tools, in its order.
    pub tools: Vec<Tool>,
}

type OnProgress = Arc<dyn Fn(Progress) + Send + Sync>;

/// Calls a tool. `on_progress` hears of every progress notification while it runs.
pub async fn call(
    target: &Target,
    options: &CallOptions,
    on_progress: impl Fn(Progress) + Send + Sync + 'static,
) -> Result<Called, ClientError> {
    within(options.timeout, async {
        let session = Session::open(target, Handler(Arc::new(on_progress)), options.timeout).await?;
        let outcome = ask(&session, options).await;
        session.close().await;
        outcome
    })
    .await
}

/// Lists the tools of a server.
pub async fn list(target: &Target, options: &ListOptions) -> Result<Listed, ClientError> {
    within(options.timeout, async {
        let session = Session::open(target, Handler(Arc::new(|_| {})), options.timeout).await?;
        let outcome = session.tools().await.map(|tools| Listed { tools });
        session.close().await;
        outcome
    })
    .await
}

async fn within<T>(timeout: Duration, work: impl Future<Output = Result<T, ClientError>>) -> Result<T, ClientError> {
    tokio::time::timeout(timeout, work).await.unwrap_or_else(|_| {
        let message = format!("no answer within {} s", timeout.as_secs_f32());
        Err(ClientError::unreachable(message, "allow more with `--timeout`"))
    })
}

impl Called {
    /// Whether the tool said that it failed.
    pub fn is_error(&self) -> bool {
        self.result.is_error == Some(true)
    }

    /// 0, or 1 when the tool failed.
    pub fn exit_code(&self) -> u8 {
        u8::from(self.is_error())
    }

    /// The result for a person: its text, or the structured content where there is no text. Whatever a terminal would
    /// obey is made visible when `terminal`; a pipe gets the text as it is.
    pub fn text(&self, terminal: bool) -> String {
        let parts: Vec<Cow<'_, str>> = self.result.content.iter().map(part).collect();
        let mut text = parts.join("\n");
        if text.is_empty()
            && let Some(structured) = &self.result.structured_content
        {
            text = serde_json::to_string_pretty(structured).unwrap_or_default();
        }
        if terminal { lines(&text) } else { text }
    }

    /// The whole result as JSON.
    pub fn json(&self) -> Value {
        serde_json::to_value(&self.result).unwrap_or_default()
    }
}

/// What a content block looks like in a terminal.
fn part(block: &ContentBlock) -> Cow<'_, str> {
    match block {
        ContentBlock::Text(text) => Cow::Borrowed(&text.text),
        other => {
            let value = serde_json::to_value(other).unwrap_or_default();
            let field = |name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
            let kind = field("type");
            match kind.as_str() {
                "image" | "audio" => {
                    let bytes = field("data").len() / 4 * 3;
                    Cow::Owned(format!("[{kind} {}, about {bytes} bytes; see it with --json]", field("mimeType")))
                }
                "resource_link" => Cow::Owned(format!("[resource {}]", field("uri"))),
                _ => {
                    let text = value.pointer("/resource/text").and_then(Value::as_str);
                    Cow::Owned(text.map_or_else(|| format!("[{kind}; see it with --json]"), str::to_owned))
                }
            }
        }
    }
}

impl Listed {
    /// One line per tool: name and the first line of its description.
    pub fn text(&self) -> String {
        let width = self.tools.iter().map(|tool| tool.name.chars().count()).max().unwrap_or(0).min(40);
        let line = |tool: &Tool| {
            let description = tool.description.as_deref().unwrap_or_default();
            let first = one_line(description.lines().next().unwrap_or_default());
            let name = one_line(&tool.name);
            format!("{name:width$}  {first}").trim_end().to_owned() + "\n"
        };
        self.tools.iter().map(line).collect()
    }

    /// The tools as JSON.
    pub fn json(&self) -> Value {
        serde_json::to_value(&self.tools).unwrap_or_default()
    }
}

struct Handler(OnProgress);

impl ClientHandler for Handler {
    async fn on_progress(&self, params: ProgressNotificationParam, _context: NotificationContext<RoleClient>) {
        let message = params.message.map(|message| one_line(&message));
        (self.0)(Progress { progress: params.progress, total: params.total, message });
    }
}

/// The server's answer to `options`, by way of its list: a misspelt name is told before anything is called.
async fn ask(session: &Session<Handler>, options: &CallOptions) -> Result<Called, ClientError> {
    let tools = session.tools().await?;
    let Some(tool) = tools.iter().find(|tool| tool.name == options.tool) else {
        return Err(ClientError::usage(format!("there is no tool `{}`", options.tool), nearest(&options.tool, &tools)));
    };
    let schema = Value::Object((*tool.input_schema).clone());
    let arguments = options.arguments.resolve(&schema)?;
    let params = CallToolRequestParams::new(options.tool.clone()).with_arguments(arguments);
    let result = session.service().call_tool(params).await.map_err(refused)?;
    Ok(Called { result })
}

/// A hint for a misspelt name: the tools that share the most of it.
fn nearest(wanted: &str, tools: &[Tool]) -> String {
    let wanted = wanted.to_ascii_lowercase();
    let words: Vec<&str> = wanted.split(['_', '-', '.']).filter(|word| word.len() > 2).collect();
    let mut close: Vec<&str> = tools
        .iter()
        .map(|tool| tool.name.as_ref())
        .filter(|name| words.iter().any(|word| name.to_ascii_lowercase().contains(word)))
        .take(5)
        .collect();
    if close.is_empty() {
        close = tools.iter().map(|tool| tool.name.as_ref()).take(10).collect();
    }
    if close.is_empty() {
        "the server has no tools".into()
    } else {
        one_line(&format!("there is {}", close.join(", ")))
    }
}
