use std::{pin::pin, sync::Arc};

use futures::{TryStreamExt, join};
use tokio_postgres::{Client, Error, error::SqlState};

use super::{
    super::{EngineError, Query, Ran, Rows},
    connection::PostgresConnection,
    decode::Form,
    error::{Failure, is_stale},
    plan::{self, Plan},
    reach,
    read::{arguments, is_no_query},
    session,
};

/// Statements that change rows, by their first word.
const CHANGES: [&str; 5] = ["insert", "update", "delete", "merge", "with"];

impl PostgresConnection {
    /// Runs a statement that may change something, and commits it when it succeeded.
    pub(super) async fn write(&mut self, query: &Query<'_>, rows: &mut dyn Rows) -> Result<Ran, Failure> {
        if let Some(plan) = self.writes.get(query.sql) {
            match self.write_planned(&plan, query, rows).await {
                Err(Failure::Server(error, _)) if is_stale(&error) => self.writes.forget(query.sql),
                done => return done,
            }
        }
        let plan = Arc::new(plan_writing(self.client()?, query.sql).await?);
        if !plan.leaves {
            self.writes.keep(query.sql, plan.clone());
        }
        self.write_planned(&plan, query, rows).await
    }

    async fn write_planned(&mut self, plan: &Plan, query: &Query<'_>, rows: &mut dyn Rows) -> Result<Ran, Failure> {
        if let Err(error) = self.client()?.batch_execute(&session::writing(query.timeout)).await {
            // Who knows what is open now.
            self.close();
            return Err(error.into());
        }
        let done = match self.change(plan, query, rows).await {
            // The driver is asked for one thing and the server answers with another. The session is closed behind it.
            Err(Failure::Server(error, _)) if is_copying(&error, query.sql) => Err(copying().into()),
            done => done,
        };
        let last = if done.is_ok() { "COMMIT" } else { "ROLLBACK" };
        let (client, afresh) = (self.client()?, session::afresh());
        // In one round trip. The second does its work whatever becomes of the first.
        let (ended, cleaned) = join!(client.batch_execute(last), client.batch_execute(&afresh));
        let (done, closed) = match (done, ended) {
            // What failed at the end, such as a constraint that is checked there, has failed.
            (Ok(_), Err(error)) => (Err(error.into()), client.batch_execute("ROLLBACK").await),
            (done, closed) => (done, closed),
        };
        self.end(plan.leaves || cleaned.is_err(), closed).await;
        done
    }

    /// Hands the rows over as they come. Where nobody wants more, the statement goes on all the same: ended early, it would
    /// have changed nothing.
    async fn change(&self, plan: &Plan, query: &Query<'_>, rows: &mut dyn Rows) -> Result<Ran, Failure> {
        let arguments = arguments(&plan.statement, query.arguments)?;
        let failed = |error| Failure::Server(error, plan.offset);
        let stream = self.client()?.query_raw(&plan.statement, arguments).await.map_err(failed)?;
        rows.columns(plan.columns.clone());
        let mut stream = pin!(stream);
        let mut wanted = true;
        while let Some(row) = stream.try_next().await.map_err(failed)? {
            wanted = wanted && rows.row(plan.cells(&row)?).is_continue();
        }
        let affected = stream.rows_affected().filter(|_| plan.changes);
        Ok(Ran { affected })
    }
}

/// Whether the server wants rows from here, or sends them in a form of their own.
fn is_copying(error: &Error, sql: &str) -> bool {
    error.as_db_error().is_none() && !error.is_closed() && plan::keyword(sql) == "copy"
}

fn copying() -> EngineError {
    EngineError::Statement {
        message: "COPY to stdout and from stdin is not supported here".to_owned(),
        code: SqlState::FEATURE_NOT_SUPPORTED.code().to_owned(),
        hint: Some("read rows with SELECT, and write them with INSERT".to_owned()),
        position: None,
    }
}

async fn plan_writing(client: &Client, sql: &str) -> Result<Plan, Failure> {
    let statement = client.prepare(sql).await?;
    let word = plan::keyword(sql);
    let (columns, forms) = (plan::columns(&statement), plan::forms(&statement));
    let as_query = plan::query(sql, &forms);
    let query = match client.prepare_typed(&as_query.text, statement.params()).await {
        Ok(statement) => Some(statement),
        Err(error) if is_no_query(&error) => None,
        Err(error) => return Err(Failure::Server(error, as_query.offset)),
    };
    let changes = query.is_none() && CHANGES.contains(&word.as_str());
    // What is neither can be anything: it may set something, or make something that lasts as long as the session.
    let leaves = (query.is_none() && !changes) || {
        let reach = reach::examine(client, sql).await?;
        // What is set is not undone by a commit.
        reach.leaves || reach.sets || reach.views_set
    };
    let plan = |statement, forms: Vec<Option<Form>>, otherwise, offset| {
        let forms = forms.into_iter().map(|form| form.unwrap_or(otherwise)).collect();
        Plan { statement, columns, forms, offset, leaves, changes }
    };
    if forms.iter().all(Option::is_some) {
        return Ok(plan(statement, forms, Form::Unknown, 0));
    }
    if let Some(query) = query {
        return Ok(plan(query, forms, Form::Rendered, as_query.offset));
    }
    let returning = plan::returning(sql, &forms);
    match client.prepare_typed(&returning.text, statement.params()).await {
        Ok(prepared) => Ok(plan(prepared, forms, Form::Rendered, returning.offset)),
        Err(error) if is_no_query(&error) => Ok(plan(statement, forms, Form::Unknown, 0)),
        Err(error) => Err(Failure::Server(error, returning.offset)),
    }
}
