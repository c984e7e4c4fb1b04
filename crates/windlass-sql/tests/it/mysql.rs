//! The engine for MySQL and MariaDB against a real MariaDB, without any parser in front of it.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod attacks;
mod limits;
mod login;
mod types;

use std::{ops::ControlFlow, time::Duration};

use serde_json::Value;
use windlass_core::SecretString;
use windlass_sql::engine::{
    Access, Address, Argument, Column, Connection, Engine, EngineError, Query, Ran, Rows, mysql::Mysql,
};
use windlass_testkit::mariadb::Server;

const LIMIT: Duration = Duration::from_secs(20);

/// `root`, who may do everything.
const ROOT: &str = "root";
/// May do everything with the database `shop`, and nothing else.
const OWNER: &str = "owner";
/// May read the database `shop`, and nothing else.
const READER: &str = "reader";

/// A server with a database `shop`.
fn shop() -> Option<Server> {
    let server = Server::start()?;
    let password = server.password();
    server.sql(
        "mysql",
        &format!(
            "CREATE DATABASE shop CHARACTER SET utf8mb4; \
             CREATE TABLE shop.goods(id INT PRIMARY KEY, name VARCHAR(50)) ENGINE=InnoDB; \
             INSERT INTO shop.goods VALUES (1,'anvil'),(2,'rope'),(3,'glue'); \
             CREATE USER {OWNER}@'127.0.0.1' IDENTIFIED BY '{password}'; GRANT ALL ON shop.* TO {OWNER}@'127.0.0.1'; \
             CREATE USER {READER}@'127.0.0.1' IDENTIFIED BY '{password}'; GRANT SELECT ON shop.* TO {READER}@'127.0.0.1'"
        ),
    );
    Some(server)
}

fn address(server: &Server, user: &str) -> Address {
    Address {
        host: server.host().to_owned(),
        port: server.port(),
        database: Some("shop".to_owned()),
        user: Some(user.to_owned()),
        connect_timeout: LIMIT,
        ..Address::default()
    }
}

async fn connect(server: &Server, user: &str, access: Access) -> Box<dyn Connection> {
    let password = SecretString::from(server.password());
    Mysql::new(address(server, user)).unwrap().connect(Some(&password), access).await.unwrap()
}

/// What a query gave.
#[derive(Debug, Default)]
struct Seen {
    columns: Vec<Column>,
    rows: Vec<Vec<Value>>,
    /// How many rows are wanted.
    wanted: Option<usize>,
}

impl Rows for Seen {
    fn columns(&mut self, columns: Vec<Column>) {
        self.columns = columns;
    }

    fn row(&mut self, cells: Vec<Value>) -> ControlFlow<()> {
        self.rows.push(cells);
        if self.wanted.is_some_and(|wanted| self.rows.len() >= wanted) {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }
}

fn query<'a>(sql: &'a str, arguments: &'a [Argument], access: Access) -> Query<'a> {
    Query { sql, arguments, access, timeout: LIMIT }
}

async fn read(connection: &mut Box<dyn Connection>, sql: &str) -> Result<Seen, EngineError> {
    let mut seen = Seen::default();
    connection.run(&query(sql, &[], Access::Read), &mut seen).await?;
    Ok(seen)
}

async fn write(connection: &mut Box<dyn Connection>, sql: &str) -> Result<Ran, EngineError> {
    connection.run(&query(sql, &[], Access::Write), &mut Seen::default()).await
}

/// The only cell of the only row.
async fn cell(connection: &mut Box<dyn Connection>, sql: &str) -> Value {
    let seen = read(connection, sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    assert_eq!((seen.rows.len(), seen.columns.len()), (1, 1), "{sql}");
    seen.rows[0][0].clone()
}
