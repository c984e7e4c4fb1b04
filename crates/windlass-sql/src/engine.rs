//! What the toolset asks of a database, whatever its kind.

mod error;
pub(crate) mod json;
pub(crate) mod moment;
pub mod mssql;
pub mod mysql;
pub mod postgres;
pub mod sqlite;
mod tls;

use std::{ops::ControlFlow, path::PathBuf, sync::Arc, time::Duration};

use async_trait::async_trait;
use serde_json::Value;
use windlass_config::settings::SqlParameterKind;
use windlass_core::SecretString;

pub use error::EngineError;
pub use windlass_config::settings::TlsSettings as Tls;

/// Where a database is and how to get in.
#[derive(Debug, Clone, Default)]
pub struct Address {
    /// Host name, address, or the directory of a unix socket (it begins with `/`).
    pub host: String,
    /// Port.
    pub port: u16,
    /// The database on that server; `None` = what the server opens for the user.
    pub database: Option<String>,
    /// Who logs in.
    pub user: Option<String>,
    /// The file, where the database is one.
    pub file: Option<PathBuf>,
    /// Encryption.
    pub tls: Tls,
    /// How long making a connection may take.
    pub connect_timeout: Duration,
}

/// A kind of database, and one database of it.
#[async_trait]
pub trait Engine: Send + Sync + 'static {
    /// Makes a connection. With [`Access::Read`] everything the engine offers to keep a session from writing is on from
    /// the start and cannot be undone by one statement.
    async fn connect(
        &self,
        password: Option<&SecretString>,
        access: Access,
    ) -> Result<Box<dyn Connection>, EngineError>;
}

/// Whether statements may change anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Access {
    /// They may not.
    Read,
    /// They may.
    Write,
}

/// One connection. It runs one thing at a time.
#[async_trait]
pub trait Connection: Send {
    /// What this login could do if nothing but the database's own rights held it back.
    async fn rights(&mut self) -> Result<Rights, EngineError>;

    /// What a statement takes and gives, without running it. Placeholders are as [`Engine`]'s kind has them.
    async fn describe(&mut self, sql: &str) -> Result<Shape, EngineError>;

    /// Runs one statement and hands over its rows as they come. With [`Access::Read`]: inside a read-only transaction
    /// that is rolled back always, and nothing of the session is left for the next statement. With [`Access::Write`]:
    /// in a transaction that is committed when the statement succeeded.
    ///
    /// Where `rows` breaks, the rest of the query is cancelled **on the server** and the connection is in step
    /// afterwards.
    async fn run(&mut self, query: &Query<'_>, rows: &mut dyn Rows) -> Result<Ran, EngineError>;

    /// Ends what the connection is running, from elsewhere.
    fn canceller(&self) -> Arc<dyn Canceller>;

    /// Whether it can still be used. Cheap; asks nothing of the server.
    fn is_usable(&self) -> bool;
}

/// Ends a statement on the server.
#[async_trait]
pub trait Canceller: Send + Sync {
    /// Asks for it. That it was asked for says nothing about when `run` returns (soon, with [`EngineError::Cancelled`]).
    /// Harmless where nothing runs.
    async fn cancel(&self) -> Result<(), EngineError>;
}

/// One statement to run.
#[derive(Debug, Clone, Copy)]
pub struct Query<'a> {
    /// The text, with the placeholders of the engine.
    pub sql: &'a str,
    /// What the placeholders stand for, in their order.
    pub arguments: &'a [Argument],
    /// Whether it may change anything.
    pub access: Access,
    /// How long the server may work on it: it is told so.
    pub timeout: Duration,
}

/// A value of a parameter. Its JSON form has been checked against the kind, and a whole number is written as one.
#[derive(Debug, Clone, PartialEq)]
pub struct Argument {
    /// What it is. Never `Identifier`: those are part of the text.
    pub kind: SqlParameterKind,
    /// What the items are, of an array.
    pub items: Option<SqlParameterKind>,
    /// `Null` where nothing was given.
    pub value: Value,
}

/// Takes the rows of a query as they come.
pub trait Rows: Send {
    /// The columns, once, before the first row. A statement without a result has none.
    fn columns(&mut self, columns: Vec<Column>);

    /// One row, in the order of the columns, as faithful JSON:
    /// - integers that a double holds exactly (up to 2^53) are numbers, larger ones text; floats are numbers, and
    ///   `"NaN"`, `"Infinity"`, `"-Infinity"`;
    /// - numerics and decimals are text with all their digits;
    /// - bytes are text, `\x` and hexadecimal digits;
    /// - dates, times and intervals are text: `2026-11-30`, `12:00:00.5`, `2026-11-30T12:00:00` without a time zone and
    ///   `2026-11-30T12:00:00Z` with one (always in UTC);
    /// - JSON is itself, arrays are arrays (with `null`), everything else is the database's own text for it.
    fn row(&mut self, cells: Vec<Value>) -> ControlFlow<()>;
}

/// A column of a result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name; two may have the same.
    pub name: String,
    /// What the database calls its type: `int8`, `varchar`.
    pub kind: String,
}

/// How a statement ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ran {
    /// Rows that were changed, where the statement changes rows.
    pub affected: Option<u64>,
}

/// What a statement takes and gives.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shape {
    /// What the database calls the types of its placeholders; empty text where it does not say.
    pub parameters: Vec<String>,
    /// The columns it gives.
    pub columns: Vec<Column>,
}

/// What a login could do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rights {
    /// Everything that makes it more than a reader, in words an operator can act on, the gravest first: `is a
    /// superuser`, `may INSERT into public.orders`. A few examples are enough. Empty = it can only read.
    pub beyond_reading: Vec<String>,
    /// Set where the engine cannot prove it either way: why.
    pub unproved: Option<String>,
    /// What answered: `PostgreSQL 15.18`.
    pub server: String,
}
