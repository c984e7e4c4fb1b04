//! A connection to a server, however it is reached.

use std::{collections::HashMap, process::Stdio, time::Duration};

use rmcp::{
    ClientHandler, ClientLifecycleMode, ClientServiceExt, RoleClient,
    model::{ProtocolVersion, Tool},
    service::{ClientInitializeError, RunningService, ServiceError},
    transport::{
        StreamableHttpClientTransport, TokioChildProcess, streamable_http_client::StreamableHttpClientTransportConfig,
    },
};
use tokio::io::{AsyncRead, AsyncWrite};
use windlass_core::ExposeSecret;

use crate::{
    error::ClientError,
    process::{Group, Tail, command, spawn_error},
    target::{HttpTarget, StdioTarget, Target},
    text::one_line,
};

/// A running connection, and for a child process what must be cleaned up after it.
pub struct Session<H: ClientHandler> {
    service: RunningService<RoleClient, H>,
    _group: Option<Group>,
}

impl<H: ClientHandler> Session<H> {
    /// Opens one to `target`; what the server says by itself goes to `handler`. `timeout` is for finding out why there is
    /// none.
    pub async fn open(target: &Target, handler: H, timeout: Duration) -> Result<Self, ClientError> {
        match target {
            Target::Http(http) => Self::http(http, handler, timeout).await,
            Target::Stdio(stdio) => Self::stdio(stdio, handler).await,
        }
    }

    async fn stdio(target: &StdioTarget, handler: H) -> Result<Self, ClientError> {
        let (transport, stderr) = TokioChildProcess::builder(command(target)?)
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| spawn_error(target, &error))?;
        let group = Group::with_leader(transport.id());
        let tail = stderr.map(Tail::of);
        match handler.serve_with_lifecycle(transport, lifecycle()).await {
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

    async fn http(target: &HttpTarget, handler: H, timeout: Duration) -> Result<Self, ClientError> {
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
        match handler.serve_with_lifecycle(transport, lifecycle()).await {
            Ok(service) => Ok(Self { service, _group: None }),
            Err(error) => Err(diagnose(target, &error, timeout).await),
        }
    }

    /// Every tool of the server, in its order.
    pub async fn tools(&self) -> Result<Vec<Tool>, ClientError> {
        self.service.list_all_tools().await.map_err(refused)
    }

    /// Speaks over a pair of streams, to a server that is no process of its own.
    pub async fn over<R, W>(input: R, output: W, handler: H) -> Result<Self, ClientError>
    where
        R: AsyncRead + Send + Unpin + 'static,
        W: AsyncWrite + Send + Unpin + 'static,
    {
        let service = handler.serve_with_lifecycle((input, output), lifecycle()).await.map_err(|error| {
            ClientError::unreachable(format!("the server does not speak MCP: {}", one_line(&error.to_string())), "")
        })?;
        Ok(Self { service, _group: None })
    }

    /// What rmcp makes of it.
    pub fn service(&self) -> &RunningService<RoleClient, H> {
        &self.service
    }

    /// Ends the connection politely: sessions are deleted, a child's input is closed and its exit awaited.
    pub async fn close(self) {
        // How the server takes its leave does not change what it answered.
        let _ = self.service.cancel().await;
    }
}

/// The current revision first, the handshake for servers from before it.
fn lifecycle() -> ClientLifecycleMode {
    ClientLifecycleMode::Auto { preferred_versions: vec![ProtocolVersion::V_2026_07_28], legacy_version: None }
}

/// An error of a call, for people.
pub(crate) fn refused(error: ServiceError) -> ClientError {
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
