//! Statements that a model wrote.

use serde::Deserialize;
use serde_json::{Value, json};
use windlass_config::settings::{SourceKind, SqlParameterKind};
use windlass_core::{Call, Output, ToolError, units::Span};

use crate::{
    answer::{self, Wanted},
    engine::{Access, Argument},
    guard::{self, Does, Reading, Refusal},
    rows::Table,
    source::{Source, Statement},
};

#[derive(Deserialize)]
struct Arguments {
    #[serde(alias = "query")]
    sql: Option<String>,
    timeout: Option<Span>,
    max_rows: Option<usize>,
}

/// The statement a call has, and how much of it is wanted.
fn read(source: &Source, call: &Call) -> Result<(String, Wanted), ToolError> {
    let arguments: Arguments = call.arguments()?;
    let sql = arguments.sql.filter(|sql| !sql.trim().is_empty());
    let sql = sql.ok_or_else(|| ToolError::invalid("`sql` is missing").hint("put one statement there"))?;
    let mut wanted = Wanted::of(source);
    wanted.shorten(arguments.timeout.map(|Span(timeout)| timeout), arguments.max_rows);
    Ok((sql, wanted))
}

/// Runs what only reads.
pub(super) async fn execute(source: &Source, call: &Call) -> Result<Output, ToolError> {
    let (sql, wanted) = read(source, call)?;
    harmless(source, call, &sql).await?;
    answer::run(source, call, Statement { sql, arguments: Vec::new(), access: Access::Read }, wanted).await
}

/// Runs what changes something. The gate asked whether this caller may.
pub(super) async fn write(source: &Source, call: &Call) -> Result<Output, ToolError> {
    let (sql, wanted) = read(source, call)?;
    answer::run(source, call, Statement { sql, arguments: Vec::new(), access: Access::Write }, wanted).await
}

/// Shows the plan of what only reads.
pub(super) async fn explain(source: &Source, call: &Call) -> Result<Output, ToolError> {
    let (sql, wanted) = read(source, call)?;
    let reading = harmless(source, call, &sql).await?;
    if reading.does != Does::Query {
        return Err(ToolError::invalid("only a query has a plan").hint("leave out EXPLAIN: give the query itself"));
    }
    let prefix = match source.kind() {
        SourceKind::Postgres => "EXPLAIN (VERBOSE) ",
        SourceKind::Mysql => "EXPLAIN ",
        SourceKind::Sqlite => "EXPLAIN QUERY PLAN ",
        SourceKind::Mssql => {
            return Err(ToolError::failed("SQL Server shows a plan only to a whole session, not for one statement")
                .hint("look at the indexes with describe_table instead"));
        }
    };
    let statement = Statement { sql: format!("{prefix}{sql}"), arguments: Vec::new(), access: Access::Read };
    answer::run(source, call, statement, wanted).await
}

/// Refuses what could do more than read, before the database sees it.
async fn harmless(source: &Source, call: &Call, sql: &str) -> Result<Reading, ToolError> {
    let reading = guard::check(sql, source.kind())?;
    if !reading.unjudged.is_empty() && source.kind() == SourceKind::Postgres {
        // What a function does only its own database knows.
        let names = Argument {
            kind: SqlParameterKind::Array,
            items: Some(SqlParameterKind::String),
            value: json!(reading.unjudged),
        };
        let question = guard::UNJUDGED_QUERY_POSTGRES.to_owned();
        let statement = Statement { sql: question, arguments: vec![names], access: Access::Read };
        let limits = answer::limits(source, call);
        let ended = source.run(statement, limits, Table::default(), |table| table.rows.is_empty()).await;
        ended.outcome.map_err(|error| answer::failure(source, error, ended.took, Access::Read))?;
        if let Some([name, why]) = ended.rows.rows.first().map(Vec::as_slice) {
            let text = |cell: &Value| cell.as_str().unwrap_or_default().to_owned();
            return Err(Refusal::function(&text(name), &text(why)).into());
        }
    }
    Ok(reading)
}
