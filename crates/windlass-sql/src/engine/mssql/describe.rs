//! What a statement takes and gives, without running it.

use tiberius::{Row, error::Error};

use super::{EngineError, bind, login::Client, statement};
use crate::engine::{Column, Shape};

/// Errors that only say that the server cannot tell the type of a parameter: it is used twice, or in an expression.
const CANNOT_TELL: std::ops::RangeInclusive<u32> = 11_500..=11_530;

/// Stands for a type that the server cannot tell: it converts to most others.
const ANY: &str = "nvarchar(4000)";

const PARAMETERS: &str = "EXEC sys.sp_describe_undeclared_parameters @tsql = @P1";

const COLUMNS: &str = "SELECT name, system_type_name, error_number, error_message \
     FROM sys.dm_exec_describe_first_result_set(@P1, @P2, 0) \
     WHERE is_hidden = 0 OR error_number IS NOT NULL ORDER BY column_ordinal";

/// The outer error is the connection's, the inner one the statement's.
pub async fn ask(client: &mut Client, sql: &str) -> tiberius::Result<Result<Shape, EngineError>> {
    let count = statement::placeholders(sql);
    let parameters = match parameters(client, sql, count).await {
        Ok(parameters) => parameters,
        Err(Error::Server(token)) if CANNOT_TELL.contains(&token.code()) => vec![String::new(); count],
        Err(error) => return Err(error),
    };
    let guessed = parameters.iter().any(String::is_empty);
    let declared = (1..).zip(&parameters).map(|(place, kind)| {
        let kind = if kind.is_empty() { ANY } else { kind };
        format!("@P{place} {kind}")
    });
    let declared = declared.collect::<Vec<_>>().join(", ");
    let mut columns = Vec::new();
    for row in rows(client, COLUMNS, &[sql, &declared]).await? {
        let text = |index: usize| row.try_get::<&str, _>(index).ok().flatten().unwrap_or_default().to_owned();
        match row.try_get::<i32, _>(2)? {
            // By a guess that was wrong, not by the statement.
            Some(_) if guessed => return Ok(Ok(Shape { parameters, columns: Vec::new() })),
            Some(code) => {
                let (message, code) = (text(3), code.to_string());
                return Ok(Err(EngineError::Statement { message, code, hint: None, position: None }));
            }
            None => columns.push(Column { name: text(0), kind: text(1) }),
        }
    }
    Ok(Ok(Shape { parameters, columns }))
}

async fn parameters(client: &mut Client, sql: &str, count: usize) -> tiberius::Result<Vec<String>> {
    let mut parameters = vec![String::new(); count];
    if count > 0 {
        for row in rows(client, PARAMETERS, &[sql]).await? {
            let name: &str = row.try_get("name")?.unwrap_or_default();
            let place: Option<usize> = name.get(2..).and_then(|digits| digits.parse().ok());
            let kind: &str = row.try_get("suggested_system_type_name")?.unwrap_or_default();
            if let Some(parameter) = place.and_then(|place| parameters.get_mut(place.checked_sub(1)?)) {
                kind.clone_into(parameter);
            }
        }
    }
    Ok(parameters)
}

/// All rows of something small.
pub async fn rows(client: &mut Client, sql: &str, arguments: &[&str]) -> tiberius::Result<Vec<Row>> {
    let mut query = tiberius::Query::new(sql.to_owned());
    query.bind_iter(arguments.iter().map(|argument| bind::text((*argument).to_owned())));
    query.query(client).await?.into_first_result().await
}
