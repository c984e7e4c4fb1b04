//! The built-in tools: one of each for all sources that share a prefix.

use std::{
    collections::{BTreeMap, BTreeSet},
    iter::once,
    sync::Arc,
};

use windlass_config::settings::BuiltinSqlTool as Builtin;
use windlass_core::{Call, Output, ToolError, ToolSpec};

use super::{describe, specs, sql};
use crate::{databases::has, source::Source};

/// A built-in tool, and the sources it may use.
pub(super) struct Tool {
    pub builtin: Builtin,
    pub name: String,
    pub sources: Vec<Arc<Source>>,
}

/// All of them.
pub struct Builtins {
    sources: Vec<Arc<Source>>,
    tools: Vec<Tool>,
}

/// The names that built-in tools of `sources` have, former ones included.
pub fn names(sources: &BTreeMap<String, Arc<Source>>) -> BTreeSet<String> {
    let specs = tools(sources).into_iter().map(|tool| specs::spec(&tool));
    let names = |spec: ToolSpec| once(spec.tool.name.to_string()).chain(spec.aliases.into_iter().map(str::to_owned));
    specs.flat_map(names).collect()
}

fn tools(sources: &BTreeMap<String, Arc<Source>>) -> Vec<Tool> {
    let mut by_prefix: BTreeMap<&str, Vec<Arc<Source>>> = BTreeMap::new();
    for source in sources.values() {
        by_prefix.entry(&source.settings().tool_prefix).or_default().push(source.clone());
    }
    let mut tools = Vec::new();
    for (prefix, sources) in by_prefix {
        for builtin in Builtin::ALL {
            let sources: Vec<_> = sources.iter().filter(|source| has(source, builtin)).cloned().collect();
            if !sources.is_empty() {
                tools.push(Tool { builtin, name: format!("{prefix}{}", builtin.name()), sources });
            }
        }
    }
    tools
}

impl Builtins {
    /// The tools of `sources`.
    pub fn new(sources: &BTreeMap<String, Arc<Source>>) -> Self {
        Self { sources: sources.values().cloned().collect(), tools: tools(sources) }
    }

    /// Every source, with or without tools.
    pub fn sources(&self) -> impl Iterator<Item = &Arc<Source>> {
        self.sources.iter()
    }

    pub(super) fn specs(&self) -> Vec<ToolSpec> {
        self.tools.iter().map(specs::spec).collect()
    }

    pub(super) async fn call(&self, call: &Call) -> Result<Output, ToolError> {
        let tool = self.tools.iter().find(|tool| tool.name == *call.tool);
        let tool = tool.ok_or_else(|| ToolError::not_found(format!("there is no tool `{}`", call.tool)))?;
        let source = tool.source(call)?;
        match tool.builtin {
            Builtin::ExecuteSql => sql::execute(source, call).await,
            Builtin::ExplainSql => sql::explain(source, call).await,
            Builtin::WriteSql => sql::write(source, call).await,
            Builtin::ListTables => describe::list(source, call).await,
            Builtin::DescribeTable => describe::table(source, call).await,
            Builtin::SampleRows => describe::sample(source, call).await,
        }
    }
}

impl Tool {
    fn source(&self, call: &Call) -> Result<&Source, ToolError> {
        let names = || self.sources.iter().map(|source| source.name()).collect::<Vec<_>>().join(", ");
        match (call.arguments.get("source").and_then(|name| name.as_str()), self.sources.as_slice()) {
            (None, [only]) => Ok(only),
            (None, _) => Err(ToolError::invalid("`source` is missing").hint(format!("there is {}", names()))),
            (Some(name), sources) => {
                let found = sources.iter().find(|source| source.name() == name).map(AsRef::as_ref);
                found.ok_or_else(|| {
                    ToolError::not_found(format!("there is no database `{name}` for this tool"))
                        .hint(format!("there is {}", names()))
                })
            }
        }
    }
}
