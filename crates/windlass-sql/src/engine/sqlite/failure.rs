//! What went wrong, in the words of [`EngineError`].

use rusqlite::{Error, ErrorCode};

use super::{
    Access, EngineError,
    authorize::Denied,
    turn::{Stop, Turn},
};

/// Why a statement failed.
pub fn explain(error: Error, denied: Option<Denied>, turn: Option<&Turn>, access: Access) -> EngineError {
    if let Some(denied) = denied {
        return refuse(denied, access);
    }
    match error {
        Error::SqlInputError { error, msg, sql, offset } => {
            let position =
                usize::try_from(offset).ok().and_then(|at| sql.get(..at)).map(|before| before.chars().count());
            let position = position.and_then(|at| u32::try_from(at + 1).ok());
            EngineError::Statement { message: msg, code: error.extended_code.to_string(), hint: None, position }
        }
        Error::SqliteFailure(error, message) => {
            let message = message.unwrap_or_else(|| error.to_string());
            by_code(error, message, turn.and_then(Turn::over))
        }
        Error::MultipleStatement => statement("only one statement may be run at a time", None),
        Error::Empty => statement("there is no statement", None),
        Error::NulError(_) => statement("the statement has a NUL in it", None),
        other => EngineError::Internal(other.to_string()),
    }
}

/// A fault of the statement that SQLite has no code for.
pub fn statement(message: &str, hint: Option<&str>) -> EngineError {
    EngineError::Statement {
        message: message.to_owned(),
        code: "1".to_owned(),
        hint: hint.map(str::to_owned),
        position: None,
    }
}

fn by_code(error: rusqlite::ffi::Error, message: String, over: Option<Stop>) -> EngineError {
    let hint = match (error.code, over) {
        (ErrorCode::OperationInterrupted, Some(Stop::Cancelled))
        | (ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked, Some(Stop::Cancelled)) => {
            return EngineError::Cancelled;
        }
        (ErrorCode::OperationInterrupted, _) => return EngineError::TimedOut,
        (ErrorCode::ReadOnly, _) => return EngineError::ReadOnly(message),
        (ErrorCode::SystemIoFailure | ErrorCode::CannotOpen, _) => return EngineError::Lost(message),
        (ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase | ErrorCode::ApiMisuse, _) => {
            return EngineError::Internal(message);
        }
        (ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked, _) => {
            Some("another program is writing to this database: try again")
        }
        (ErrorCode::OutOfMemory, _) => {
            Some("what is sorted, grouped or joined has to fit into memory: ask for less of it")
        }
        (ErrorCode::TooBig, _) => Some("ask for a part of the value, or for its length"),
        _ => None,
    };
    let code = error.extended_code.to_string();
    EngineError::Statement { message, code, hint: hint.map(str::to_owned), position: None }
}

fn refuse(denied: Denied, access: Access) -> EngineError {
    if denied.changes && access == Access::Read {
        return EngineError::ReadOnly(format!("{} would change the database, which is read-only here", denied.what));
    }
    let message = format!("{} is not allowed here", denied.what);
    EngineError::Statement { message, code: "23".to_owned(), hint: None, position: None }
}
