//! The functions that are known to be harmless: a file for each kind of database.

use std::{collections::BTreeSet, sync::LazyLock};

use windlass_config::settings::SourceKind;

type Names = LazyLock<BTreeSet<&'static str>>;

static POSTGRES: Names = LazyLock::new(|| names(include_str!("postgres.txt")).collect());
static MYSQL: Names = LazyLock::new(|| names(include_str!("mysql.txt")).collect());
static SQLITE: Names = LazyLock::new(|| names(include_str!("sqlite.txt")).collect());
static MSSQL: Names = LazyLock::new(|| names(include_str!("mssql.txt")).collect());

/// Methods of columns of SQL Server: of XML, and of places.
pub(super) const METHODS: &[&str] = &[
    "value",
    "query",
    "exist",
    "nodes",
    "stastext",
    "starea",
    "stdistance",
    "stintersects",
    "stwithin",
    "stcontains",
    "stlength",
    "stsrid",
    "tostring",
];

/// By their names in lower case.
pub(super) fn of(kind: SourceKind) -> &'static BTreeSet<&'static str> {
    match kind {
        SourceKind::Postgres => &POSTGRES,
        SourceKind::Mysql => &MYSQL,
        SourceKind::Sqlite => &SQLITE,
        SourceKind::Mssql => &MSSQL,
    }
}

fn names(table: &'static str) -> impl Iterator<Item = &'static str> {
    table.lines().filter(|line| !line.starts_with('#')).flat_map(str::split_whitespace)
}
