use std::sync::Arc;

use windlass_core::{Principal, mcp};

/// What policies may know of a tool.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ToolFacts {
    /// The tool's own name, never an alias: a second name must not be a second chance.
    pub name: Arc<str>,
    /// The toolset that offers it.
    pub toolset: Arc<str>,
    /// Changes nothing.
    pub read_only: bool,
    /// May destroy or overwrite.
    pub destructive: bool,
    /// Reaches things outside the server.
    pub open_world: bool,
}

impl ToolFacts {
    /// The facts a tool's annotations state. What they leave out is taken for the worse, as the protocol has it.
    pub fn of(toolset: &str, tool: &mcp::Tool) -> Self {
        let hints = tool.annotations.as_ref();
        let read_only = hints.and_then(|hints| hints.read_only_hint).unwrap_or(false);
        Self {
            name: tool.name.as_ref().into(),
            toolset: toolset.into(),
            read_only,
            destructive: !read_only && hints.and_then(|hints| hints.destructive_hint).unwrap_or(true),
            open_world: hints.and_then(|hints| hints.open_world_hint).unwrap_or(true),
        }
    }
}

/// One question to the policies.
#[derive(Debug, Hash)]
pub(crate) struct Asked<'a> {
    pub principal: &'a Principal,
    pub action: Action<'a>,
    pub transport: &'a str,
}

#[derive(Debug, Hash)]
pub(crate) enum Action<'a> {
    Call(&'a ToolFacts),
    Read(&'a str),
}
