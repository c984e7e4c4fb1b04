//! From a statement to what a model reads, however it ends.

use std::time::Duration;

use windlass_config::settings::{BuiltinSqlTool, SourceKind};
use windlass_core::{Call, ErrorKind, Output, ToolError};

use crate::{
    engine::{Access, EngineError, Ran},
    rows::{Page, RowLimits},
    source::{Limits, Source, SourceError, Statement},
};

/// How much a caller wants at most.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted {
    timeout: Duration,
    rows: usize,
}

impl Wanted {
    /// What the source allows.
    pub fn of(source: &Source) -> Self {
        Self { timeout: source.settings().statement_timeout.0, rows: source.settings().max_rows }
    }

    /// Less, where less is asked for.
    pub fn shorten(&mut self, timeout: Option<Duration>, rows: Option<usize>) {
        self.timeout = timeout.unwrap_or(self.timeout).min(self.timeout).max(Duration::from_millis(1));
        self.rows = rows.unwrap_or(self.rows).min(self.rows);
    }
}

/// How long a call may ask, with nothing wanted but what the source allows.
pub(crate) fn limits(source: &Source, call: &Call) -> Limits {
    Limits { timeout: source.settings().statement_timeout.0, deadline: call.deadline, cancel: call.cancel.clone() }
}

/// Runs `statement` and answers with its rows.
pub(crate) async fn run(
    source: &Source,
    call: &Call,
    statement: Statement,
    wanted: Wanted,
) -> Result<Output, ToolError> {
    let settings = source.settings();
    let size = |bytes: u64| usize::try_from(bytes).unwrap_or(usize::MAX);
    let rows = RowLimits { rows: wanted.rows, bytes: size(settings.max_bytes.0), kept: size(settings.max_kept.0) };
    let (access, is_plain) = (statement.access, statement.arguments.is_empty());
    let page = Page::new(call.outputs.as_ref(), &call.principal, rows, access);
    let limits = Limits { timeout: wanted.timeout, ..limits(source, call) };
    let ended = source.run(statement, limits, page, Page::is_untouched).await;
    match ended.outcome {
        Ok(ran) => ended.rows.finish(ran, ended.took, None).await,
        // What writes gave rows of changes that were undone.
        Err(SourceError::Engine(EngineError::TimedOut)) if access == Access::Read && ended.rows.has_rows() => {
            let why = format!(
                "ended on the server after {:.1} s, its time was over; these rows had come",
                ended.took.as_secs_f64()
            );
            ended.rows.finish(Ran::default(), ended.took, Some(why)).await
        }
        Err(error) => {
            let told = failure(source, error, ended.took, access);
            Err(match told.kind {
                ErrorKind::TimedOut if access == Access::Write => told.hint(
                    "it may have waited for a lock that somebody else holds: try again later, or change less at once",
                ),
                ErrorKind::InvalidArguments if is_plain => {
                    told.hint("write the values into the statement: only declared tools have placeholders")
                }
                _ => told,
            })
        }
    }
}

/// Which tool says what there is, where a name was not found.
fn whereabouts(source: &Source, code: &str) -> Option<String> {
    let settings = source.settings();
    let (what, tool) = match (settings.kind, code) {
        (SourceKind::Postgres, "42P01") | (SourceKind::Mysql, "1146") | (SourceKind::Mssql, "208") => {
            ("tables", BuiltinSqlTool::ListTables)
        }
        (SourceKind::Postgres, "42703") | (SourceKind::Mysql, "1054") | (SourceKind::Mssql, "207") => {
            ("columns", BuiltinSqlTool::DescribeTable)
        }
        _ => return None,
    };
    let there = settings.tools.contains(&tool);
    there.then(|| format!("{}{} says what {what} there are", settings.tool_prefix, tool.name()))
}

/// What a model is told of a failure after so long, and what only the log keeps.
pub(crate) fn failure(source: &Source, error: SourceError, took: Duration, access: Access) -> ToolError {
    let name = source.name();
    let down = |what: &str| {
        ToolError::new(ErrorKind::Unavailable, format!("the database `{name}` {what}"))
            .hint("try again in a while; `windlass doctor` and /ready tell its operator more")
    };
    match error {
        SourceError::Engine(error) => match error {
            EngineError::Statement { message, code, hint, position } => {
                let mut told = ToolError::failed(message);
                told.hint = hint.or_else(|| whereabouts(source, &code));
                let place = position.map_or(serde_json::Value::Null, serde_json::Value::from);
                told.data(serde_json::json!({ "code": code, "position": place }))
            }
            EngineError::ReadOnly(message) => ToolError::denied(format!("nothing may be changed here: {message}"))
                .hint("this database is for reading; ask for rows with SELECT"),
            EngineError::TimedOut => ToolError::new(
                ErrorKind::TimedOut,
                format!("the statement was ended on the server after {:.1} s", took.as_secs_f64()),
            )
            .hint("ask for less: filter on an indexed column, aggregate, or look at explain_sql first"),
            EngineError::Cancelled => ToolError::new(ErrorKind::Cancelled, "the statement was cancelled"),
            EngineError::Argument(message) => ToolError::invalid(message),
            EngineError::Unreachable(why) => down("cannot be reached now").detail(why),
            EngineError::LoginRefused(why) => down("does not let this server in").detail(why),
            EngineError::Full(why) => down("has no connection to spare now").detail(why),
            EngineError::Lost(why) if access == Access::Write => down("broke the connection")
                .hint("whether the statement changed anything is not known; look before you repeat it")
                .detail(why),
            EngineError::Lost(why) => down("broke the connection").detail(why),
            EngineError::Internal(why) => ToolError::internal(why),
        },
        SourceError::Unfit { what, hint } => ToolError::new(
            ErrorKind::Unavailable,
            format!("the database `{name}` is not used, because its login may do more than read: it {what}"),
        )
        .hint(format!("only its operator can mend that: {hint}")),
        SourceError::Busy(most) => {
            ToolError::new(ErrorKind::Limited, format!("all {most} connections to `{name}` are in use"))
                .hint("try again")
        }
        SourceError::Password(error) => down("has no password").detail(error),
    }
}
