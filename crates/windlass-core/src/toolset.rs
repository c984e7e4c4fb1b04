use std::sync::Arc;

use async_trait::async_trait;
use serde_json::Value;
use tokio::sync::watch;

use crate::{Call, Check, Principal, ToolError, mcp};

/// The one seam: anything that offers tools. The gate has authenticated, authorised, limited and validated a call before
/// it arrives here, and caps, audits and shapes what leaves. A toolset does the work and nothing else.
#[async_trait]
pub trait Toolset: Send + Sync + 'static {
    /// The toolset's name: `/mcp/{name}` serves it alone, policies speak of it.
    fn name(&self) -> &str;

    /// The tools there are now. The gate shows each principal only those they may call.
    fn tools(&self) -> Vec<ToolSpec>;

    /// Does the work of one call. Must end soon after `call.cancel` fires, with nothing left running.
    async fn call(&self, call: Call) -> Result<Reply, ToolError>;

    /// Changes whenever [`Toolset::tools`] would answer differently; clients are then told to list again.
    fn changes(&self) -> Option<watch::Receiver<u64>> {
        None
    }

    /// Resources, prompts and completion, where there are any.
    fn library(&self) -> Option<Arc<dyn Library>> {
        None
    }

    /// Long calls as protocol tasks, where the toolset makes any.
    fn tasks(&self) -> Option<Arc<dyn Tasks>> {
        None
    }

    /// Whether some tool uses [`crate::Client::ask`]. Only then does the server keep sessions for 2025-era clients.
    fn asks_client(&self) -> bool {
        false
    }

    /// Whether it can do its work, check by check.
    async fn ready(&self) -> Vec<Check> {
        Vec::new()
    }

    /// Ends what still runs and releases everything.
    async fn shutdown(&self) {}
}

/// A tool as the protocol shows it, and the older names it still answers to.
#[derive(Debug, Clone)]
pub struct ToolSpec {
    /// Name, title, description, schemas, annotations.
    pub tool: mcp::Tool,
    /// Former names. They are not listed and work for ever.
    pub aliases: Vec<&'static str>,
    /// What it is called where another toolset has a tool of its name.
    pub fallback: Option<Fallback>,
}

/// The other name of a tool whose own may be taken.
#[derive(Debug, Clone, Copy)]
pub struct Fallback {
    /// The other name, which always works.
    pub name: &'static str,
    /// A call of the taken name that has this argument is meant for this tool all the same.
    pub argument: &'static str,
}

impl ToolSpec {
    /// A tool with no other name.
    pub fn new(tool: mcp::Tool) -> Self {
        Self { tool, aliases: Vec::new(), fallback: None }
    }

    /// Adds former names.
    #[must_use]
    pub fn aliases(mut self, aliases: &[&'static str]) -> Self {
        self.aliases.extend_from_slice(aliases);
        self
    }

    /// Says what it is called where its name is taken, and which argument tells its calls from the other tool's.
    #[must_use]
    pub fn fallback(mut self, name: &'static str, argument: &'static str) -> Self {
        self.fallback = Some(Fallback { name, argument });
        self
    }
}

/// What a finished tool says.
#[derive(Debug, Clone, Default)]
pub struct Output {
    /// What a model reads.
    pub content: Vec<mcp::ContentBlock>,
    /// The same as data, valid against the tool's output schema.
    pub structured: Option<Value>,
    /// The work was done and its outcome is a failure the model should know of (a command's exit code, say).
    pub is_error: bool,
}

impl Output {
    /// Plain text.
    pub fn text(text: impl Into<String>) -> Self {
        Self { content: vec![mcp::ContentBlock::text(text)], ..Self::default() }
    }

    /// Text for the model and the same facts as data.
    pub fn structured(text: impl Into<String>, structured: impl serde::Serialize) -> Result<Self, ToolError> {
        let structured = serde_json::to_value(structured).map_err(ToolError::internal)?;
        Ok(Self { structured: Some(structured), ..Self::text(text) })
    }
}

/// How a call ends.
#[derive(Debug, Clone)]
pub enum Reply {
    /// Done.
    Done(Output),
    /// The client must supply something and call again (2026-07-28 and later).
    NeedsInput(mcp::InputRequiredResult),
    /// The work goes on as a task that the client polls.
    Task(mcp::CreateTaskResult),
}

impl From<Output> for Reply {
    fn from(output: Output) -> Self {
        Self::Done(output)
    }
}

/// Resources, prompts and completion of a toolset. Every default is "there are none".
#[async_trait]
pub trait Library: Send + Sync {
    /// Resources that can be listed.
    async fn resources(&self, _who: &Principal) -> Result<Vec<mcp::Resource>, ToolError> {
        Ok(Vec::new())
    }

    /// Resources that are named by a pattern.
    async fn resource_templates(&self, _who: &Principal) -> Result<Vec<mcp::ResourceTemplate>, ToolError> {
        Ok(Vec::new())
    }

    /// One resource; `None` where the URI is not this toolset's.
    async fn read(&self, _who: &Principal, _uri: &str) -> Result<Option<Vec<mcp::ResourceContents>>, ToolError> {
        Ok(None)
    }

    /// Fires with a URI whenever that resource changed.
    fn resource_changes(&self) -> Option<tokio::sync::broadcast::Receiver<String>> {
        None
    }

    /// Prompts that can be listed.
    async fn prompts(&self, _who: &Principal) -> Result<Vec<mcp::Prompt>, ToolError> {
        Ok(Vec::new())
    }

    /// One prompt; `None` where the name is not this toolset's.
    async fn prompt(
        &self,
        _who: &Principal,
        _request: &mcp::GetPromptRequestParams,
    ) -> Result<Option<mcp::GetPromptResponse>, ToolError> {
        Ok(None)
    }

    /// Fires whenever [`Library::prompts`] would answer differently.
    fn prompt_changes(&self) -> Option<watch::Receiver<u64>> {
        None
    }

    /// Completes an argument; `None` where the reference is not this toolset's.
    async fn complete(
        &self,
        _who: &Principal,
        _request: &mcp::CompleteRequestParams,
    ) -> Result<Option<mcp::CompletionInfo>, ToolError> {
        Ok(None)
    }
}

/// Protocol tasks of a toolset. `None` means "not one of mine".
#[async_trait]
pub trait Tasks: Send + Sync {
    /// Where the task stands.
    async fn get(&self, who: &Principal, task: &str) -> Option<Result<mcp::DetailedTask, ToolError>>;

    /// Hands over the input a task waits for.
    async fn update(
        &self,
        who: &Principal,
        task: &str,
        responses: mcp::InputResponses,
    ) -> Option<Result<(), ToolError>>;

    /// Ends a task.
    async fn cancel(&self, who: &Principal, task: &str) -> Option<Result<(), ToolError>>;
}
