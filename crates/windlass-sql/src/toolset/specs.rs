//! The built-in tools as clients see them.

use serde_json::{Value, json};
use windlass_config::settings::{BuiltinSqlTool as Builtin, SourceKind};
use windlass_core::{
    ToolSpec,
    mcp::{JsonObject, Tool as Shown, ToolAnnotations},
    schema,
};

use super::{builtins::Tool, describe::TablesAnswer};
use crate::{catalog::TableDescription, rows::RowsAnswer};

fn title(builtin: Builtin) -> &'static str {
    match builtin {
        Builtin::ExecuteSql => "Query a database",
        Builtin::ExplainSql => "Explain a query",
        Builtin::ListTables => "List tables",
        Builtin::DescribeTable => "Describe a table",
        Builtin::SampleRows => "Sample rows",
        Builtin::WriteSql => "Change a database",
    }
}

/// What other systems call them.
fn aliases(builtin: Builtin) -> &'static [&'static str] {
    match builtin {
        Builtin::ExecuteSql => &["run-query"],
        Builtin::ListTables => &["list-tables"],
        Builtin::DescribeTable => &["describe-table"],
        _ => &[],
    }
}

pub(super) fn spec(tool: &Tool) -> ToolSpec {
    let reads = tool.builtin != Builtin::WriteSql;
    let annotations = ToolAnnotations::new().read_only(reads).destructive(!reads).idempotent(reads).open_world(false);
    let output = match tool.builtin {
        Builtin::ListTables => schema::schema::<TablesAnswer>(),
        Builtin::DescribeTable => schema::schema::<TableDescription>(),
        _ => schema::schema::<RowsAnswer>(),
    };
    let shown = Shown::new(tool.name.clone(), description(tool), input(tool))
        .with_title(title(tool.builtin))
        .with_raw_output_schema(output)
        .with_annotations(annotations);
    let spec = ToolSpec::new(shown);
    // Former names are one tool's alone.
    if tool.name == tool.builtin.name() { spec.aliases(aliases(tool.builtin)) } else { spec }
}

fn description(tool: &Tool) -> String {
    let sources = tool.sources.iter().map(|source| format!("`{}` ({})", source.name(), product(source.kind())));
    let sources = format!("Databases: {}.", sources.collect::<Vec<_>>().join(", "));
    let most = tool.sources.iter().map(|source| source.settings().max_rows).max().unwrap_or_default();
    let what = match tool.builtin {
        Builtin::ExecuteSql => format!(
            "Runs one SQL statement that only reads (SELECT, WITH, VALUES, SHOW) and returns its rows, one JSON list a line \
             under a line of column names. At most {most} rows come back; more wait behind a handle. Use list_tables and \
             describe_table first to learn the names. Nothing can be changed with it."
        ),
        Builtin::ExplainSql => {
            "Shows how the database would run a query, without running it. Use it before a query that may be slow."
                .to_owned()
        }
        Builtin::ListTables => {
            "Lists tables and views with their schema, kind, estimated rows and comment. Use it before writing SQL."
                .to_owned()
        }
        Builtin::DescribeTable => {
            "Columns, types, defaults, keys, indexes and comments of one table or view.".to_owned()
        }
        Builtin::SampleRows => "A few rows of one table or view, to see what its values look like.".to_owned(),
        Builtin::WriteSql => {
            "Runs one SQL statement that changes data or structure, and commits it. There is no undo. To read, use \
             execute_sql."
                .to_owned()
        }
    };
    format!("{what} {sources}")
}

/// What people call a kind of database.
pub(super) fn product(kind: SourceKind) -> &'static str {
    match kind {
        SourceKind::Postgres => "PostgreSQL",
        SourceKind::Mysql => "MySQL/MariaDB",
        SourceKind::Sqlite => "SQLite",
        SourceKind::Mssql => "SQL Server",
    }
}

fn input(tool: &Tool) -> JsonObject {
    let names: Vec<&str> = tool.sources.iter().map(|source| source.name()).collect();
    let mut properties = JsonObject::new();
    let mut put = |name: &str, value: Value| properties.insert(name.to_owned(), value);
    put("source", json!({ "type": "string", "enum": names, "description": "which database" }));
    let mut required: Vec<&str> = if names.len() > 1 { vec!["source"] } else { Vec::new() };
    match tool.builtin {
        Builtin::ExecuteSql | Builtin::ExplainSql | Builtin::WriteSql => {
            put("sql", json!({ "type": "string", "description": "one statement, in the database's own dialect" }));
            if tool.builtin == Builtin::ExecuteSql {
                put("query", json!({ "type": "string", "description": "former name of sql" }));
                let most = tool.sources.iter().map(|source| source.settings().max_rows).max();
                put(
                    "max_rows",
                    json!({ "type": "integer", "minimum": 1, "description": format!("stop after so many rows; {} at most", most.unwrap_or_default()) }),
                );
            } else {
                required.push("sql");
            }
            put(
                "timeout",
                json!({ "type": "string", "description": "end the statement after this, e.g. 5s; the server's own limit applies too" }),
            );
        }
        Builtin::ListTables => {
            put("schema", json!({ "type": "string", "description": "only this schema" }));
            put("pattern", json!({ "type": "string", "description": "only names that contain this text" }));
        }
        Builtin::DescribeTable | Builtin::SampleRows => {
            put("table", json!({ "type": "string", "description": "a table or view: `name` or `schema.name`" }));
            if tool.builtin == Builtin::DescribeTable {
                put("table_name", json!({ "type": "string", "description": "former name of table" }));
            } else {
                required.push("table");
                put(
                    "rows",
                    json!({ "type": "integer", "minimum": 1, "maximum": 100, "description": "how many; 10 unless said otherwise" }),
                );
            }
        }
    }
    let mut schema = JsonObject::new();
    schema.insert("type".into(), "object".into());
    schema.insert("properties".into(), Value::Object(properties));
    if !required.is_empty() {
        schema.insert("required".into(), json!(required));
    }
    schema.insert("additionalProperties".into(), false.into());
    schema
}
