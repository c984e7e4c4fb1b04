//! Each command: what was typed to what happens, and an exit code.

mod agent;
mod audit;
mod check;
mod client;
mod config;
mod connect;
mod deploy;
mod doctor;
mod import;
mod init;
mod key;
mod knowledge;
mod lambda;
mod sandbox;
mod serve;

use std::process::ExitCode;

use crate::cli::{Cli, Command};

pub async fn run(cli: Cli) -> ExitCode {
    let config = cli.config;
    let outcome = match cli.command.unwrap_or(Command::Serve(Default::default())) {
        Command::Serve(args) => serve::run(&config, &args).await,
        Command::Init { file, force } => init::run(&file, force),
        Command::Doctor { json } => doctor::run(&config, json).await,
        Command::Import(command) => import::run(command),
        Command::Key(command) => key::run(command),
        Command::Config(command) => config::run(&config, command).await,
        Command::Audit(command) => audit::run(command),
        Command::Connect(args) => connect::run(&config, &args),
        Command::Call(args) => client::call(&config, args).await,
        Command::Tools(target) => client::tools(&config, target).await,
        Command::Check(args) => check::run(args).await,
        Command::Deploy(args) => deploy::run(&config, args).await,
        Command::Sandbox(command) => sandbox::run(command).await,
        Command::Knowledge(command) => knowledge::run(&config, command).await,
        Command::Agent(command) => agent::run(&config, command).await,
    };
    outcome.map_or_else(
        |failure| {
            eprintln!("windlass: {failure}");
            if let Some(hint) = failure.hint {
                eprintln!("hint: {hint}");
            }
            failure.exit.into()
        },
        ExitCode::from,
    )
}
