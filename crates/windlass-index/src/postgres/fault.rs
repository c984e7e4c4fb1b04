use std::borrow::Cow;

use tokio_postgres::{Error, error::SqlState};
use windlass_core::chain;

use crate::IndexError;

/// What the database, or the way to it, says.
pub(super) fn fault(error: Error) -> IndexError {
    let Some(said) = error.as_db_error() else { return IndexError::Unreachable(chain(&error)) };
    if *said.code() == SqlState::QUERY_CANCELED {
        return IndexError::Unreachable("the database did not finish in time".to_owned());
    }
    let message = match said.detail() {
        Some(detail) => format!("{} ({detail})", said.message()),
        None => said.message().to_owned(),
    };
    IndexError::Unreachable(message)
}

/// Whether nobody has written here yet.
pub(super) fn is_missing(error: &Error) -> bool {
    error.code().is_some_and(|code| [SqlState::UNDEFINED_TABLE, SqlState::INVALID_SCHEMA_NAME].contains(code))
}

/// PostgreSQL keeps every character but U+0000.
pub(super) fn clean(text: &str) -> Cow<'_, str> {
    if text.contains('\0') { Cow::Owned(text.replace('\0', "\u{fffd}")) } else { Cow::Borrowed(text) }
}
