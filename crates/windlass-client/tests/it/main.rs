//! Integration tests: real servers on loopback, real child processes.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod broken;
mod call;
mod check_http;
mod check_stdio;
mod connect;
mod echo;
mod serve;
mod tls;
