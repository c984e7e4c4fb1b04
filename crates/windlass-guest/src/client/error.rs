//! What can go wrong for a host.

use std::io;

use crate::protocol::{GuestError, ProtocolError};

/// Why a request has no good answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClientError {
    /// The guest says why it could not.
    #[error(transparent)]
    Guest(#[from] GuestError),
    /// There was no answer in the time the caller gave. The connection is in step all the same.
    #[error("the guest did not answer in time")]
    Timeout,
    /// The connection has ended.
    #[error("the connection to the guest ended: {0}")]
    Closed(#[from] Closed),
    /// The guest speaks none of our versions.
    #[error("the guest speaks another version of the protocol")]
    Version,
    /// There is more than the caller wants, or than a request can hold.
    #[error("too large")]
    TooLarge,
    /// A signal of this name does not exist.
    #[error("no signal is called {0}")]
    NoSuchSignal(String),
}

/// Why a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Closed {
    /// The guest is gone.
    #[error("the guest is gone")]
    Ended,
    /// The guest broke the rules.
    #[error("the guest broke the protocol: {0}")]
    Protocol(#[from] ProtocolError),
    /// The stream failed.
    #[error("the stream failed: {0}")]
    Io(io::ErrorKind),
    /// All channel numbers were used; a new connection has new ones.
    #[error("the connection was used up")]
    UsedUp,
}

impl From<io::Error> for Closed {
    fn from(error: io::Error) -> Self {
        Self::Io(error.kind())
    }
}
