//! Opening the file, and everything that is set before the first statement.

use std::{
    fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use rusqlite::{Connection, ErrorCode, OpenFlags, config::DbConfig, limits::Limit};

use super::{Access, EngineError, authorize::Warden};

/// The longest value and the longest row. Functions that make values (`zeroblob`, `printf`, `replace`) stop at it.
pub const LONGEST_VALUE: i32 = 8 << 20;

/// All memory of SQLite in this process, sorting and grouping included: nothing of a statement goes to a disk.
/// SQLite counts only for the whole process; a statement that meets the limit fails, and its neighbours may.
const MEMORY: u32 = 256 << 20;

const LIMITS: &[(Limit, i32)] = &[
    (Limit::SQLITE_LIMIT_LENGTH, LONGEST_VALUE),
    (Limit::SQLITE_LIMIT_SQL_LENGTH, 256 << 10),
    (Limit::SQLITE_LIMIT_COMPOUND_SELECT, 200),
    (Limit::SQLITE_LIMIT_VARIABLE_NUMBER, 2000),
    // LIKE takes the product of the lengths of text and pattern, and cannot be interrupted.
    (Limit::SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 1000),
    (Limit::SQLITE_LIMIT_TRIGGER_DEPTH, 100),
    (Limit::SQLITE_LIMIT_ATTACHED, 0),
    (Limit::SQLITE_LIMIT_WORKER_THREADS, 0),
];

const SWITCHES: &[(DbConfig, bool)] = &[
    (DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true),
    (DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false),
    (DbConfig::SQLITE_DBCONFIG_WRITABLE_SCHEMA, false),
    (DbConfig::SQLITE_DBCONFIG_ENABLE_FTS3_TOKENIZER, false),
    (DbConfig::SQLITE_DBCONFIG_ENABLE_FKEY, true),
    // A column name that is misspelt in double quotes is an error, not a text.
    (DbConfig::SQLITE_DBCONFIG_DQS_DML, false),
];

/// Which file it is, whatever its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileId {
    device: u64,
    inode: u64,
}

impl FileId {
    /// Never opens the file: closing it again would take away every lock this process has on it.
    pub fn of(file: &Path) -> io::Result<Self> {
        let metadata = fs::metadata(file)?;
        Ok(Self { device: metadata.dev(), inode: metadata.ino() })
    }
}

/// Opens the database in a file that is there, and locks the connection down.
pub fn open(
    file: &Path,
    access: Access,
    patience: Duration,
    warden: &Arc<Warden>,
) -> Result<(Connection, FileId), EngineError> {
    let path = real_file(file)?;
    let failed = |error| cannot_open(file, error);
    let id = FileId::of(&path).map_err(|error| unreachable(file, &error))?;
    // The path is absolute and free of links, so it is never taken for a URI (the bundled SQLite would read `file:`
    // even without being asked to) nor for `:memory:`, and a link put in its place in between is refused.
    let flags = OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_NOFOLLOW
        | OpenFlags::SQLITE_OPEN_PRIVATE_CACHE
        | OpenFlags::SQLITE_OPEN_EXRESCODE
        | match access {
            Access::Read => OpenFlags::SQLITE_OPEN_READ_ONLY,
            Access::Write => OpenFlags::SQLITE_OPEN_READ_WRITE,
        };
    let mut connection = Connection::open_with_flags(&path, flags).map_err(failed)?;
    settle(&mut connection, access, patience, warden).map_err(failed)?;
    if access == Access::Write && connection.is_readonly("main").map_err(failed)? {
        return Err(unreachable(file, &"this process may not write to it"));
    }
    Ok((connection, id))
}

fn settle(
    connection: &mut Connection,
    access: Access,
    patience: Duration,
    warden: &Arc<Warden>,
) -> rusqlite::Result<()> {
    connection.busy_timeout(patience.min(Duration::from_secs(3600)))?;
    for (switch, on) in SWITCHES {
        connection.set_db_config(*switch, *on)?;
    }
    for (limit, value) in LIMITS {
        connection.set_limit(*limit, *value)?;
    }
    let query_only = if access == Access::Read { "ON" } else { "OFF" };
    connection.execute_batch(&format!(
        "PRAGMA hard_heap_limit = {MEMORY}; PRAGMA temp_store = MEMORY; PRAGMA mmap_size = 0;
         PRAGMA cell_size_check = ON; PRAGMA query_only = {query_only};"
    ))?;
    // SQLite has not looked at the file so far.
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
    connection.authorizer(Some(warden.hook()))
}

/// Where the file really is.
fn real_file(file: &Path) -> Result<PathBuf, EngineError> {
    let path = fs::canonicalize(file).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => unreachable(file, &"there is no such file"),
        _ => unreachable(file, &error),
    })?;
    // A pipe would be waited for, for ever.
    match fs::metadata(&path) {
        Ok(metadata) if metadata.is_file() => Ok(path),
        Ok(_) => Err(unreachable(file, &"is not a file")),
        Err(error) => Err(unreachable(file, &error)),
    }
}

fn unreachable(file: &Path, why: &dyn std::fmt::Display) -> EngineError {
    EngineError::Unreachable(format!("{}: {why}", file.display()))
}

fn cannot_open(file: &Path, error: rusqlite::Error) -> EngineError {
    let why = match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => "is no SQLite database".to_owned(),
        Some(ErrorCode::CannotOpen) => "this process may not open it. A database in WAL mode also needs its -wal and \
             -shm files beside it: where they are missing, their folder must be writable, or the database be taken out \
             of that mode (PRAGMA journal_mode = DELETE)"
            .to_owned(),
        Some(ErrorCode::ReadOnly) => "was left in the middle of a transaction, and only who may write to it can mend \
             that: open it once with a program that writes"
            .to_owned(),
        _ => error.to_string(),
    };
    unreachable(file, &why)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// With a name that the hook lets through, and without the check of what SQLite calls read-only.
    #[test]
    fn a_file_that_is_opened_to_be_read_is_not_written_to_by_itself() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("shop.db");
        Connection::open(&file).unwrap().execute_batch("CREATE TABLE boxes_node (n)").unwrap();
        let warden = Arc::new(Warden::default());
        let (mut connection, _) = open(&file, Access::Read, Duration::from_secs(1), &warden).unwrap();
        let write = |connection: &Connection| {
            connection.execute("INSERT INTO boxes_node VALUES (1)", []).unwrap_err().sqlite_error_code()
        };
        assert_eq!(write(&connection), Some(ErrorCode::ReadOnly));
        assert_eq!(warden.take_denied(), None);
        // And where the session were told otherwise.
        connection.authorizer(None::<fn(rusqlite::hooks::AuthContext<'_>) -> rusqlite::hooks::Authorization>).unwrap();
        connection.execute_batch("PRAGMA query_only = OFF").unwrap();
        assert_eq!(write(&connection), Some(ErrorCode::ReadOnly));
    }
}
