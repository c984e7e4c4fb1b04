//! The store from outside: what goes in through a sink, what a handle gives back, and who may have it.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

mod attacks;
mod cloud;
mod cloud_trouble;
mod cutting;
mod disk_full;
mod handles;
mod load;
mod tools;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use serde_json::{Value, json};
use windlass_config::settings::{LimitSettings, StoreSettings};
use windlass_core::{
    Call, CancellationToken, Captured, Client, ClientError, Deadline, Output, Outputs, Principal, Reply, Sink,
    ToolError, Toolset, mcp,
    units::{Bytes, Span},
};
use windlass_store::{Environment, OutputToolset, Store};

/// A store with small limits in a directory of its own.
struct Bench {
    directory: tempfile::TempDir,
    settings: StoreSettings,
    limits: LimitSettings,
}

impl Bench {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let settings = StoreSettings { directory: Some(directory.path().into()), ..StoreSettings::default() };
        let limits = LimitSettings { output: Bytes(4096), spill: Bytes(16 << 20), ..LimitSettings::default() };
        Self { directory, settings, limits }
    }

    fn ttl(mut self, ttl: Duration) -> Self {
        self.settings.ttl = Span(ttl);
        self
    }

    fn max(mut self, bytes: u64) -> Self {
        self.settings.max_bytes = Bytes(bytes);
        self
    }

    fn output(mut self, bytes: u64) -> Self {
        self.limits.output = Bytes(bytes);
        self
    }

    fn spill(mut self, bytes: u64) -> Self {
        self.limits.spill = Bytes(bytes);
        self
    }

    /// As a server that may write nowhere.
    fn nowhere(mut self) -> Self {
        self.settings.directory = None;
        self
    }

    fn open(&self) -> Store {
        let nowhere = "/proc/nowhere".into();
        let environment = Environment { xdg_state_home: None, home: None, temp: nowhere, aws: None };
        Store::open(&self.settings, &self.limits, &environment).unwrap()
    }

    fn files(&self) -> Vec<std::path::PathBuf> {
        let mut files: Vec<_> =
            self.directory.path().join("outputs").read_dir().unwrap().map(|file| file.unwrap().path()).collect();
        files.sort();
        files
    }
}

fn principal(id: &str) -> Principal {
    Principal { id: id.into(), ..Principal::local() }
}

fn keep(store: &Store, owner: &Principal, bytes: &[u8]) -> Captured {
    let mut sink = store.open(owner, "stdout");
    for piece in bytes.chunks(1000) {
        sink.write(piece);
    }
    finish(sink)
}

/// What [`Sink::finish`] gives, outside a runtime.
fn finish(sink: Box<dyn Sink>) -> Captured {
    runtime().block_on(sink.finish())
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().build().unwrap()
}

struct NoClient;

#[async_trait]
#[expect(deprecated, reason = "2025-era clients are still owed logging")]
impl Client for NoClient {
    fn capabilities(&self) -> mcp::ClientCapabilities {
        mcp::ClientCapabilities::default()
    }

    fn revision(&self) -> &str {
        "2026-07-28"
    }

    async fn progress(&self, _: f64, _: Option<f64>, _: Option<String>) {}

    async fn log(&self, _: mcp::LoggingLevel, _: Option<String>, _: Value) {}

    async fn ask(&self, _: mcp::InputRequest) -> Result<Value, ClientError> {
        Err(ClientError::Unsupported)
    }
}

fn call(store: &Store, who: &Principal, tool: &str, arguments: Value) -> Result<Output, ToolError> {
    runtime().block_on(ask(store, who, tool, arguments))
}

async fn ask(store: &Store, who: &Principal, tool: &str, arguments: Value) -> Result<Output, ToolError> {
    let Value::Object(arguments) = arguments else { panic!("arguments are an object") };
    let call = Call {
        id: "call".into(),
        principal: Arc::new(who.clone()),
        tool: tool.into(),
        arguments,
        meta: mcp::RequestMetaObject::default(),
        deadline: Deadline::after(Duration::from_secs(60)),
        cancel: CancellationToken::new(),
        client: Arc::new(NoClient),
        outputs: Arc::new(store.clone()),
        resume: None,
    };
    match OutputToolset::new(store.clone()).call(call).await? {
        Reply::Done(output) => Ok(output),
        other => panic!("{other:?}"),
    }
}

fn read(store: &Store, who: &Principal, arguments: Value) -> Result<Value, ToolError> {
    Ok(call(store, who, "read_output", arguments)?.structured.unwrap())
}

/// All pages of `limit` bytes, one after another.
fn pages(store: &Store, who: &Principal, handle: &str, limit: u64) -> String {
    let (mut whole, mut offset) = (String::new(), 0);
    loop {
        let page = read(store, who, json!({"handle": handle, "offset": offset, "limit": limit})).unwrap();
        whole.push_str(page["text"].as_str().unwrap());
        match page["next_offset"].as_u64() {
            Some(next) => {
                assert!(next > offset, "paging stands still at {offset}");
                offset = next;
            }
            None => return whole,
        }
    }
}
