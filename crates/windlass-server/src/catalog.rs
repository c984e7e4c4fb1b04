//! The tools there are now: one immutable snapshot, made anew when a toolset changes.

use std::{collections::HashMap, sync::Arc};

use windlass_core::{Principal, ToolSpec, Toolset, mcp};
use windlass_policy::{Policy, ToolFacts};

use crate::{gate::schema::Schema, metrics::ToolMetrics};

/// One tool, with everything the gate needs to judge a call of it.
pub(crate) struct Entry {
    pub toolset: Arc<dyn Toolset>,
    pub name: Arc<str>,
    pub tool: mcp::Tool,
    pub facts: ToolFacts,
    pub input: Schema,
    pub output: Option<Schema>,
    pub metrics: ToolMetrics,
    /// Whether the schema maps arguments to `Mcp-Param-*` headers.
    pub maps_headers: bool,
}

/// A snapshot of all tools of all toolsets.
pub(crate) struct Catalog {
    entries: Vec<Arc<Entry>>,
    by_name: HashMap<Box<str>, Arc<Entry>>,
    /// Tools whose name another one has: a call of that name with this argument is theirs.
    displaced: HashMap<Box<str>, (&'static str, Arc<Entry>)>,
}

/// Two tools of one name, or a tool whose schema is none. A defect of a toolset or of its declaration.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// Two toolsets offer one name.
    #[error("tool `{name}` is offered by toolset `{first}` and by toolset `{second}`: rename one of them")]
    Clash {
        /// The name.
        name: String,
        /// Who had it.
        first: String,
        /// Who wants it too.
        second: String,
    },
    /// A schema does not compile.
    #[error("tool `{name}` of toolset `{toolset}` has an invalid {which} schema: {reason}")]
    Schema {
        /// The tool.
        name: String,
        /// Its toolset.
        toolset: String,
        /// `input` or `output`.
        which: &'static str,
        /// What the validator says.
        reason: String,
    },
}

impl Catalog {
    pub fn build(toolsets: &[Arc<dyn Toolset>], metrics: &crate::Metrics) -> Result<Self, CatalogError> {
        let mut catalog = Self { entries: Vec::new(), by_name: HashMap::new(), displaced: HashMap::new() };
        let specs = || toolsets.iter().flat_map(|toolset| toolset.tools().into_iter().map(move |spec| (toolset, spec)));
        // Those that can give way come last, whatever the order of the toolsets.
        for (toolset, spec) in specs().filter(|(_, spec)| spec.fallback.is_none()) {
            catalog.add(toolset, spec, metrics)?;
        }
        for (toolset, spec) in specs().filter(|(_, spec)| spec.fallback.is_some()) {
            catalog.add(toolset, spec, metrics)?;
        }
        // A stable order lets clients' prompt caches hit.
        catalog.entries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(catalog)
    }

    fn add(
        &mut self,
        toolset: &Arc<dyn Toolset>,
        spec: ToolSpec,
        metrics: &crate::Metrics,
    ) -> Result<(), CatalogError> {
        let ToolSpec { mut tool, mut aliases, fallback } = spec;
        let own: Box<str> = tool.name.as_ref().into();
        let taken = self.by_name.contains_key(&own);
        match fallback {
            Some(fallback) if taken => tool.name = fallback.name.into(),
            Some(fallback) => aliases.push(fallback.name),
            None => {}
        }
        let name: Arc<str> = tool.name.as_ref().into();
        let compile = |which, schema: &mcp::JsonObject| {
            Schema::compile(schema).map_err(|reason| CatalogError::Schema {
                name: name.to_string(),
                toolset: toolset.name().to_owned(),
                which,
                reason,
            })
        };
        let entry = Arc::new(Entry {
            toolset: toolset.clone(),
            input: compile("input", &tool.input_schema)?,
            output: tool.output_schema.as_deref().map(|schema| compile("output", schema)).transpose()?,
            facts: ToolFacts::of(toolset.name(), &tool),
            metrics: metrics.tool(&name),
            name: name.clone(),
            maps_headers: maps_headers(&tool.input_schema),
            tool,
        });
        for name in std::iter::once(name.as_ref()).chain(aliases) {
            if let Some(first) = self.by_name.insert(name.into(), entry.clone()) {
                return Err(CatalogError::Clash {
                    name: name.to_owned(),
                    first: first.toolset.name().to_owned(),
                    second: toolset.name().to_owned(),
                });
            }
        }
        if let Some(fallback) = fallback.filter(|_| taken) {
            self.displaced.insert(own, (fallback.argument, entry.clone()));
        }
        self.entries.push(entry);
        Ok(())
    }

    /// The tool that a call of this name or alias is for, within `scope` where only one toolset is served.
    pub fn find(&self, name: &str, arguments: Option<&mcp::JsonObject>, scope: Option<&str>) -> Option<&Arc<Entry>> {
        let inside = |entry: &&Arc<Entry>| scope.is_none_or(|scope| entry.toolset.name() == scope);
        let named = self.by_name.get(name).filter(inside);
        match self.displaced.get(name).filter(|(_, entry)| inside(&entry)) {
            Some((argument, entry)) if named.is_none() || arguments.is_some_and(|all| all.contains_key(*argument)) => {
                Some(entry)
            }
            _ => named,
        }
    }

    /// What `who` may call.
    pub fn visible(
        &self,
        who: &Principal,
        policy: &Policy,
        transport: &'static str,
        scope: Option<&str>,
    ) -> Vec<mcp::Tool> {
        self.entries
            .iter()
            .filter(|entry| scope.is_none_or(|scope| entry.toolset.name() == scope))
            .filter(|entry| policy.decide(who, &entry.facts, transport).allowed)
            .map(|entry| entry.tool.clone())
            .collect()
    }
}

/// The tool of `visible` whose name is most like `name`, for the hint of an error.
pub(crate) fn similar<'a>(name: &str, visible: &'a [mcp::Tool]) -> Option<&'a str> {
    let likeness = |tool: &str| strsim::jaro_winkler(&name.to_ascii_lowercase(), tool);
    let names = visible.iter().map(|tool| tool.name.as_ref());
    names.filter(|tool| likeness(tool) > 0.85).max_by(|a, b| likeness(a).total_cmp(&likeness(b)))
}

fn maps_headers(schema: &mcp::JsonObject) -> bool {
    let properties = schema.get("properties").and_then(serde_json::Value::as_object);
    properties.is_some_and(|all| all.values().any(|property| property.get("x-mcp-header").is_some()))
}
