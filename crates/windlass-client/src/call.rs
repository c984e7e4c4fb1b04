//! `windlass call`: uses a server the way an agent would.

use std::{borrow::Cow, collections::HashMap, process::Stdio, sync::Arc, time::Duration};

use rmcp::{
    ClientHandler, ClientLifecycleMode, ClientServiceExt, RoleClient,
    model::{CallToolRequestParams, CallToolResult, ContentBlock, ProgressNotificationParam, ProtocolVersion, Tool},
    service::{ClientInitializeError, NotificationContext, RunningService, ServiceError},
    transport::{
        StreamableHttpClientTransport, TokioChildProcess, streamable_http_client::StreamableHttpClientTransportConfig,
    },
};
use serde_json::Value;
use windlass_core::ExposeSecret;

use crate::{
    arguments::Arguments,
    error::ClientError,
    process::{Group, Tail, command, spawn_error},
    target::{HttpTarget, StdioTarget, Target},
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
        let mut session = Session::open(target, Arc::new(on_progress), options.timeout).await?;
        let outcome = session.call(options).await;
        session.close().await;
        outcome
    })
    .await
}

/// Lists the tools of a server.
pub async fn list(target: &Target, options: &ListOptions) -> Result<Listed, ClientError> {
    within(options.timeout, async {
        let mut session = Session::open(target, Arc::new(|_| {}), options.timeout).await?;
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

/// A running connection, and for a child process what must be cleaned up after it.
struct Session {
    service: RunningService<RoleClient, Handler>,
    _group: Option<Group>,
}

impl Session {
    async fn open(target: &Target, on_progress: OnProgress, timeout: Duration) -> Result<Self, ClientError> {
        match target {
            Target::Http(http) => Self::http(http, on_progress, timeout).await,
            Target::Stdio(stdio) => Self::stdio(stdio, on_progress).await,
        }
    }

    async fn stdio(target: &StdioTarget, on_progress: OnProgress) -> Result<Self, ClientError> {
        let (transport, stderr) = TokioChildProcess::builder(command(target)?)
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| spawn_error(target, &error))?;
        let group = Group::with_leader(transport.id());
        let tail = stderr.map(Tail::of);
        match Handler(on_progress).serve_with_lifecycle(transport, lifecycle()).await {
            Ok(service) => Ok(Self { service, _group: Some(group) }),
            Err(error) => {
                drop(group);
                let words = match tail {
                    Some(mut tail) => tail.last_words().await,
                    None => String::new(),
                };
                let said = if words.is_empty() { String::new() } else { format!("; stderr: {}", one_line(&words)) };
                let message = format!("the server does not speak MCP: {}{said}", one_line(&error.to_string()));
                Err(ClientError::unreachable(message, "start the command by hand to see what it says"))
            }
        }
    }

    async fn http(target: &HttpTarget, on_progress: OnProgress, timeout: Duration) -> Result<Self, ClientError> {
        crate::install_tls();
        // A redirect would carry the token to wherever the server points.
        let mut builder = reqwest::Client::builder()
            .dns_resolver(crate::resolve::Localhost::resolver())
            .redirect(reqwest::redirect::Policy::none());
        if let Some(pem) = &target.authority {
            let authority = reqwest::Certificate::from_pem(pem)
                .map_err(|error| ClientError::usage(format!("the certificate authority is no PEM: {error}"), ""))?;
            builder = builder.tls_certs_merge([authority]);
        }
        let client = builder.build().map_err(|error| ClientError::usage(format!("cannot set up HTTP: {error}"), ""))?;
        let mut headers = HashMap::new();
        for (name, value) in &target.extra_headers()? {
            headers.insert(name.clone(), value.clone());
        }
        let mut config = StreamableHttpClientTransportConfig::with_uri(target.url.as_str()).custom_headers(headers);
        if let Some(token) = &target.bearer {
            config = config.auth_header(token.expose_secret());
        }
        let transport = StreamableHttpClientTransport::with_client(client, config);
        match Handler(on_progress).serve_with_lifecycle(transport, lifecycle()).await {
            Ok(service) => Ok(Self { service, _group: None }),
            Err(error) => Err(diagnose(target, &error, timeout).await),
        }
    }

    async fn call(&mut self, options: &CallOptions) -> Result<Called, ClientError> {
        let tools = self.tools().await?;
        let Some(tool) = tools.iter().find(|tool| tool.name == options.tool) else {
            return Err(ClientError::usage(
                format!("there is no tool `{}`", options.tool),
                nearest(&options.tool, &tools),
            ));
        };
        let schema = Value::Object((*tool.input_schema).clone());
        let arguments = options.arguments.resolve(&schema)?;
        let params = CallToolRequestParams::new(options.tool.clone()).with_arguments(arguments);
        let result = self.service.call_tool(params).await.map_err(refused)?;
        Ok(Called { result })
    }

    async fn tools(&mut self) -> Result<Vec<Tool>, ClientError> {
        self.service.list_all_tools().await.map_err(refused)
    }

    /// Ends the connection politely: sessions are deleted, a child's input is closed and its exit awaited.
    async fn close(self) {
        // How the server takes its leave does not change what it answered.
        let _ = self.service.cancel().await;
    }
}

/// The current revision first, the handshake for servers from before it.
fn lifecycle() -> ClientLifecycleMode {
    ClientLifecycleMode::Auto { preferred_versions: vec![ProtocolVersion::V_2026_07_28], legacy_version: None }
}

fn refused(error: ServiceError) -> ClientError {
    match error {
        ServiceError::McpError(error) => ClientError::Refused {
            message: format!("the server answers with error {}: {}", error.code.0, one_line(&error.message)),
            hint: String::new(),
        },
        ServiceError::TransportClosed | ServiceError::TransportSend(_) => {
            ClientError::unreachable(one_line(&error.to_string()), "the connection was lost during the call")
        }
        other => ClientError::Refused { message: one_line(&other.to_string()), hint: String::new() },
    }
}

/// Why there is no session. The library tells a challenge from the rest; for the rest the endpoint is asked once more,
/// because the status it answers with is the only thing that tells a refused token from a wrong address.
async fn diagnose(target: &HttpTarget, error: &ClientInitializeError, timeout: Duration) -> ClientError {
    let status = crate::check::status_of(target, timeout.min(Duration::from_secs(10))).await;
    let shown = target.shown();
    let denied = error.is_authorization_required() || error.auth_challenge().is_some();
    match status {
        _ if denied => auth_error(target),
        Some(401 | 403) => auth_error(target),
        None => ClientError::unreachable(
            format!("cannot reach {shown}"),
            "is the server running, and is the address right? `windlass check` says more",
        ),
        Some(404 | 405) => {
            ClientError::unreachable(format!("there is no MCP endpoint at {shown}"), "most servers use the path /mcp")
        }
        Some(_) => ClientError::unreachable(
            format!("no session with {shown}: {}", one_line(&error.to_string())),
            "`windlass check` says what is wrong",
        ),
    }
}

fn auth_error(target: &HttpTarget) -> ClientError {
    let (message, hint) = if target.bearer.is_some() || !target.headers.is_empty() {
        ("the server refuses the token", "is it for this server, and not expired?")
    } else {
        ("the server wants a token", "put it into the variable WINDLASS_TOKEN, or name another with `--token-env`")
    };
    ClientError::Auth { message: message.into(), hint: hint.into() }
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
