//! What `bench/serve` measures: one trivial tool behind the whole gate. An API key is asked for, a policy must grant the
//! tool, arguments are checked against the schema, and every call leaves a line in the audit log.

use std::{collections::BTreeSet, net::Ipv4Addr, path::PathBuf, sync::Arc};

use anyhow::Context;
use async_trait::async_trait;
use clap::Parser;
use serde_json::{Value, json};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};
use windlass_audit::{AuditLog, AuditOptions};
use windlass_auth::{Authenticator, keys::NewKey};
use windlass_config::settings::{
    AuthSettings, GrantSettings, KeySettings, LimitSettings, PolicySettings, ServerSettings,
};
use windlass_core::{Call, ExposeSecret, NoOutputs, Output, Reply, ToolError, ToolSpec, Toolset, mcp};
use windlass_policy::Policy;
use windlass_server::{Live, Parts, Server};

/// Serves the tool `echo` on the loopback interface, gate and all.
#[derive(Parser)]
struct Options {
    /// Port to bind.
    #[arg(long)]
    port: u16,
    /// Where to write the API key that callers must send.
    #[arg(long)]
    key_file: PathBuf,
}

struct Echo;

#[derive(serde::Deserialize)]
struct Arguments {
    text: String,
}

#[async_trait]
impl Toolset for Echo {
    fn name(&self) -> &str {
        "bench"
    }

    fn tools(&self) -> Vec<ToolSpec> {
        let schema = json!({
            "type": "object",
            "properties": { "text": { "type": "string", "description": "what to say" } },
            "required": ["text"],
            "additionalProperties": false
        });
        let Value::Object(schema) = schema else { return Vec::new() };
        let annotations = mcp::ToolAnnotations::with_title("Echo").read_only(true);
        vec![ToolSpec::new(mcp::Tool::new("echo", "Says what it is told", schema).with_annotations(annotations))]
    }

    async fn call(&self, call: Call) -> Result<Reply, ToolError> {
        let Arguments { text } = call.arguments()?;
        Ok(Output::text(text).into())
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let key = NewKey::generate("bench", None, BTreeSet::new()).map_err(|error| anyhow::anyhow!("{error}"))?;
    let server = Server::new(Parts {
        server: ServerSettings::default(),
        live: live(key.settings.clone())?,
        outputs: Arc::new(NoOutputs),
        audit: AuditLog::start(AuditOptions::default())?,
    })?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, options.port)).await.context("cannot bind")?;
    std::fs::write(&options.key_file, key.text.expose_secret()).context("cannot write the key file")?;
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        served = server.serve_http(listener) => served?,
        _ = terminate.recv() => server.drain(),
    }
    server.shutdown().await;
    Ok(())
}

/// One key, and a policy that grants it the one tool.
fn live(key: KeySettings) -> anyhow::Result<Live> {
    let auth_settings = AuthSettings { keys: vec![key], ..AuthSettings::default() };
    let grant = GrantSettings { to: vec!["key:bench".into()], tools: vec!["echo".into()], read_only: false };
    let policy = PolicySettings { grants: vec![grant], ..PolicySettings::default() };
    Ok(Live {
        auth: Authenticator::new(&auth_settings, None)?,
        auth_settings,
        policy: Policy::compile(Some(&policy), std::path::Path::new("."))?,
        limits: LimitSettings::default(),
        toolsets: vec![Arc::new(Echo)],
    })
}
