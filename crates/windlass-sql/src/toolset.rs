//! The tools: what a model sees of databases.

mod builtins;
mod describe;
mod resources;
mod specs;
mod sql;

use std::sync::Arc;

use async_trait::async_trait;
use futures::future::join_all;
use windlass_core::{Call, Check, Library, Reply, ToolError, ToolSpec, Toolset};

use crate::declared::Declared;

pub use builtins::{Builtins, names};

/// The toolset `sql`, or another that declared tools belong to.
pub struct SqlToolset {
    name: String,
    tools: Vec<Arc<Declared>>,
    builtins: Option<Arc<Builtins>>,
}

impl SqlToolset {
    /// `tools` of the toolset `name`.
    pub fn new(name: &str, tools: Vec<Arc<Declared>>, builtins: Option<Builtins>) -> Self {
        Self { name: name.to_owned(), tools, builtins: builtins.map(Arc::new) }
    }
}

#[async_trait]
impl Toolset for SqlToolset {
    fn name(&self) -> &str {
        &self.name
    }

    fn tools(&self) -> Vec<ToolSpec> {
        let builtins = self.builtins.iter().flat_map(|builtins| builtins.specs());
        builtins.chain(self.tools.iter().map(|tool| tool.spec())).collect()
    }

    async fn call(&self, call: Call) -> Result<Reply, ToolError> {
        if let Some(tool) = self.tools.iter().find(|tool| tool.name() == &*call.tool) {
            return tool.call(&call).await.map(Reply::from);
        }
        match &self.builtins {
            Some(builtins) => builtins.call(&call).await.map(Reply::from),
            None => Err(ToolError::not_found(format!("there is no tool `{}`", call.tool))),
        }
    }

    fn library(&self) -> Option<Arc<dyn Library>> {
        self.builtins.clone().map(|builtins| -> Arc<dyn Library> { builtins })
    }

    async fn ready(&self) -> Vec<Check> {
        let sources = self.builtins.iter().flat_map(|builtins| builtins.sources());
        join_all(sources.map(|source| source.ready())).await
    }
}
