//! Words that have no place in a statement that only reads, wherever a parser would put them.

use windlass_config::settings::SourceKind;

use super::{Refusal, lex::Lexed};
use crate::template::part;

/// Statements that change something, and `INTO`, which writes the result somewhere.
const EVERYWHERE: &[&str] = &["INTO", "INSERT", "UPDATE", "DELETE", "MERGE"];

const MYSQL: &[&str] = &["REPLACE", "LOCK", "UNLOCK", "PROCEDURE", "OUTFILE", "DUMPFILE", "CALL", "LOAD"];

const SQLITE: &[&str] = &["REPLACE", "ATTACH", "DETACH", "PRAGMA", "VACUUM"];

/// A batch of SQL Server needs no semicolons: any of these begins another statement.
const MSSQL: &[&str] = &[
    "ADD",
    "ALTER",
    "BACKUP",
    "BEGIN",
    "BREAK",
    "BULK",
    "CHECKPOINT",
    "CLOSE",
    "COMMIT",
    "CONTINUE",
    "CONVERSATION",
    "CREATE",
    "CURSOR",
    "DBCC",
    "DEALLOCATE",
    "DECLARE",
    "DENY",
    "DISK",
    "DROP",
    "DUMP",
    "EXEC",
    "EXECUTE",
    "GOTO",
    "GRANT",
    "IF",
    "KILL",
    "LOAD",
    "OPEN",
    "OPENDATASOURCE",
    "OPENQUERY",
    "OPENROWSET",
    "OPENXML",
    "PRINT",
    "PROC",
    "PROCEDURE",
    "RAISERROR",
    "READTEXT",
    "RECEIVE",
    "RECONFIGURE",
    "RESTORE",
    "RETURN",
    "REVERT",
    "REVOKE",
    "ROLLBACK",
    "SAVE",
    "SET",
    "SETUSER",
    "SHUTDOWN",
    "THROW",
    "TRAN",
    "TRANSACTION",
    "TRIGGER",
    "TRUNCATE",
    "UPDATETEXT",
    "USE",
    "WAITFOR",
    "WHILE",
    "WRITETEXT",
];

/// Functions of MySQL and SQLite with the name of a statement.
const FUNCTIONS: &[&str] = &["INSERT", "REPLACE"];

/// Looks at every word without quotes, from the token at `from` on.
pub(super) fn check(lexed: &Lexed, from: usize, kind: SourceKind) -> Result<(), Refusal> {
    let more: &[&str] = match kind {
        SourceKind::Postgres => &[],
        SourceKind::Mysql => MYSQL,
        SourceKind::Sqlite => SQLITE,
        SourceKind::Mssql => MSSQL,
    };
    for at in from..lexed.tokens.len() {
        let Some(word) = lexed.keyword(at) else { continue };
        // `t.update` is a column; SQL Server reads a keyword there too.
        let qualified = at > from && lexed.is(at - 1, '.') && kind != SourceKind::Mssql;
        let called = lexed.is(at + 1, '(') && FUNCTIONS.contains(&word.as_str());
        if (EVERYWHERE.contains(&word.as_str()) || more.contains(&word.as_str())) && !qualified && !called {
            return Err(Refusal::new(
                format!("`{word}` has no place in a statement that only reads"),
                format!(
                    "leave it out; if it is the name of a column, write it in quotes: {}",
                    part(&word.to_ascii_lowercase(), kind)
                ),
            ));
        }
        let next = lexed.keyword(at + 1);
        match (word.as_str(), next.as_deref()) {
            ("FOR", Some("UPDATE" | "SHARE" | "NO" | "KEY" | "BROWSE")) => {
                return Err(Refusal::new(
                    "`FOR UPDATE` and `FOR SHARE` lock rows",
                    "leave it out: reading needs no lock",
                ));
            }
            ("NEXT", Some("VALUE")) if kind != SourceKind::Postgres => {
                return Err(Refusal::new("`NEXT VALUE` takes a number from a sequence", "leave it out"));
            }
            ("PREVIOUS", Some("VALUE")) if kind != SourceKind::Postgres => {
                return Err(Refusal::new(
                    "`PREVIOUS VALUE` tells what a session took from a sequence, and none is kept here",
                    "leave it out",
                ));
            }
            _ => {}
        }
    }
    Ok(())
}
