//! What went wrong, in the words of [`EngineError`].

use tiberius::error::{Error, TokenError};

use super::EngineError;

/// From this severity on the server closes the connection.
const FATAL: u8 = 20;

/// The login failed for a reason of its own: password, database, policy, firewall.
const LOGIN: &[u32] =
    &[916, 4060, 4063, 4064, 15007, 17892, 18450, 18451, 18452, 18456, 18461, 18470, 18486, 18487, 18488, 40532, 40615];

/// No connection, worker or session to spare, or the server asks to come back later.
const FULL: &[u32] = &[10928, 10929, 10936, 17300, 17809, 17830, 40197, 40501, 40544, 40613, 49918, 49919, 49920];

/// The database or the transaction cannot be written to.
const READ_ONLY: &[u32] = &[3906, 3908, 3930, 978, 982];

/// Why there is no connection.
pub fn at_login(error: Error) -> EngineError {
    match error {
        Error::Server(token) if FULL.contains(&token.code()) => EngineError::Full(token.message().to_owned()),
        // Whatever a server says before it lets somebody in is a refusal.
        Error::Server(token) => EngineError::LoginRefused(token.message().to_owned()),
        other => EngineError::Unreachable(other.to_string()),
    }
}

/// Why a statement failed.
pub fn explain(error: Error) -> EngineError {
    match error {
        Error::Server(token) => by_code(&token),
        Error::Io { message, .. } | Error::Tls(message) => EngineError::Lost(message),
        // The driver has lost its place in the answer, or found its end where there was none.
        Error::Protocol(message) => EngineError::Lost(message.into_owned()),
        other => EngineError::Internal(other.to_string()),
    }
}

fn by_code(token: &TokenError) -> EngineError {
    let message = token.message().to_owned();
    let hint = match token.code() {
        code if READ_ONLY.contains(&code) => return EngineError::ReadOnly(message),
        code if FULL.contains(&code) => return EngineError::Full(message),
        code if LOGIN.contains(&code) && token.class() >= FATAL => return EngineError::LoginRefused(message),
        // A lock was waited for as long as the statement may take.
        1222 => return EngineError::TimedOut,
        _ if token.class() >= FATAL => return EngineError::Lost(message),
        1205 => Some("try again: two transactions waited for each other and this one was ended"),
        _ => None,
    };
    EngineError::Statement { message, code: token.code().to_string(), hint: hint.map(str::to_owned), position: None }
}

/// Whether the next answer would belong to the next question: the answer was read to its end.
pub fn keeps_step<T>(outcome: &Result<T, Error>) -> bool {
    match outcome {
        Ok(_) => true,
        // The driver tells a server's error once it has read the whole answer.
        Err(Error::Server(token)) => token.class() < FATAL,
        Err(_) => false,
    }
}
