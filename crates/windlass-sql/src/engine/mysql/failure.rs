//! What an error of the driver or the server means here.

use std::{io, time::Duration};

use mysql_async::{DriverError, Error, IoError, LocalInfileError, ServerError};
use mysql_common::proto::codec::error::PacketCodecError;

use crate::engine::EngineError;

/// `ER_QUERY_INTERRUPTED`.
const INTERRUPTED: u16 = 1317;

pub(super) fn too_slow(patience: Duration) -> EngineError {
    EngineError::Unreachable(format!("no answer within {} s", patience.as_secs_f64()))
}

/// While a connection is made.
pub(super) fn connecting(error: Error) -> EngineError {
    match error {
        Error::Server(error) => match error.code {
            // Wrong password, no such database, no right to it; the host is not let in; passwords that have expired;
            // accounts that are locked; ways of proving oneself that do not fit.
            1044 | 1045 | 1049 | 1129 | 1130 | 1251 | 1524 | 1698 | 1820 | 1862 | 3118 | 4151 => {
                EngineError::LoginRefused(error.message)
            }
            1040 | 1203 | 1226 => EngineError::Full(error.message),
            _ => EngineError::Unreachable(error.message),
        },
        Error::Driver(
            error @ (DriverError::UnknownAuthPlugin { .. }
            | DriverError::MysqlOldPasswordDisabled
            | DriverError::CleartextPluginDisabled),
        ) => EngineError::LoginRefused(error.to_string()),
        error => EngineError::Unreachable(plain(error)),
    }
}

/// While a statement runs.
pub(super) fn running(error: Error) -> EngineError {
    match error {
        Error::Server(error) => answered(error),
        Error::Io(IoError::Io(error)) if too_large(&error) => statement("a row is larger than 64 MiB", ""),
        Error::Driver(DriverError::PacketTooLarge) => statement("a row is larger than 64 MiB", ""),
        Error::Driver(DriverError::LocalInfile(LocalInfileError::NoHandler)) => EngineError::Statement {
            message: "LOAD DATA LOCAL is not supported here: no files of this machine are handed out".to_owned(),
            code: String::new(),
            hint: Some("write rows with INSERT".to_owned()),
            position: None,
        },
        error => EngineError::Lost(plain(error)),
    }
}

pub(super) fn statement(message: &str, code: &str) -> EngineError {
    EngineError::Statement { message: message.to_owned(), code: code.to_owned(), hint: None, position: None }
}

pub(super) fn was_interrupted(error: &Error) -> bool {
    matches!(error, Error::Server(error) if error.code == INTERRUPTED)
}

fn answered(error: ServerError) -> EngineError {
    match error.code {
        // A read-only transaction; a read-only server, or one that is told not to by another option.
        1792 | 1290 | 1836 => EngineError::ReadOnly(error.message),
        1969 | 3024 => EngineError::TimedOut,
        INTERRUPTED => EngineError::Cancelled,
        // Shutting down; the connection was killed, or left alone for too long.
        1053 | 1927 | 2006 | 2013 | 4031 => EngineError::Lost(error.message),
        code => statement(&error.message, &code.to_string()),
    }
}

fn too_large(error: &io::Error) -> bool {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<PacketCodecError>());
    matches!(inner, Some(PacketCodecError::PacketTooLarge))
}

/// Without what the driver puts around it.
fn plain(error: Error) -> String {
    match error {
        Error::Io(IoError::Io(error)) => error.to_string(),
        Error::Io(IoError::Tls(error)) => format!("TLS: {error}"),
        Error::Driver(error) => error.to_string(),
        error => error.to_string(),
    }
}
