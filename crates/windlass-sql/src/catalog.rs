//! Tables, columns, keys: what a database knows of itself, in one form whatever its kind.

mod mssql;
mod mysql;
mod postgres;
mod sqlite;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};
use windlass_config::settings::{SourceKind, SqlParameterKind};

use crate::{
    engine::{Access, Argument},
    rows::Table,
    source::{Limits, Source, SourceError, Statement},
    template::part,
};

/// The questions, in a database's own words. Each gives the columns that are named here, in this order. They take a
/// schema and a name.
pub(crate) struct Questions {
    /// `schema, name, kind, row_estimate, comment`; of all schemas where that is NULL, and of all tables whose name contains
    /// the other, if there is one.
    tables: &'static str,
    /// `name, type, nullable, default, comment, key` (the place in the primary key, from 1)
    columns: &'static str,
    /// `name, unique, columns` (a list, or names on lines of their own)
    indexes: &'static str,
    /// `columns, references_schema, references_table, references_columns` (lists alike)
    foreign_keys: &'static str,
}

fn questions(kind: SourceKind) -> &'static Questions {
    match kind {
        SourceKind::Postgres => &postgres::QUESTIONS,
        SourceKind::Mysql => &mysql::QUESTIONS,
        SourceKind::Sqlite => &sqlite::QUESTIONS,
        SourceKind::Mssql => &mssql::QUESTIONS,
    }
}

/// A table or view.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct TableAnswer {
    /// The schema it is in.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// table, view, ...
    pub kind: String,
    /// Rows, as the database estimates them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub row_estimate: Option<i64>,
    /// What its makers say of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

/// All there is to know of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct TableDescription {
    /// The table.
    #[serde(flatten)]
    pub table: TableAnswer,
    /// Its columns, in order.
    pub columns: Vec<ColumnDescription>,
    /// The columns of its primary key.
    pub primary_key: Vec<String>,
    /// What it refers to.
    pub foreign_keys: Vec<ForeignKey>,
    /// Its indexes.
    pub indexes: Vec<Index>,
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ColumnDescription {
    /// Its name.
    pub name: String,
    /// Its type, as one would write it.
    #[serde(rename = "type")]
    pub kind: String,
    /// Whether it may be NULL.
    pub nullable: bool,
    /// Its default, as an expression.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
    /// What its makers say of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

/// Columns that refer to another table's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ForeignKey {
    /// The columns.
    pub columns: Vec<String>,
    /// The other table, with its schema.
    pub references: String,
    /// The other table's columns.
    pub references_columns: Vec<String>,
}

/// An index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Index {
    /// Its name.
    pub name: String,
    /// Whether it has every value once.
    pub unique: bool,
    /// Its columns or expressions.
    pub columns: Vec<String>,
}

/// Tables and views.
pub struct Tables {
    /// By schema and name.
    pub tables: Vec<TableAnswer>,
    /// Whether there are more.
    pub truncated: bool,
}

/// The tables and views that the login may read: of this schema, with this in their names.
pub async fn tables(
    source: &Source,
    limits: &Limits,
    schema: Option<&str>,
    part: Option<&str>,
) -> Result<Tables, SourceError> {
    let found = ask(source, limits, questions(source.kind()).tables, &[schema, part]).await?;
    let table = |row: Vec<Value>| TableAnswer {
        schema: text(&row, 0).unwrap_or_default(),
        name: text(&row, 1).unwrap_or_default(),
        kind: text(&row, 2).unwrap_or_default(),
        row_estimate: row.get(3).and_then(number),
        comment: text(&row, 4),
    };
    Ok(Tables { tables: found.rows.into_iter().map(table).collect(), truncated: found.truncated })
}

/// One table in full.
pub async fn describe(source: &Source, limits: &Limits, table: TableAnswer) -> Result<TableDescription, SourceError> {
    let questions = questions(source.kind());
    let of = [Some(table.schema.as_str()), Some(table.name.as_str())];
    let rows = ask(source, limits, questions.columns, &of).await?.rows;
    let mut key: Vec<(i64, String)> = rows
        .iter()
        .filter_map(|row| Some((row.get(5).and_then(number).filter(|at| *at > 0)?, text(row, 0)?)))
        .collect();
    key.sort();
    let columns = rows
        .into_iter()
        .map(|row| ColumnDescription {
            name: text(&row, 0).unwrap_or_default(),
            kind: text(&row, 1).unwrap_or_default(),
            nullable: row.get(2).is_some_and(is_true),
            default: text(&row, 3),
            comment: text(&row, 4),
        })
        .collect();
    let indexes = ask(source, limits, questions.indexes, &of).await?.rows.into_iter().map(|row| Index {
        name: text(&row, 0).unwrap_or_default(),
        unique: row.get(1).is_some_and(is_true),
        columns: list(row.get(2)),
    });
    let indexes = indexes.collect();
    let foreign_keys = ask(source, limits, questions.foreign_keys, &of).await?.rows.into_iter().map(|row| ForeignKey {
        columns: list(row.first()),
        references: [text(&row, 1), text(&row, 2)].into_iter().flatten().collect::<Vec<_>>().join("."),
        references_columns: list(row.get(3)),
    });
    let foreign_keys = foreign_keys.collect();
    Ok(TableDescription {
        table,
        columns,
        primary_key: key.into_iter().map(|(_, name)| name).collect(),
        foreign_keys,
        indexes,
    })
}

async fn ask(source: &Source, limits: &Limits, sql: &str, of: &[Option<&str>]) -> Result<Table, SourceError> {
    let argument = |text: &Option<&str>| Argument { kind: SqlParameterKind::String, items: None, value: json!(text) };
    let statement =
        Statement { sql: sql.to_owned(), arguments: of.iter().map(argument).collect(), access: Access::Read };
    let ended = source.run(statement, limits.clone(), Table::default(), |table| table.rows.is_empty()).await;
    ended.outcome.map(|_| ended.rows)
}

/// A name that a statement can have as it is.
pub fn quoted(kind: SourceKind, table: &TableAnswer) -> String {
    format!("{}.{}", part(&table.schema, kind), part(&table.name, kind))
}

fn text(row: &[Value], at: usize) -> Option<String> {
    match row.get(at)? {
        Value::Null => None,
        Value::String(text) if text.is_empty() => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

fn number(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

fn is_true(value: &Value) -> bool {
    value.as_bool().unwrap_or_else(|| number(value) == Some(1))
}

fn list(value: Option<&Value>) -> Vec<String> {
    match value {
        Some(Value::Array(items)) => items.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        Some(Value::String(text)) => text.lines().map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}
