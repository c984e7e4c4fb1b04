//! Containers on this machine: an engine to run them, the contract they keep, the front before them.
//!
//! - [`engine`] drives podman or docker through its command line;
//! - [`contract`] runs an image for real and says, fact by fact, whether it is what every target expects;
//! - [`front`] keeps one address while the releases behind it change.
//!
//! **Invariants.** No container gets a privilege, a writable root or user 0. No secret stands on a command line. What an
//! engine refuses is told by what is the case, never by its message. Nothing is left of a container that did not start.
//! A switch of releases fails no call.

#![forbid(unsafe_code)]

pub mod contract;
pub mod engine;
pub mod front;

mod exchange;

/// The version of these programs.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");
