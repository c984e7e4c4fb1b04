//! The engine for SQL Server at the level of its protocol: no server can be had here. A [stand-in](standin) checks what
//! is sent and answers with tokens that a test wrote. What a real server makes of the statements is not shown by this.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

mod cells;
mod encryption;
mod ending;
mod login;
mod rights;
mod standin;
mod statements;
mod tokens;

use std::{ops::ControlFlow, time::Duration};

use serde_json::Value;
use standin::StandIn;
use windlass_config::settings::TlsMode;
use windlass_core::SecretString;
use windlass_sql::engine::{
    Access, Address, Argument, Column, Connection, Engine, EngineError, Query, Ran, Rows, Tls, mssql::Mssql,
};

fn address(port: u16) -> Address {
    Address {
        host: "127.0.0.1".to_owned(),
        port,
        database: Some("shop".to_owned()),
        user: Some("reader".to_owned()),
        file: None,
        tls: Tls { mode: Some(TlsMode::Disable), ca: None },
        connect_timeout: Duration::from_secs(5),
    }
}

async fn connect(server: &StandIn, access: Access) -> Result<Box<dyn Connection>, EngineError> {
    let password = SecretString::from("s3crèt");
    Mssql::new(address(server.port)).unwrap().connect(Some(&password), access).await
}

/// Takes the rows, up to so many.
#[derive(Debug)]
struct Taken {
    columns: Vec<Column>,
    rows: Vec<Vec<Value>>,
    most: usize,
}

impl Taken {
    fn up_to(most: usize) -> Self {
        Self { columns: Vec::new(), rows: Vec::new(), most }
    }
}

impl Rows for Taken {
    fn columns(&mut self, columns: Vec<Column>) {
        assert!(self.columns.is_empty(), "the columns are told once");
        self.columns = columns;
    }

    fn row(&mut self, cells: Vec<Value>) -> ControlFlow<()> {
        assert_eq!(cells.len(), self.columns.len());
        self.rows.push(cells);
        if self.rows.len() < self.most { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    }
}

fn query<'a>(access: Access, sql: &'a str, arguments: &'a [Argument]) -> Query<'a> {
    Query { sql, arguments, access, timeout: Duration::from_secs(10) }
}

async fn ask(connection: &mut dyn Connection, sql: &str) -> Result<(Ran, Taken), EngineError> {
    let mut taken = Taken::up_to(usize::MAX);
    let ran = connection.run(&query(Access::Read, sql, &[]), &mut taken).await?;
    Ok((ran, taken))
}
