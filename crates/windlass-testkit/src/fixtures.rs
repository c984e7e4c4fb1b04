//! The fixtures of the official conformance suite (`@modelcontextprotocol/conformance`), which looks for tools, prompts
//! and resources by fixed names, as one toolset.
//!
//! `test_reconnection` is here without its point: a toolset cannot close the stream its answer travels on, so it only
//! answers late. The suite notes that and fails nothing.

mod asking;
mod background;
mod changes;
mod library;
mod plain;
mod questions;
mod rounds;
mod samples;

use std::{collections::HashMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use serde_json::{Value, json};
use tokio::sync::watch;
use windlass_core::{Call, Library, Reply, StateSeal, Tasks, ToolError, ToolSpec, Toolset, mcp};

use self::{
    asking::Asking, background::Background, changes::Changes, library::FixtureLibrary, plain::Plain, rounds::Rounds,
};

/// Every fixture, as a toolset named `fixtures`.
pub struct FixtureToolset {
    groups: Vec<Arc<dyn Group>>,
    by_tool: HashMap<String, usize>,
    background: Arc<Background>,
    changes: Arc<Changes>,
    library: Arc<FixtureLibrary>,
}

/// Some of the fixture tools, which have something in common.
#[async_trait]
trait Group: Send + Sync {
    fn tools(&self) -> Vec<mcp::Tool>;

    async fn call(&self, call: Call) -> Result<Reply, ToolError>;
}

impl FixtureToolset {
    /// Fresh fixtures with a key of their own: what one set seals no other opens.
    pub fn new() -> Self {
        let seal = StateSeal::new(&rand::random(), Duration::from_secs(300));
        let changes = Arc::new(Changes::default());
        let background = Arc::new(Background::default());
        let library = Arc::new(FixtureLibrary::new(changes.clone()));
        let groups: Vec<Arc<dyn Group>> =
            vec![Arc::new(Plain), Arc::new(Asking), Arc::new(Rounds::new(seal)), background.clone(), changes.clone()];
        let by_tool = groups
            .iter()
            .enumerate()
            .flat_map(|(index, group)| group.tools().into_iter().map(move |tool| (tool.name.into_owned(), index)))
            .collect();
        Self { groups, by_tool, background, changes, library }
    }
}

impl Default for FixtureToolset {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Toolset for FixtureToolset {
    fn name(&self) -> &str {
        "fixtures"
    }

    fn tools(&self) -> Vec<ToolSpec> {
        self.groups.iter().flat_map(|group| group.tools()).map(ToolSpec::new).collect()
    }

    async fn call(&self, call: Call) -> Result<Reply, ToolError> {
        match self.by_tool.get(&*call.tool) {
            Some(&index) => self.groups[index].call(call).await,
            None => Err(unknown(&call)),
        }
    }

    fn changes(&self) -> Option<watch::Receiver<u64>> {
        Some(self.changes.tools())
    }

    fn library(&self) -> Option<Arc<dyn Library>> {
        Some(self.library.clone())
    }

    fn tasks(&self) -> Option<Arc<dyn Tasks>> {
        Some(self.background.clone())
    }

    fn asks_client(&self) -> bool {
        true
    }

    async fn shutdown(&self) {
        self.background.shutdown();
    }
}

/// A tool that touches nothing.
fn tool(name: &'static str, description: &'static str, input_schema: Value) -> mcp::Tool {
    let Value::Object(schema) = input_schema else { unreachable!("the fixtures' schemas are objects") };
    mcp::Tool::new(name, description, schema).with_annotations(mcp::ToolAnnotations::from_raw(
        None,
        Some(true),
        Some(false),
        Some(true),
        Some(false),
    ))
}

/// The schema of a tool without arguments.
fn no_arguments() -> Value {
    json!({ "type": "object", "properties": {}, "additionalProperties": false })
}

/// The schema of a tool with one text argument it cannot do without.
fn one_text(name: &str, description: &str) -> Value {
    json!({
        "type": "object",
        "properties": { name: { "type": "string", "description": description } },
        "required": [name],
        "additionalProperties": false,
    })
}

fn unknown(call: &Call) -> ToolError {
    ToolError::internal(format!("no fixture is called {}", call.tool))
}

/// Waits, and gives up when the call is cancelled.
async fn pause(call: &Call, time: Duration) -> Result<(), ToolError> {
    tokio::select! {
        () = tokio::time::sleep(time) => Ok(()),
        () = call.cancel.cancelled() => Err(ToolError::new(windlass_core::ErrorKind::Cancelled, "the call was cancelled")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema_lint;

    #[test]
    fn every_tool_is_portable_but_the_two_that_must_not_be() {
        let odd = ["json_schema_2020_12_tool", "test_custom_header"];
        for spec in FixtureToolset::new().tools() {
            let complaints = schema_lint(&spec.tool);
            assert_eq!(complaints.is_empty(), !odd.contains(&&*spec.tool.name), "{complaints:?}");
        }
    }

    #[test]
    fn no_two_tools_share_a_name() {
        let fixtures = FixtureToolset::new();
        assert_eq!(fixtures.by_tool.len(), fixtures.tools().len());
    }
}
