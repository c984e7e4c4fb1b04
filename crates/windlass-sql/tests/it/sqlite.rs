//! The engine for SQLite against real files.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

mod attacks;
mod demo;
mod files;
mod limits;
mod values;

use std::{
    collections::BTreeMap,
    fs,
    ops::ControlFlow,
    path::{Path, PathBuf},
    time::Duration,
};

use serde_json::Value;
use tempfile::TempDir;
use windlass_sql::engine::{
    Access, Address, Argument, Column, Connection, Engine, EngineError, Query, Ran, Rows, sqlite::Sqlite,
};

/// A folder with one database in it.
struct Place {
    folder: TempDir,
    file: PathBuf,
}

impl Place {
    fn new(sql: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("shop.db");
        rusqlite::Connection::open(&file).unwrap().execute_batch(sql).unwrap();
        Self { folder, file }
    }

    fn orders() -> Self {
        Self::new(
            "CREATE TABLE orders (id INTEGER PRIMARY KEY, total NUMERIC NOT NULL);
             INSERT INTO orders VALUES (1, 10), (2, 20), (3, 30);
             CREATE INDEX by_total ON orders (total);
             CREATE TABLE victims (id INTEGER);
             CREATE TRIGGER follow AFTER INSERT ON orders BEGIN INSERT INTO victims VALUES (new.id); END;
             CREATE VIEW large AS SELECT * FROM orders WHERE total > 10;",
        )
    }

    async fn connect(&self, access: Access) -> Box<dyn Connection> {
        connect(&self.file, access).await.unwrap()
    }

    /// Every file in the folder, with its bytes.
    fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let entries = fs::read_dir(self.folder.path()).unwrap();
        entries.map(|entry| entry.unwrap().path()).map(|path| (path.clone(), fs::read(path).unwrap())).collect()
    }
}

fn engine(file: &Path) -> Sqlite {
    let address =
        Address { file: Some(file.to_owned()), connect_timeout: Duration::from_secs(5), ..Address::default() };
    Sqlite::new(address).unwrap()
}

async fn connect(file: &Path, access: Access) -> Result<Box<dyn Connection>, EngineError> {
    engine(file).connect(None, access).await
}

/// Takes the rows, up to so many.
#[derive(Debug)]
struct Taken {
    columns: Option<Vec<Column>>,
    rows: Vec<Vec<Value>>,
    most: usize,
}

impl Taken {
    fn up_to(most: usize) -> Self {
        Self { columns: None, rows: Vec::new(), most }
    }
}

impl Rows for Taken {
    fn columns(&mut self, columns: Vec<Column>) {
        assert!(self.columns.replace(columns).is_none(), "the columns are told once");
    }

    fn row(&mut self, cells: Vec<Value>) -> ControlFlow<()> {
        assert_eq!(self.columns.as_ref().map(Vec::len), Some(cells.len()), "a row has a cell for each column");
        self.rows.push(cells);
        if self.rows.len() < self.most { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    }
}

fn read<'a>(sql: &'a str, arguments: &'a [Argument]) -> Query<'a> {
    Query { sql, arguments, access: Access::Read, timeout: Duration::from_secs(30) }
}

async fn ask(connection: &mut dyn Connection, sql: &str) -> Result<Taken, EngineError> {
    let mut taken = Taken::up_to(usize::MAX);
    connection.run(&read(sql, &[]), &mut taken).await.map(|_| taken)
}

async fn write(connection: &mut dyn Connection, sql: &str) -> Result<(Ran, Taken), EngineError> {
    let mut taken = Taken::up_to(usize::MAX);
    let query = Query { access: Access::Write, ..read(sql, &[]) };
    connection.run(&query, &mut taken).await.map(|ran| (ran, taken))
}

/// The one cell of an answer.
async fn cell(connection: &mut dyn Connection, sql: &str) -> Value {
    let taken = ask(connection, sql).await.unwrap();
    taken.rows[0][0].clone()
}
