use std::{error::Error as _, io};

use tokio_postgres::{
    Error,
    error::{DbError, ErrorPosition, Severity, SqlState},
};

use super::super::EngineError;

/// Why a statement was not run to its end.
#[derive(Debug)]
pub(super) enum Failure {
    /// The server, or the way to it. What it says of a position is so many characters too far on.
    Server(Error, u32),
    /// Ours.
    Engine(EngineError),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Server(error, 0)
    }
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        Self::Engine(error)
    }
}

/// Who can have ended a statement that the server says was cancelled. It has one code for both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// Somebody asked for it, here or there.
    OnRequest,
    /// Its time was over, and nobody asked for it.
    ByTime,
}

/// Everything an error says, from the outside in.
pub(super) fn chain(error: &Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        text = format!("{text}: {inner}");
        source = inner.source();
    }
    text
}

/// What went wrong while connecting.
pub(super) fn connecting(error: &Error) -> EngineError {
    let Some(said) = error.as_db_error() else { return EngineError::Unreachable(chain(error)) };
    let message = said.message().to_owned();
    match said.code() {
        code if *code == SqlState::TOO_MANY_CONNECTIONS => EngineError::Full(message),
        code if code.code().starts_with("28") => EngineError::LoginRefused(message),
        // No such database; no right to connect to it.
        code if *code == SqlState::INVALID_CATALOG_NAME || *code == SqlState::INSUFFICIENT_PRIVILEGE => {
            EngineError::LoginRefused(message)
        }
        // Starting, stopping, recovering.
        _ => EngineError::Unreachable(message),
    }
}

/// What went wrong while running a statement.
pub(super) fn running(failure: Failure, ended: Ended) -> EngineError {
    let (error, offset) = match failure {
        Failure::Engine(error) => return error,
        Failure::Server(error, offset) => (error, offset),
    };
    let Some(said) = error.as_db_error() else {
        let broken = error.is_closed() || error.source().is_some_and(|source| source.is::<io::Error>());
        let text = chain(&error);
        return if broken { EngineError::Lost(text) } else { EngineError::Internal(text) };
    };
    if is_fatal(said) {
        return EngineError::Lost(said.message().to_owned());
    }
    match *said.code() {
        SqlState::QUERY_CANCELED if ended == Ended::ByTime => EngineError::TimedOut,
        SqlState::QUERY_CANCELED => EngineError::Cancelled,
        SqlState::READ_ONLY_SQL_TRANSACTION => EngineError::ReadOnly(said.message().to_owned()),
        SqlState::TOO_MANY_CONNECTIONS => EngineError::Full(said.message().to_owned()),
        _ => statement(said, offset),
    }
}

/// The server had a row that is not taken. The connection broke over it, and the transaction with the connection.
pub(super) fn too_large() -> EngineError {
    EngineError::Statement {
        message: "a row is larger than 64 MiB".to_owned(),
        code: String::new(),
        hint: Some("ask for a part of the value, or for its length".to_owned()),
        position: None,
    }
}

/// Whether nothing can be said to the server over this connection any more.
pub(super) fn is_over(error: &Error) -> bool {
    error.as_db_error().is_none_or(is_fatal)
}

/// Whether a statement that was prepared earlier has to be prepared anew: what it reads was changed, or its name is gone.
pub(super) fn is_stale(error: &Error) -> bool {
    error.as_db_error().is_some_and(|said| match *said.code() {
        SqlState::INVALID_SQL_STATEMENT_NAME => true,
        // The code is one for many things; this is the place in the server that says the columns are others now.
        SqlState::FEATURE_NOT_SUPPORTED => said.routine() == Some("RevalidateCachedQuery"),
        _ => false,
    })
}

fn is_fatal(said: &DbError) -> bool {
    let grave = matches!(said.parsed_severity(), Some(Severity::Fatal | Severity::Panic));
    grave || said.code().code().starts_with("08")
}

fn statement(said: &DbError, offset: u32) -> EngineError {
    let position = match said.position() {
        Some(ErrorPosition::Original(position)) => position.checked_sub(offset).filter(|&position| position > 0),
        Some(ErrorPosition::Internal { .. }) | None => None,
    };
    let message = match said.detail() {
        Some(detail) => format!("{} ({detail})", said.message()),
        None => said.message().to_owned(),
    };
    EngineError::Statement {
        message,
        code: said.code().code().to_owned(),
        hint: said.hint().map(str::to_owned),
        position,
    }
}
