//! Servers for the tests, on port 0.

use std::{path::PathBuf, sync::Arc};

use axum::{
    Router,
    extract::Request,
    http::StatusCode,
    middleware::{Next, from_fn},
    response::{IntoResponse, Response},
    serve::ListenerExt,
};
use rmcp::transport::streamable_http_server::{
    StreamableHttpServerConfig, StreamableHttpService, session::local::LocalSessionManager,
};
use windlass_client::{CheckOptions, Finding, Report, Status, Target, check};

use crate::echo::Echo;

/// Serves a router and gives its address.
pub async fn serve(router: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let listener = listener.tap_io(|stream| stream.set_nodelay(true).unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    format!("http://{address}/mcp")
}

/// The echo server over HTTP.
pub async fn echo(json: bool, sessions: bool) -> String {
    serve(echo_router(json, sessions)).await
}

pub fn echo_router(json: bool, sessions: bool) -> Router {
    let config = StreamableHttpServerConfig::default()
        .with_json_response(json)
        .with_legacy_session_mode(sessions)
        .enforce_origin_validation();
    let service = StreamableHttpService::new(|| Ok(Echo), Arc::new(LocalSessionManager::default()), config);
    Router::new().nest_service("/mcp", service)
}

/// The echo server behind a token, with its metadata document.
pub async fn guarded(token: &'static str) -> String {
    let guard = from_fn(move |request: Request, next: Next| async move {
        let host = request.headers().get("host").and_then(|host| host.to_str().ok()).unwrap_or_default().to_owned();
        let given = request.headers().get("authorization").and_then(|value| value.to_str().ok());
        if given == Some(format!("Bearer {token}").as_str()) {
            return next.run(request).await;
        }
        let challenge = format!(r#"Bearer resource_metadata="http://{host}/.well-known/oauth-protected-resource/mcp""#);
        (StatusCode::UNAUTHORIZED, [("www-authenticate", challenge)]).into_response()
    });
    let metadata = axum::routing::get(|request: Request| async move {
        let host = request.headers().get("host").and_then(|host| host.to_str().ok()).unwrap_or_default().to_owned();
        axum::Json(serde_json::json!({
            "resource": format!("http://{host}/mcp"),
            "authorization_servers": ["https://login.example"],
        }))
        .into_response() as Response
    });
    let public = Router::new().route("/.well-known/oauth-protected-resource/mcp", metadata);
    serve(echo_router(true, false).layer(guard).merge(public)).await
}

/// The command of the echo server on standard input and output.
pub fn echo_command(arguments: &[&str]) -> Vec<String> {
    let here = std::env::current_exe().unwrap();
    let examples: PathBuf = here.ancestors().nth(2).unwrap().join("examples");
    let program = examples.join("windlass-client-echo");
    assert!(program.exists(), "{} is built by `cargo test`", program.display());
    let words = [program.to_str().unwrap()].into_iter().chain(arguments.iter().copied());
    words.map(str::to_owned).collect()
}

pub fn quick() -> CheckOptions {
    CheckOptions { samples: 5, ..CheckOptions::default() }
}

pub async fn report(url: &str, options: &CheckOptions) -> Report {
    check(&Target::http(url).unwrap(), options).await.unwrap()
}

/// The findings that are not as they should be, `id: detail`.
pub fn complaints(report: &Report) -> Vec<String> {
    let bad = |finding: &&Finding| matches!(finding.status, Status::Fail | Status::Warn);
    report.findings.iter().filter(bad).map(|finding| format!("{}: {}", finding.id, finding.detail)).collect()
}

/// The human report without what changes from run to run.
pub fn shown(report: &Report) -> String {
    let mut text = windlass_client::text(report, false);
    text = text.replace(&report.target, "[target]");
    text.lines()
        .map(|line| {
            let mut line = line.trim_end().to_owned();
            if line.contains("p50") {
                line = line.split("p50").next().unwrap_or_default().to_owned() + "p50 [time]";
            }
            if let Some((front, _)) = line.split_once(" skipped in ") {
                line = format!("{front} skipped in [time]");
            }
            line + "\n"
        })
        .collect()
}
