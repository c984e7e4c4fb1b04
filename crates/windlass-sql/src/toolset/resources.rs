//! Tables as resources: `sql://SOURCE/SCHEMA/TABLE`.

use std::time::Duration;

use async_trait::async_trait;
use futures::future::join_all;
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use windlass_config::settings::BuiltinSqlTool;
use windlass_core::{
    CancellationToken, Deadline, Library, Principal, ToolError,
    mcp::{Resource, ResourceContents, ResourceTemplate},
};

use super::{Builtins, describe};
use crate::{
    answer,
    catalog::{self, TableAnswer},
    databases::has,
    engine::Access,
    source::{Limits, Source},
};

const SCHEME: &str = "sql://";
/// A client that lists resources waits for all of them.
const TIME: Duration = Duration::from_secs(10);
/// Tables that are listed at most; any other can be read by its name.
const MOST: usize = 500;

fn limits() -> Limits {
    Limits { timeout: TIME, deadline: Deadline::after(TIME), cancel: CancellationToken::new() }
}

fn uri(source: &Source, table: &TableAnswer) -> String {
    let part = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string().replace("%5F", "_");
    format!("{SCHEME}{}/{}/{}", source.name(), part(&table.schema), part(&table.name))
}

#[async_trait]
impl Library for Builtins {
    async fn resources(&self, _who: &Principal) -> Result<Vec<Resource>, ToolError> {
        let sources: Vec<_> = self.sources().filter(|source| has(source, BuiltinSqlTool::DescribeTable)).collect();
        let asked =
            sources.iter().map(|source| async move { (source, catalog::tables(source, &limits(), None, None).await) });
        let mut resources = Vec::new();
        for (source, tables) in join_all(asked).await {
            // One that is down takes the others' tables from nobody.
            let Ok(tables) = tables.inspect_err(|error| tracing::warn!(source = source.name(), %error, "no tables"))
            else {
                continue;
            };
            resources.extend(tables.tables.iter().map(|table| {
                let about = format!("{} {}.{} of `{}`", table.kind, table.schema, table.name, source.name());
                Resource::new(uri(source, table), table.name.clone())
                    .with_description(
                        table.comment.clone().map_or(about.clone(), |comment| format!("{about}: {comment}")),
                    )
                    .with_mime_type("application/json")
            }));
        }
        resources.truncate(MOST);
        Ok(resources)
    }

    async fn resource_templates(&self, _who: &Principal) -> Result<Vec<ResourceTemplate>, ToolError> {
        if !self.sources().any(|source| has(source, BuiltinSqlTool::DescribeTable)) {
            return Ok(Vec::new());
        }
        let template = ResourceTemplate::new("sql://{source}/{schema}/{table}", "sql_table")
            .with_title("A table of a database")
            .with_description("Columns, keys, indexes and comments of a table, as describe_table gives them. The list names 500 at most.")
            .with_mime_type("application/json");
        Ok(vec![template])
    }

    async fn read(&self, _who: &Principal, uri: &str) -> Result<Option<Vec<ResourceContents>>, ToolError> {
        let Some(rest) = uri.strip_prefix(SCHEME) else { return Ok(None) };
        let decoded = |part: &str| percent_decode_str(part).decode_utf8_lossy().into_owned();
        let parts: Vec<String> = rest.split('/').map(decoded).collect();
        let [source, schema, table] = parts.as_slice() else { return Ok(None) };
        let named = |candidate: &&std::sync::Arc<Source>| {
            candidate.name() == source && has(candidate, BuiltinSqlTool::DescribeTable)
        };
        let Some(source) = self.sources().find(named) else { return Ok(None) };
        let found = describe::find(source, &limits(), &format!("{schema}.{table}")).await?;
        let described = catalog::describe(source, &limits(), found).await;
        let described = described.map_err(|error| answer::failure(source, error, TIME, Access::Read))?;
        let text = serde_json::to_string_pretty(&described).map_err(ToolError::internal)?;
        Ok(Some(vec![ResourceContents::text(text, uri).with_mime_type("application/json")]))
    }
}
