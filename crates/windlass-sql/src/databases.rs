//! All sources and declared tools of one configuration.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use futures::future::join_all;
use tokio::time::timeout;
use windlass_config::settings::{BuiltinSqlTool, SourceSettings, SqlSettings};
use windlass_core::{Toolset, chain};

use crate::{
    declared::Declared,
    engine::EngineError,
    source::{Passwords, Source, SourceError},
    toolset::{Builtins, SqlToolset, names},
};

/// A mistake in the section `sql` that only shows when it is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// The setting: `sql.tools.orders.statement`.
    pub setting: String,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
}

/// Sources and tools. Clones share them.
#[derive(Clone)]
pub struct Databases {
    sources: BTreeMap<String, Arc<Source>>,
    tools: BTreeMap<String, Arc<Declared>>,
}

/// How long a database may take to answer whether statements fit it, before the server goes on without its answer.
const VERIFYING: Duration = Duration::from_secs(5);

impl Databases {
    /// As the settings say. Sources that are as they were in `former` keep their connections. Must be called inside a
    /// runtime.
    ///
    /// # Errors
    /// Every mistake at once.
    pub fn new(
        settings: &SqlSettings,
        former: Option<&Self>,
        passwords: &Arc<dyn Passwords>,
    ) -> Result<Self, Vec<Mistake>> {
        let source = |name: &String, settings: &SourceSettings| {
            let same = former.and_then(|former| former.sources.get(name)).filter(|same| same.settings() == settings);
            same.cloned().unwrap_or_else(|| Arc::new(Source::new(name, settings, passwords.clone())))
        };
        let sources: BTreeMap<_, _> =
            settings.sources.iter().map(|(name, settings)| (name.clone(), source(name, settings))).collect();
        let mut mistakes = Vec::new();
        let mut tools = BTreeMap::new();
        let taken = names(&sources);
        for (name, settings) in &settings.tools {
            let setting = format!("sql.tools.{name}");
            if taken.contains(name) {
                let message = format!("`{name}` is the name of a built-in tool");
                mistakes.push(Mistake { setting, message, hint: Some("choose another name".into()) });
                continue;
            }
            // That the source exists is the configuration's own check.
            let Some(source) = sources.get(&settings.source) else { continue };
            match Declared::compile(name, settings, source.clone()) {
                Ok(tool) => drop(tools.insert(name.clone(), Arc::new(tool))),
                Err(mistake) => mistakes.push(mistake),
            }
        }
        match mistakes.is_empty() {
            true => Ok(Self { sources, tools }),
            false => Err(mistakes),
        }
    }

    /// Asks every database that answers whether the statements of its tools fit it. One that does not answer now is no
    /// mistake: it is asked when it is used.
    pub async fn verify(&self) -> Vec<Mistake> {
        let of_source = |source: &Arc<Source>| {
            let name = source.name().to_owned();
            let tools: Vec<_> = self.tools.values().filter(|tool| tool.source().name() == name).cloned().collect();
            async move {
                let mut mistakes = Vec::new();
                let asking = async {
                    for tool in tools {
                        mistakes.extend(tool.verify().await?);
                    }
                    Ok::<_, SourceError>(())
                };
                let why = match timeout(VERIFYING, asking).await {
                    Ok(Ok(())) => return mistakes,
                    Ok(Err(error)) => chain(&error),
                    Err(_) => format!("it did not answer within {} s", VERIFYING.as_secs()),
                };
                tracing::warn!(source = name, "not all of its tools were compared with the database: {why}");
                mistakes
            }
        };
        join_all(self.sources.values().map(of_source)).await.into_iter().flatten().collect()
    }

    /// One toolset for each that tools name, and `sql` with the built-in ones.
    pub fn toolsets(&self) -> Vec<Arc<dyn Toolset>> {
        let mut by_toolset: BTreeMap<&str, Vec<Arc<Declared>>> = BTreeMap::from([("sql", Vec::new())]);
        for tool in self.tools.values() {
            by_toolset.entry(tool.toolset()).or_default().push(tool.clone());
        }
        let made = by_toolset.into_iter().map(|(name, tools)| -> Arc<dyn Toolset> {
            let builtins = (name == "sql").then(|| Builtins::new(&self.sources));
            Arc::new(SqlToolset::new(name, tools, builtins))
        });
        made.collect()
    }
}

/// What went wrong with a statement, unless it is only that nobody answers.
pub(crate) fn mistake(setting: &str, error: SourceError) -> Result<Mistake, SourceError> {
    let (message, hint) = match error {
        SourceError::Engine(EngineError::Statement { message, hint, .. }) => (message, hint),
        SourceError::Engine(EngineError::ReadOnly(message)) => {
            (message, Some("set `writes: true` for a tool that changes something".to_owned()))
        }
        other => return Err(other),
    };
    Ok(Mistake {
        setting: setting.to_owned(),
        message: format!("the database does not take this statement: {message}"),
        hint: Some(hint.unwrap_or_else(|| "try it in the database's own client".to_owned())),
    })
}

/// Whether `source` has a built-in tool.
pub(crate) fn has(source: &Source, tool: BuiltinSqlTool) -> bool {
    source.settings().tools.contains(&tool)
}
