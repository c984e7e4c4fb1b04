//! From a request's headers to a [`Principal`](windlass_core::Principal): API keys, one shared token, and JWTs of OIDC
//! issuers, side by side.
//!
//! [`Authenticator`] is the whole of it. It answers from memory wherever it can (a key costs one SHA-256 and one lookup)
//! and says nothing to a stranger that would help them: every refusal has words for the client and words for the log.

#![forbid(unsafe_code)]

mod authenticator;
mod credential;
mod error;
mod jwt;
mod setup;

pub mod keys;
pub mod metadata;

pub use authenticator::Authenticator;
pub use error::{AuthError, AuthErrorKind};
pub use jwt::Timing;
pub use setup::{SetupError, SetupErrors};
