use std::{collections::BTreeMap, net::IpAddr, path::PathBuf, time::Duration};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use windlass_core::units::{Bytes, Span};

/// Databases an agent may query.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SqlSettings {
    /// Databases, by a name of your own.
    pub sources: BTreeMap<String, SourceSettings>,
    /// Tools that run a statement you wrote, by name.
    pub tools: BTreeMap<String, SqlToolSettings>,
    /// Files with more tools, each written as `tools` is here. Read again when they change.
    pub tool_files: Vec<PathBuf>,
}

/// A database and what may be done with it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SourceSettings {
    /// What kind of database.
    pub kind: SourceKind,
    /// Where it is, as a URL without a password: `postgres://reader@db.example.com:5432/shop`. Or its parts below.
    #[serde(default)]
    pub url: Option<String>,
    /// Host, or the directory of its unix socket.
    #[serde(default)]
    pub host: Option<String>,
    /// Port. Default: 5432 (postgres), 3306 (mysql), 1433 (mssql).
    #[serde(default)]
    pub port: Option<u16>,
    /// The database on that server. Default: what the server opens for this user.
    #[serde(default)]
    pub database: Option<String>,
    /// Who logs in. Best a login that can only read.
    #[serde(default)]
    pub user: Option<String>,
    /// Where the password is: `env:NAME`, `file:PATH`, or `secretsmanager:ARN#KEY`. Read again whenever it no longer fits.
    #[serde(default)]
    pub password: Option<String>,
    /// How the login proves who it is.
    #[serde(default)]
    pub login: LoginKind,
    /// Region of the database, for `login: rds_iam`. Default: the one AWS's own programs would use.
    #[serde(default)]
    pub region: Option<String>,
    /// The file of an SQLite database.
    #[serde(default)]
    pub file: Option<PathBuf>,
    /// Encryption of the connection.
    #[serde(default)]
    pub tls: TlsSettings,
    /// Connections.
    #[serde(default)]
    pub pool: SqlPoolSettings,
    /// A statement that takes longer is ended on the server.
    #[serde(default = "statement_timeout")]
    pub statement_timeout: Span,
    /// Rows of one answer. More go behind a handle.
    #[serde(default = "max_rows")]
    pub max_rows: usize,
    /// Bytes of rows of one answer. More go behind a handle.
    #[serde(default = "max_bytes")]
    pub max_bytes: Bytes,
    /// Bytes of rows kept behind the handle of one answer; then the query is cancelled on the server. 0 cancels at once
    /// where the answer is full.
    #[serde(default = "max_kept")]
    pub max_kept: Bytes,
    /// Whether nothing may be changed.
    #[serde(default = "yes")]
    pub read_only: bool,
    /// Take a login that could write, although nothing may be changed: then only the session, the transaction and the
    /// statements' grammar are between an agent and the data, not the database's own rights.
    #[serde(default)]
    pub allow_writable_login: bool,
    /// The built-in tools that may use it. Default: none.
    #[serde(default)]
    pub tools: Vec<BuiltinSqlTool>,
    /// What the names of its built-in tools begin with, so that policies can tell them from those of other sources: `hr_`
    /// makes `hr_execute_sql`. Sources with the same prefix share their tools, and a caller says which is meant.
    #[serde(default)]
    pub tool_prefix: String,
}

/// A kind of database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SourceKind {
    /// PostgreSQL, and what speaks like it (Aurora, RDS).
    Postgres,
    /// MySQL and MariaDB, Aurora and RDS.
    Mysql,
    /// A file of SQLite.
    Sqlite,
    /// SQL Server.
    Mssql,
}

/// How a login proves who it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LoginKind {
    /// By `password`, or by nothing where the server asks for none.
    #[default]
    Password,
    /// By a token of AWS IAM that is made anew for every connection (RDS, Aurora). Needs TLS, and for MySQL a server that
    /// proves who it is.
    RdsIam,
}

/// Encryption of the connection to a database.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TlsSettings {
    /// How much is checked. Default: `verify_full`, and `prefer` on this machine's loopback.
    pub mode: Option<TlsMode>,
    /// Certificates of the authorities that are trusted, in PEM. Default: those that web browsers trust. For RDS: its
    /// `global-bundle.pem`. SQL Server is trusted with a certificate of this machine's authorities as well.
    pub ca: Option<PathBuf>,
}

impl TlsSettings {
    /// How much is checked of this host. Where nothing else is asked for: everything, and on this machine, where nobody
    /// is in between, nothing.
    pub fn mode_for(&self, host: &str) -> TlsMode {
        self.mode.unwrap_or(if is_this_machine(host) { TlsMode::Prefer } else { TlsMode::VerifyFull })
    }
}

/// A loopback address, its name, or the directory of a unix socket.
fn is_this_machine(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host.starts_with('/')
        || host.eq_ignore_ascii_case("localhost")
        || address.is_ok_and(|address| address.is_loopback())
}

