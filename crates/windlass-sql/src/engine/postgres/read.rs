use std::{ops::ControlFlow, pin::pin, sync::Arc, task::Poll};

use futures::{Stream, TryStreamExt, join, poll};
use tokio_postgres::{Client, Error, RowStream, SimpleQueryMessage, Statement, error::SqlState};

use super::{
    super::{Argument, EngineError, Query, Ran, Rows},
    bind::Bound,
    connection::PostgresConnection,
    decode::Form,
    error::{Failure, is_stale},
    plan::{self, Plan},
    reach::{self, Reach, SETTER},
    session::{self, Standing},
};

/// What ends every transaction that reads, whatever became of it. Locks of the session outlive it, and not everything that
/// takes one shows in a statement: a domain's check can, and a function that was declared to only read.
pub(super) const END: &str = "ROLLBACK; SELECT pg_catalog.pg_advisory_unlock_all()";
/// What is said of everything else.
const NO_QUERY: &str = "only queries are run: SELECT, VALUES, TABLE, WITH, and SHOW and EXPLAIN";

impl PostgresConnection {
    /// Runs a statement that reads.
    pub(super) async fn read(&mut self, query: &Query<'_>, rows: &mut dyn Rows) -> Result<Ran, Failure> {
        if let Some(plan) = self.reads.get(query.sql) {
            match self.read_again(&plan, query, rows).await {
                // What it reads was changed since. Nothing of it has run.
                Err(Failure::Server(error, _)) if is_stale(&error) => self.reads.forget(query.sql),
                done => return done,
            }
        }
        self.read_anew(query, rows).await
    }

    /// One round trip: everything is sent before the first answer is read, and the answer to the last is left for later.
    async fn read_again(&mut self, plan: &Plan, query: &Query<'_>, rows: &mut dyn Rows) -> Result<Ran, Failure> {
        let arguments = arguments(&plan.statement, query.arguments)?;
        let begin = session::reading(query.timeout, self.standing);
        let closing;
        let (begun, done) = {
            let client = self.client()?;
            // In this order the server does them, and in this order it answers.
            let opening = client.simple_query_raw(&begin).await?;
            let mut running = pin!(client.query_raw(&plan.statement, arguments));
            // Its first poll is what sends it.
            let first = poll!(running.as_mut());
            closing = client.simple_query_raw(END).await?;
            let opened = finish(opening).await;
            let stream = match first {
                Poll::Ready(done) => done,
                Poll::Pending => running.await,
            };
            match (opened, stream) {
                (Ok(()), Ok(stream)) => (true, self.deliver(stream, plan, rows).await),
                (Ok(()), Err(error)) => (true, Err(Failure::Server(error, plan.offset))),
                (Err(error), stream) => {
                    // The condition around the statement did not hold: it gave nothing and did nothing.
                    if let Ok(stream) = stream {
                        drain(stream).await;
                    }
                    (false, Err(error.into()))
                }
            }
        };
        self.closing = Some(Box::pin(closing));
        if !begun {
            self.close();
        }
        done
    }

    /// In a transaction that is known to have begun, the statement is examined, prepared and run.
    async fn read_anew(&mut self, query: &Query<'_>, rows: &mut dyn Rows) -> Result<Ran, Failure> {
        let begin = session::reading(query.timeout, self.standing);
        if let Err(error) = self.client()?.batch_execute(&begin).await {
            // Who knows what is open now.
            self.close();
            return Err(error.into());
        }
        let planned = plan_reading(self.client()?, self.standing, query.sql).await;
        let (leaves, done) = match planned {
            Ok(planned) => {
                let plan = Arc::new(planned.plan);
                let done = self.run_planned(&plan, query, rows).await;
                if planned.again && !plan.leaves {
                    self.reads.keep(query.sql, plan.clone());
                }
                (plan.leaves, done)
            }
            Err(failure) => (false, Err(failure)),
        };
        let closed = match self.client() {
            Ok(client) => client.batch_execute(END).await,
            Err(_) => Ok(()),
        };
        self.end(leaves, closed).await;
        done
    }

    /// After the transaction: the session is in step, or closed.
    pub(super) async fn end(&mut self, leaves: bool, closed: Result<(), Error>) {
        if leaves {
            self.close();
        } else if closed.is_err() {
            self.settle().await;
        }
    }

