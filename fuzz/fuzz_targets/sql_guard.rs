//! Feeds arbitrary text to the guard of the toolset `sql`, as a statement of each kind of database. There must be no
//! panic and no overflow; and what passes for SQLite and is understood by it, is a reader to SQLite as well.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rusqlite::Connection;
use windlass_config::settings::SourceKind;
use windlass_sql::guard::check;

thread_local! {
    static SQLITE: Connection = {
        let connection = Connection::open_in_memory().expect("a database in memory can be opened");
        connection
            .execute_batch("CREATE TABLE t (a, b); CREATE TABLE users (id, name); CREATE VIEW v AS SELECT * FROM t")
            .expect("tables can be made");
        connection
    };
}

fuzz_target!(|statement: &str| {
    for kind in [SourceKind::Postgres, SourceKind::Mysql, SourceKind::Mssql] {
        if let Ok(reading) = check(statement, kind) {
            let denied = ["pg_read_file", "lo_import", "load_file", "openrowset"];
            assert!(reading.functions.iter().all(|name| !denied.contains(&name.to_lowercase().as_str())));
        }
    }
    if check(statement, SourceKind::Sqlite).is_ok() {
        SQLITE.with(|sqlite| {
            if let Ok(statement) = sqlite.prepare(statement) {
                assert!(statement.readonly());
            }
        });
    }
});