/// How much of the server's identity is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TlsMode {
    /// No encryption.
    Disable,
    /// Encryption where the server has it, without a check of who it is.
    Prefer,
    /// Encryption, without a check of who the server is.
    Require,
    /// Encryption, and a certificate of a trusted authority. For SQL Server the same as `verify_full`.
    VerifyCa,
    /// Encryption, and a certificate of a trusted authority for this very host.
    VerifyFull,
}

/// Connections to a database. They are made when they are needed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SqlPoolSettings {
    /// How many at most. Who finds all of them busy waits, for as long as the statement may take.
    pub max: usize,
    /// A connection that was not used for so long is closed.
    pub idle: Span,
    /// How long making one may take.
    pub connect_timeout: Span,
}

impl Default for SqlPoolSettings {
    fn default() -> Self {
        let seconds = |seconds| Span(Duration::from_secs(seconds));
        Self { max: 64, idle: seconds(60), connect_timeout: seconds(5) }
    }
}

/// A tool that needs no statement of yours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BuiltinSqlTool {
    /// Runs one statement that only reads.
    ExecuteSql,
    /// Shows how the database would run a statement, without running it.
    ExplainSql,
    /// Tables and views.
    ListTables,
    /// Columns, keys, indexes and comments of a table.
    DescribeTable,
    /// Some rows of a table.
    SampleRows,
    /// Runs one statement that changes something. Only for sources with `read_only: false`.
    WriteSql,
}

impl BuiltinSqlTool {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::ExecuteSql, Self::ExplainSql, Self::ListTables, Self::DescribeTable, Self::SampleRows, Self::WriteSql];

    /// What it is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::ExecuteSql => "execute_sql",
            Self::ExplainSql => "explain_sql",
            Self::ListTables => "list_tables",
            Self::DescribeTable => "describe_table",
            Self::SampleRows => "sample_rows",
            Self::WriteSql => "write_sql",
        }
    }
}

/// A tool that runs a statement you wrote.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SqlToolSettings {
    /// The source it asks.
    pub source: String,
    /// What it is called for people.
    #[serde(default)]
    pub title: Option<String>,
    /// When a model should use it, and what comes back.
    pub description: String,
    /// One statement. `:name` stands for the parameter of that name; its value never becomes part of the text.
    pub statement: String,
    /// Parameters, in the order in which they are shown.
    #[serde(default)]
    pub parameters: Vec<SqlParameterSettings>,
    /// Whether the statement changes something. Only for sources with `read_only: false`; the tool is then marked as
    /// destructive.
    #[serde(default)]
    pub writes: bool,
    /// Whether calling it twice is the same as calling it once, where it writes.
    #[serde(default)]
    pub idempotent: bool,
    /// The toolset it belongs to: `/mcp/NAME` serves it alone, policies name it `NAME/*`.
    #[serde(default = "sql")]
    pub toolset: String,
    /// A time limit of its own, shorter than the source's.
    #[serde(default)]
    pub statement_timeout: Option<Span>,
    /// A limit of rows of its own, lower than the source's.
    #[serde(default)]
    pub max_rows: Option<usize>,
}

/// A parameter of a declared tool.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SqlParameterSettings {
    /// Its name, in the statement (`:name`) and for the model.
    pub name: String,
    /// What it takes.
    #[serde(rename = "type")]
    pub kind: SqlParameterKind,
    /// What a model should put there.
    #[serde(default)]
    pub description: String,
    /// Whether it must be given. Default: yes, unless there is a `default`. One that is not given is NULL.
    #[serde(default)]
    pub required: Option<bool>,
    /// What it is if it is not given.
    #[serde(default)]
    pub default: Option<serde_json::Value>,
    /// The only values it may have. An identifier has to have them.
    #[serde(default, rename = "enum")]
    pub choices: Option<Vec<serde_json::Value>>,
    /// A regular expression that the whole text has to match.
    #[serde(default)]
    pub pattern: Option<String>,
    /// The least: of a number, of the characters of a text, of the items of an array.
    #[serde(default)]
    pub min: Option<f64>,
    /// The most: of a number, of the characters of a text, of the items of an array.
    #[serde(default)]
    pub max: Option<f64>,
    /// What the items of an array are.
    #[serde(default)]
    pub items: Option<SqlParameterKind>,
}

/// What a parameter takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SqlParameterKind {
    /// Text.
    String,
    /// A whole number.
    Integer,
    /// A number.
    Number,
    /// `true` or `false`.
    Boolean,
    /// A day: `2026-11-30`.
    Date,
    /// A moment: `2026-11-30T12:00:00Z`.
    Timestamp,
    /// A UUID.
    Uuid,
    /// A list; see `items`.
    Array,
    /// Any JSON.
    Json,
    /// The name of a table or column, of those in `enum`. It is quoted and put into the text.
    Identifier,
}

fn statement_timeout() -> Span {
    Span(Duration::from_secs(30))
}

fn max_rows() -> usize {
    1000
}

fn max_bytes() -> Bytes {
    Bytes(1 << 20)
}

fn max_kept() -> Bytes {
    Bytes(16 << 20)
}

fn yes() -> bool {
    true
}

fn sql() -> String {
    "sql".to_owned()
}
