//! What a model sees of files, and what an attacker does not.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod attacks;
mod definitions;
mod listing;
mod races;
mod reading;
mod writing;

use std::{fs, path::PathBuf, sync::Arc, time::Duration};

use serde_json::Value;
use tempfile::TempDir;
use windlass_config::settings::FilesSettings;
use windlass_core::{
    Call, CancellationToken, Deadline, NoOutputs, Output, Principal, Reply, ToolError, Toolset, mcp, units::Bytes,
};
use windlass_files::FilesToolset;
use windlass_testkit::Silent;

/// What only the outside knows.
const SECRET: &str = "hunter2-of-the-outside";

/// A directory that is served, in one that is not.
struct Bench {
    outside: TempDir,
    settings: FilesSettings,
}

impl Bench {
    fn new() -> Self {
        let outside = tempfile::tempdir().unwrap();
        let root = outside.path().join("served");
        fs::create_dir(&root).unwrap();
        fs::write(outside.path().join("secret.txt"), SECRET).unwrap();
        Self { settings: FilesSettings::new(root), outside }
    }

    fn writable() -> Self {
        let mut bench = Self::new();
        bench.settings.writable = true;
        bench
    }

    fn most(mut self, bytes: u64) -> Self {
        self.settings.max_bytes = Bytes(bytes);
        self
    }

    fn hidden(mut self) -> Self {
        self.settings.hidden = true;
        self
    }

    /// A place in the directory.
    fn at(&self, path: &str) -> PathBuf {
        self.settings.directory.join(path)
    }

    /// Puts a file there.
    fn put(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.at(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    fn toolset(&self) -> FilesToolset {
        FilesToolset::new(self.settings.clone())
    }

    async fn call(&self, tool: &str, arguments: Value) -> Result<Output, ToolError> {
        call(&self.toolset(), tool, arguments, Deadline::after(Duration::from_secs(60))).await
    }

    async fn read(&self, path: &str) -> Result<Output, ToolError> {
        self.call("read_file", serde_json::json!({ "path": path })).await
    }

    /// What a model is told instead of an answer.
    async fn refusal(&self, tool: &str, arguments: Value) -> String {
        match self.call(tool, arguments).await {
            Err(error) => format!("{}: {}", error.kind.as_str(), error.for_model()),
            Ok(output) => panic!("this was to be refused: {output:?}"),
        }
    }
}

async fn call(toolset: &FilesToolset, tool: &str, arguments: Value, deadline: Deadline) -> Result<Output, ToolError> {
    call_until(toolset, tool, arguments, deadline, CancellationToken::new()).await
}

/// A call that ends when `cancel` fires.
async fn call_until(
    toolset: &FilesToolset,
    tool: &str,
    arguments: Value,
    deadline: Deadline,
    cancel: CancellationToken,
) -> Result<Output, ToolError> {
    let Value::Object(arguments) = arguments else { panic!("arguments are an object") };
    let call = Call {
        id: "1".into(),
        principal: Arc::new(Principal::local()),
        tool: tool.into(),
        arguments,
        meta: mcp::RequestMetaObject::default(),
        deadline,
        cancel,
        client: Arc::new(Silent),
        outputs: Arc::new(NoOutputs),
        resume: None,
    };
    match toolset.call(call).await? {
        Reply::Done(output) => Ok(output),
        other => panic!("{other:?}"),
    }
}

fn text(output: &Output) -> &str {
    &output.content[0].as_text().unwrap().text
}

fn data(output: &Output) -> &Value {
    output.structured.as_ref().unwrap()
}
