//! One question and its answer.

use futures::TryStreamExt;
use tiberius::{ColumnData, ColumnType, QueryItem, ResultMetadata};

use super::{
    Access,
    bind::{self, Bound},
    cell,
    login::Client,
    statement::AFFECTED,
};
use crate::engine::{Query, Ran, Rows};

/// How an answer ended.
#[derive(Debug, PartialEq, Eq)]
pub enum Ended {
    /// It was read to its end.
    Complete(Ran),
    /// Whoever takes the rows has enough.
    Enough,
    /// There is a second result, where only one statement may run.
    Another,
    /// The server cut a value.
    TooLong,
}

/// What becomes of the rows that come.
enum Taking {
    Nothing,
    Rows(Vec<ColumnType>),
    Affected,
}

/// Runs it. In step with the server where it is `Complete`, and between two rows otherwise.
pub async fn run(
    client: &mut Client,
    text: String,
    arguments: Vec<Bound>,
    query: &Query<'_>,
    rows: &mut dyn Rows,
) -> tiberius::Result<Ended> {
    let mut request = tiberius::Query::new(text);
    request.bind_iter(arguments);
    request.bind(bind::text(query.sql.to_owned()));
    let mut answer = request.query(client).await?;
    let mut taking = Taking::Nothing;
    let mut ran = Ran::default();
    let mut results = 0;
    while let Some(item) = answer.try_next().await? {
        match item {
            QueryItem::Metadata(result) if query.access == Access::Write && tells_affected(&result) => {
                taking = Taking::Affected;
            }
            QueryItem::Metadata(result) => {
                results += 1;
                taking = match (results, query.access) {
                    (1, _) => {
                        rows.columns(result.columns().iter().map(cell::column).collect());
                        Taking::Rows(result.columns().iter().map(tiberius::Column::column_type).collect())
                    }
                    (_, Access::Read) => return Ok(Ended::Another),
                    // A procedure may give several; the first is the answer.
                    (_, Access::Write) => Taking::Nothing,
                };
            }
            QueryItem::Row(row) => match &taking {
                Taking::Nothing => {}
                Taking::Affected => {
                    if let Some(ColumnData::I64(Some(count))) = row.into_iter().next() {
                        ran.affected = u64::try_from(count).ok();
                    }
                }
                Taking::Rows(kinds) => {
                    let cells = row.into_iter().zip(kinds).map(|(data, kind)| cell::cell(data, *kind)).collect();
                    let Some(cells) = cells else { return Ok(Ended::TooLong) };
                    if rows.row(cells).is_break() {
                        // What writes is seen to its end: ended early, it would be undone.
                        match query.access {
                            Access::Read => return Ok(Ended::Enough),
                            Access::Write => taking = Taking::Nothing,
                        }
                    }
                }
            },
        }
    }
    if results == 0 {
        rows.columns(Vec::new());
    }
    Ok(Ended::Complete(ran))
}

fn tells_affected(result: &ResultMetadata) -> bool {
    matches!(result.columns(), [one] if one.name() == AFFECTED)
}
