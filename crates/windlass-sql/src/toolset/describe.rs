//! What there is in a database.

use std::fmt::Write as _;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use windlass_config::settings::SourceKind;
use windlass_core::{Call, Output, ToolError};

use crate::{
    answer::{self, Wanted},
    catalog::{self, TableAnswer, TableDescription, Tables},
    engine::Access,
    source::{Limits, Source, SourceError, Statement},
};

/// Tables and views.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct TablesAnswer {
    /// The tables, by schema and name.
    pub tables: Vec<TableAnswer>,
    /// Whether there are more than these.
    pub truncated: bool,
}

#[derive(Deserialize)]
struct ListArguments {
    schema: Option<String>,
    pattern: Option<String>,
}

pub(super) async fn list(source: &Source, call: &Call) -> Result<Output, ToolError> {
    let ListArguments { schema, pattern } = call.arguments()?;
    let found = catalog::tables(source, &answer::limits(source, call), schema.as_deref(), pattern.as_deref()).await;
    let Tables { tables, truncated } = found.map_err(|error| told(source, error))?;
    let mut text = String::new();
    for TableAnswer { schema, name, kind, row_estimate, comment } in &tables {
        let _ = write!(text, "{schema}.{name} ({kind}");
        if let Some(rows) = row_estimate {
            let _ = write!(text, ", about {rows} rows");
        }
        text.push(')');
        if let Some(comment) = comment {
            let _ = write!(text, ": {}", one_line(comment));
        }
        text.push('\n');
    }
    if tables.is_empty() {
        text.push_str("no tables or views that this login may read\n");
    }
    if truncated {
        let _ = writeln!(text, "these are the first {}: say a `schema` or a `pattern` for others", tables.len());
    }
    Output::structured(text, TablesAnswer { tables, truncated })
}

#[derive(Deserialize)]
struct TableArguments {
    #[serde(alias = "table_name")]
    table: Option<String>,
    rows: Option<u32>,
}

pub(super) async fn table(source: &Source, call: &Call) -> Result<Output, ToolError> {
    let limits = answer::limits(source, call);
    let TableArguments { table, .. } = call.arguments()?;
    let found = find(source, &limits, table.as_deref().unwrap_or_default()).await?;
    let description = catalog::describe(source, &limits, found).await.map_err(|error| told(source, error))?;
    Output::structured(words(&description), description)
}

pub(super) async fn sample(source: &Source, call: &Call) -> Result<Output, ToolError> {
    let TableArguments { table, rows } = call.arguments()?;
    let found = find(source, &answer::limits(source, call), table.as_deref().unwrap_or_default()).await?;
    let (name, rows) = (catalog::quoted(source.kind(), &found), rows.unwrap_or(10).min(100));
    let sql = match source.kind() {
        SourceKind::Mssql => format!("select top ({rows}) * from {name}"),
        _ => format!("select * from {name} limit {rows}"),
    };
    let statement = Statement { sql, arguments: Vec::new(), access: Access::Read };
    answer::run(source, call, statement, Wanted::of(source)).await
}

/// The table a caller means. Only what the catalogue has is ever put into a statement.
pub(super) async fn find(source: &Source, limits: &Limits, wanted: &str) -> Result<TableAnswer, ToolError> {
    let wanted = wanted.trim();
    if wanted.is_empty() {
        return Err(ToolError::invalid("`table` is missing").hint("list_tables has their names"));
    }
    let bare = wanted.rsplit('.').next().unwrap_or(wanted);
    let named = catalog::tables(source, limits, None, Some(bare)).await.map_err(|error| told(source, error))?;
    let tables = named.tables;
    let full = |table: &TableAnswer| format!("{}.{}", table.schema, table.name);
    let same = |fits: &dyn Fn(&str, &str) -> bool| -> Vec<&TableAnswer> {
        tables.iter().filter(|table| fits(&full(table), wanted) || fits(&table.name, wanted)).collect()
    };
    let mut found = same(&|name, wanted| name == wanted);
    if found.is_empty() {
        found = same(&|name, wanted| name.eq_ignore_ascii_case(wanted));
    }
    match found.as_slice() {
        [one] => Ok((*one).clone()),
        [] => {
            let bare = bare.to_lowercase();
            let all = catalog::tables(source, limits, None, None).await.map_err(|error| told(source, error))?.tables;
            let near = all.iter().filter(|table| near(&table.name.to_lowercase(), &bare)).map(full).take(5);
            let near: Vec<String> = near.collect();
            let hint = match near.is_empty() {
                true => "list_tables has the names of those that can be read".to_owned(),
                false => format!("did you mean {}?", near.join(", ")),
            };
            Err(ToolError::not_found(format!("there is no table `{}` that can be read", wanted.escape_debug()))
                .hint(hint))
        }
        several => {
            // `public` is what an unqualified name means to most.
            if let Some(public) = several.iter().find(|table| table.schema == "public") {
                return Ok((*public).clone());
            }
            let names: Vec<String> = several.iter().map(|table| full(table)).collect();
            Err(ToolError::invalid(format!("several tables are called `{wanted}`"))
                .hint(format!("say which: {}", names.join(", "))))
        }
    }
}

fn near(name: &str, wanted: &str) -> bool {
    let stem = wanted.trim_end_matches('s');
    name.contains(stem) || wanted.contains(name.trim_end_matches('s'))
}

fn told(source: &Source, error: SourceError) -> ToolError {
    answer::failure(source, error, source.settings().statement_timeout.0, Access::Read)
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A table as a model reads it.
fn words(table: &TableDescription) -> String {
    let about = &table.table;
    let mut text = format!("{}.{} ({}", about.schema, about.name, about.kind);
    if let Some(rows) = about.row_estimate {
        let _ = write!(text, ", about {rows} rows");
    }
    text.push_str(")\n");
    if let Some(comment) = &about.comment {
        let _ = writeln!(text, "{}", one_line(comment));
    }
    text.push_str("columns:\n");
    for column in &table.columns {
        let _ = write!(text, "  {} {}", column.name, column.kind);
        if !column.nullable {
            text.push_str(" not null");
        }
        if let Some(default) = &column.default {
            let _ = write!(text, " default {}", one_line(default));
        }
        if let Some(comment) = &column.comment {
            let _ = write!(text, " -- {}", one_line(comment));
        }
        text.push('\n');
    }
    if !table.primary_key.is_empty() {
        let _ = writeln!(text, "primary key: {}", table.primary_key.join(", "));
    }
    for key in &table.foreign_keys {
        let (columns, others) = (key.columns.join(", "), key.references_columns.join(", "));
        let _ = writeln!(text, "foreign key: ({columns}) references {} ({others})", key.references);
    }
    for index in &table.indexes {
        let unique = if index.unique { "unique index" } else { "index" };
        let _ = writeln!(text, "{unique} {}: {}", index.name, index.columns.join(", "));
    }
    text
}
