//! The real binary, talked to as a user, a client or an attacker would.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

mod agent;
mod auth;
mod cli;
mod console;
mod decisions;
mod deploy;
mod files;
mod house;
mod knowledge;
mod lambda;
mod limits;
mod load;
mod pull;
mod queries;
mod reload;
mod replicas;
mod sandbox;
mod secrets;
mod serve;
mod sql;
mod starting;
mod store_aws;
mod telemetry;
mod tools;
mod wire;