    async fn run_planned(&self, plan: &Plan, query: &Query<'_>, rows: &mut dyn Rows) -> Result<Ran, Failure> {
        let arguments = arguments(&plan.statement, query.arguments)?;
        let running = self.client()?.query_raw(&plan.statement, arguments).await;
        let stream = running.map_err(|error| Failure::Server(error, plan.offset))?;
        self.deliver(stream, plan, rows).await
    }

    /// Hands the rows over as they come. Where nobody wants more, the server is told, and what is under way is dropped.
    async fn deliver(&self, stream: RowStream, plan: &Plan, rows: &mut dyn Rows) -> Result<Ran, Failure> {
        rows.columns(plan.columns.clone());
        let mut stream = pin!(stream);
        while let Some(row) = stream.try_next().await.map_err(|error| Failure::Server(error, plan.offset))? {
            let enough = match plan.cells(&row).map(|cells| rows.row(cells)) {
                Ok(ControlFlow::Continue(())) => continue,
                Ok(ControlFlow::Break(())) => Ok(Ran::default()),
                Err(error) => Err(error.into()),
            };
            self.cut().await;
            while let Ok(Some(_)) = stream.try_next().await {}
            return enough;
        }
        Ok(Ran::default())
    }
}

/// A statement that is ready to run.
struct Planned {
    plan: Plan,
    /// Whether it may be sent together with its transaction's begin.
    again: bool,
}

/// What the driver binds.
pub(super) fn arguments<'a>(statement: &Statement, arguments: &'a [Argument]) -> Result<Vec<Bound<'a>>, EngineError> {
    let (takes, given) = (statement.params().len(), arguments.len());
    if takes != given {
        let message = format!("placeholders in the statement: {takes}, values given: {given}");
        return Err(EngineError::Argument(message));
    }
    Ok(arguments.iter().map(Bound).collect())
}

/// Waits until everything that was sent at once is done.
pub(super) async fn finish(stream: impl Stream<Item = Result<SimpleQueryMessage, Error>>) -> Result<(), Error> {
    stream.try_for_each(async |_| Ok(())).await
}

async fn drain(stream: RowStream) {
    let mut stream = pin!(stream);
    while let Ok(Some(_)) = stream.try_next().await {}
}

async fn plan_reading(client: &Client, standing: Standing, sql: &str) -> Result<Planned, Failure> {
    let (prepared, reach) = join!(client.prepare(sql), reach::examine(client, sql));
    // Where it fails, so does the other, and says nothing of use.
    let statement = prepared?;
    // What a view sets ends with the transaction here, and which view is the operator's matter.
    let Reach { leaves, outside, sets, views_set: _ } = reach?;
    if let Some(name) = outside {
        return Err(EngineError::ReadOnly(format!("{name} can act outside the transaction")).into());
    }
    if sets && standing.beyond_reading {
        let why = format!("{SETTER} could give the login its rights back, and it could do more than read");
        return Err(EngineError::ReadOnly(why).into());
    }
    let (columns, forms) = (plan::columns(&statement), plan::forms(&statement));
    let (statement, offset, rest) = match as_query(client, sql, &statement, &forms).await? {
        Some((query, offset)) => (query, offset, Form::Rendered),
        None => (statement, 0, Form::Unknown),
    };
    let again = rest == Form::Rendered;
    let forms = forms.into_iter().map(|form| form.unwrap_or(rest)).collect();
    Ok(Planned { plan: Plan { statement, columns, forms, offset, leaves, changes: false }, again })
}

/// The statement in a query's place, and how many characters stand before it. `None` for those that are no queries and
/// change nothing: what they explain is a query, or refused in a transaction that reads.
pub(super) async fn as_query(
    client: &Client,
    sql: &str,
    statement: &Statement,
    forms: &[Option<Form>],
) -> Result<Option<(Statement, u32)>, Failure> {
    if matches!(plan::keyword(sql).as_str(), "show" | "explain") {
        return Ok(None);
    }
    let wrapped = plan::reading(sql, forms);
    match client.prepare_typed(&wrapped.text, statement.params()).await {
        Ok(query) => Ok(Some((query, wrapped.offset))),
        Err(error) if is_no_query(&error) => Err(EngineError::ReadOnly(NO_QUERY.to_owned()).into()),
        Err(error) => Err(Failure::Server(error, wrapped.offset)),
    }
}

/// What is a statement by itself is no query where it is none in a query's place: against the grammar, or one that
/// changes rows on the way.
pub(super) fn is_no_query(error: &Error) -> bool {
    matches!(error.code(), Some(&(SqlState::SYNTAX_ERROR | SqlState::FEATURE_NOT_SUPPORTED)))
}
