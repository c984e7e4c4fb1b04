//! The real binary, talked to as a user, a client or an attacker would.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

mod house;
mod serve;
mod starting;
mod wire;
