//! What a statement may do, asked by SQLite while it compiles it.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use rusqlite::hooks::{AuthAction, AuthContext, Authorization};

use super::Access;

/// `PRAGMA`s that tell how tables are made, with what SQLite reads for the functions of the same name
/// (`pragma_table_info`): it asks for both in one way.
const DESCRIBING: &[&str] =
    &["foreign_key_list", "index_info", "index_list", "index_xinfo", "table_info", "table_list", "table_xinfo"];

/// Two that full-text search asks for by itself. With a value, they would set something.
const ASKED_BY_SEARCH: &[&str] = &["data_version", "page_size"];

/// Functions that load code, touch files, or write to SQLite's log. Most are not in the bundled SQLite; the list is for
/// those it may have one day.
const FORBIDDEN: &[&str] =
    &["edit", "fts3_tokenizer", "fsdir", "load_extension", "readfile", "sqlite_log", "writefile"];

/// What an R-tree keeps its boxes in. When it is opened, also to be read, it compiles the statements that would write
/// there. SQLite does not tell those from a statement of somebody else: that is refused by everything else.
const OF_RTREES: &[&str] = &["_node", "_rowid", "_parent"];

/// Allows what the running statement may do, and remembers what it wanted beyond that.
#[derive(Debug, Default)]
pub struct Warden {
    may_write: AtomicBool,
    denied: Mutex<Option<Denied>>,
}

/// Something a statement wanted to do and may not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denied {
    /// In words: `ATTACH`, `INSERT into orders`.
    pub what: String,
    /// Whether it would have changed the database.
    pub changes: bool,
}

impl Warden {
    /// Before a statement is compiled.
    pub fn expect(&self, access: Access) {
        self.may_write.store(access == Access::Write, Ordering::Relaxed);
        self.take_denied();
    }

