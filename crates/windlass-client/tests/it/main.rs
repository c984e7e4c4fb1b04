//! Integration tests: real servers on loopback, real child processes.

mod broken;
mod call;
mod check_http;
mod check_stdio;
mod connect;
mod echo;
mod serve;
