//! PostgreSQL, as it is installed.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod attacks;
mod connecting;
mod ending;
mod parameters;
mod rights;
mod sessions;
mod types;
mod writing;

use std::{
    ops::ControlFlow,
    time::{Duration, Instant},
};

use serde_json::Value;
use windlass_config::settings::SqlParameterKind;
use windlass_core::SecretString;
use windlass_sql::engine::{
    Access, Address, Argument, Column, Connection, Engine, EngineError, Query, Ran, Rows, Tls, postgres::Postgres,
};
use windlass_testkit::postgres::Server;

/// Longer than anything here takes.
const LONG: Duration = Duration::from_secs(60);

/// What came back.
#[derive(Debug, Default, PartialEq)]
struct Answer {
    columns: Vec<Column>,
    rows: Vec<Vec<Value>>,
    /// No more than these are wanted.
    most: Option<usize>,
}

impl Rows for Answer {
    fn columns(&mut self, columns: Vec<Column>) {
        assert!(self.columns.is_empty() && self.rows.is_empty(), "the columns come once, before the rows");
        self.columns = columns;
    }

    fn row(&mut self, cells: Vec<Value>) -> ControlFlow<()> {
        assert_eq!(cells.len(), self.columns.len());
        self.rows.push(cells);
        if self.most.is_some_and(|most| self.rows.len() >= most) {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }
}

/// Over the unix socket, where everybody is let in.
fn at_socket(server: &Server, user: &str) -> Address {
    Address {
        host: server.socket_directory().to_str().unwrap().to_owned(),
        port: server.port(),
        database: Some("postgres".to_owned()),
        user: Some(user.to_owned()),
        file: None,
        tls: Tls::default(),
        connect_timeout: Duration::from_secs(20),
    }
}

/// Over TCP, where a password is asked for.
fn at_port(server: &Server, user: &str) -> Address {
    Address { host: server.host().to_owned(), ..at_socket(server, user) }
}

async fn connect(server: &Server, user: &str, access: Access) -> Box<dyn Connection> {
    Postgres::new(at_socket(server, user)).unwrap().connect(None, access).await.unwrap()
}

async fn reader(server: &Server, user: &str) -> Box<dyn Connection> {
    connect(server, user, Access::Read).await
}

fn password(server: &Server) -> SecretString {
    server.password().to_owned().into()
}

fn query(sql: &str) -> Query<'_> {
    Query { sql, arguments: &[], access: Access::Read, timeout: LONG }
}

async fn run(connection: &mut dyn Connection, query: Query<'_>) -> Result<Answer, EngineError> {
    let mut answer = Answer::default();
    connection.run(&query, &mut answer).await.map(|_| answer)
}

/// The rows of a statement that reads.
async fn read(connection: &mut dyn Connection, sql: &str) -> Result<Vec<Vec<Value>>, EngineError> {
    run(connection, query(sql)).await.map(|answer| answer.rows)
}

/// The only cell of a statement that reads.
#[track_caller]
fn cell(rows: Result<Vec<Vec<Value>>, EngineError>) -> Value {
    let mut rows = rows.unwrap();
    assert!(rows.len() == 1 && rows[0].len() == 1, "{rows:?}");
    rows.remove(0).remove(0)
}

async fn change(connection: &mut dyn Connection, sql: &str) -> Result<(Answer, Ran), EngineError> {
    let mut answer = Answer::default();
    let ran = connection.run(&Query { access: Access::Write, ..query(sql) }, &mut answer).await?;
    Ok((answer, ran))
}

fn argument(kind: SqlParameterKind, value: Value) -> Argument {
    Argument { kind, items: None, value }
}

/// How many sessions of ours are at work.
const RUNNING: &str = "select count(*) from pg_stat_activity where application_name = 'windlass' and (state = 'active' or xact_start is not null)";

/// Asks until the answer is this: for what another process does.
#[track_caller]
fn wait_for(server: &Server, sql: &str, expected: &str) {
    let begun = Instant::now();
    loop {
        let found = server.sql("postgres", sql);
        if found == expected {
            return;
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "still {found}: {sql}");
    }
}