    /// What the statement was denied first.
    pub fn take_denied(&self) -> Option<Denied> {
        self.denied.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// The hook.
    pub fn hook(self: &Arc<Self>) -> impl FnMut(AuthContext<'_>) -> Authorization + Send + 'static {
        let warden = Arc::clone(self);
        move |context| {
            let Err(denied) = verdict(&context.action, warden.may_write.load(Ordering::Relaxed)) else {
                return Authorization::Allow;
            };
            warden.denied.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(denied);
            Authorization::Deny
        }
    }
}

/// Whether that is allowed. What is not named here is denied.
fn verdict(action: &AuthAction<'_>, may_write: bool) -> Result<(), Denied> {
    use AuthAction as A;
    let denied = |what: &str, name: &str, changes| {
        let gap = if name.is_empty() { "" } else { " " };
        Err(Denied { what: format!("{what}{gap}{name}"), changes })
    };
    let change = |what: &str, name: &str| if may_write { Ok(()) } else { denied(what, name, true) };
    let of_rtree = |name: &str| OF_RTREES.iter().any(|end| name.ends_with(end));
    match *action {
        A::Insert { table_name: name } | A::Update { table_name: name, .. } | A::Delete { table_name: name }
            if of_rtree(name) =>
        {
            Ok(())
        }
        A::Select | A::Read { .. } | A::Recursive => Ok(()),
        A::Function { function_name: name } if !is_in(FORBIDDEN, name) => Ok(()),
        A::Function { function_name: name } => denied("the function", name, false),
        A::Pragma { pragma_name: name, .. } if is_in(DESCRIBING, name) => Ok(()),
        A::Pragma { pragma_name: name, pragma_value: None } if is_in(ASKED_BY_SEARCH, name) => Ok(()),
        A::Pragma { pragma_name: name, .. } => denied("PRAGMA", name, false),

        A::Insert { table_name } => change("INSERT into", table_name),
        A::Update { table_name, .. } => change("UPDATE of", table_name),
        A::Delete { table_name } => change("DELETE from", table_name),
        A::CreateTable { table_name } => change("CREATE TABLE", table_name),
        A::CreateIndex { index_name, .. } => change("CREATE INDEX", index_name),
        A::CreateView { view_name } => change("CREATE VIEW", view_name),
        A::CreateTrigger { trigger_name, .. } => change("CREATE TRIGGER", trigger_name),
        A::DropTable { table_name } => change("DROP TABLE", table_name),
        A::DropIndex { index_name, .. } => change("DROP INDEX", index_name),
        A::DropView { view_name } => change("DROP VIEW", view_name),
        A::DropTrigger { trigger_name, .. } => change("DROP TRIGGER", trigger_name),
        A::AlterTable { table_name, .. } => change("ALTER TABLE", table_name),
        A::Reindex { index_name } => change("REINDEX", index_name),
        A::Analyze { table_name } => change("ANALYZE", table_name),

        // Temporary things outlive their statement, and the connection is shared.
        A::CreateTempTable { table_name: name }
        | A::CreateTempIndex { index_name: name, .. }
        | A::CreateTempView { view_name: name }
        | A::CreateTempTrigger { trigger_name: name, .. } => denied("CREATE TEMP", name, true),
        A::DropTempTable { table_name: name }
        | A::DropTempIndex { index_name: name, .. }
        | A::DropTempView { view_name: name }
        | A::DropTempTrigger { trigger_name: name, .. } => denied("DROP TEMP", name, true),
        A::CreateVtable { table_name, .. } => denied("CREATE VIRTUAL TABLE", table_name, true),
        A::DropVtable { table_name, .. } => denied("DROP of the virtual table", table_name, true),

        A::Attach { .. } => denied("ATTACH", "", false),
        A::Detach { database_name } => denied("DETACH", database_name, false),
        A::Transaction { .. } => denied("BEGIN, COMMIT or ROLLBACK", "", false),
        A::Savepoint { savepoint_name, .. } => denied("SAVEPOINT", savepoint_name, false),
        _ => denied("something SQLite has no name for", "", true),
    }
}

fn is_in(names: &[&str], name: &str) -> bool {
    names.iter().any(|known| known.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_may_read_and_nothing_else() {
        let allowed = [
            AuthAction::Select,
            AuthAction::Recursive,
            AuthAction::Read { table_name: "orders", column_name: "id" },
            AuthAction::Function { function_name: "sum" },
            AuthAction::Pragma { pragma_name: "Table_Info", pragma_value: Some("orders") },
            AuthAction::Pragma { pragma_name: "data_version", pragma_value: None },
        ];
        for action in allowed {
            assert_eq!(verdict(&action, false), Ok(()), "{action:?}");
        }
        let denied = [
            (AuthAction::Insert { table_name: "orders" }, "INSERT into orders", true),
            (AuthAction::CreateTempTable { table_name: "t" }, "CREATE TEMP t", true),
            (AuthAction::Attach { filename: "x" }, "ATTACH", false),
            (AuthAction::Function { function_name: "LOAD_extension" }, "the function LOAD_extension", false),
            (AuthAction::Pragma { pragma_name: "page_size", pragma_value: Some("512") }, "PRAGMA page_size", false),
            (AuthAction::Pragma { pragma_name: "journal_mode", pragma_value: None }, "PRAGMA journal_mode", false),
            (AuthAction::Unknown { code: 99, arg1: None, arg2: None }, "something SQLite has no name for", true),
        ];
        for (action, what, changes) in denied {
            assert_eq!(verdict(&action, false), Err(Denied { what: what.to_owned(), changes }));
        }
    }

    #[test]
    fn a_writer_may_change_rows_and_leaves_nothing_in_the_session() {
        assert_eq!(verdict(&AuthAction::Delete { table_name: "orders" }, true), Ok(()));
        for action in [
            AuthAction::CreateTempTable { table_name: "t" },
            AuthAction::Attach { filename: "x" },
            AuthAction::Pragma { pragma_name: "writable_schema", pragma_value: Some("1") },
            AuthAction::Transaction { operation: rusqlite::hooks::TransactionOperation::Begin },
        ] {
            assert!(verdict(&action, true).is_err(), "{action:?}");
        }
    }
}
