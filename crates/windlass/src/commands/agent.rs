//! `windlass agent`.

mod chat;
mod own;
mod replay;
mod run;
mod screen;
mod setup;
mod terminal;

use windlass_agent::{End, model::ModelError};

use crate::{
    cli::{AgentCommand, ConfigArgs},
    exit::{Exit, Failure},
};

pub async fn run(config: &ConfigArgs, command: AgentCommand) -> Result<Exit, Failure> {
    match command {
        AgentCommand::Run(args) => run::run(config, args).await,
        AgentCommand::Chat(args) => chat::run(config, &args).await,
        AgentCommand::Replay { file, json } => replay::run(&file, json),
    }
}

/// The exit code a run's end stands for.
fn exit(end: Option<&End>) -> Exit {
    match end {
        Some(End::Finished) => Exit::Done,
        Some(End::Budget { .. }) => Exit::Budget,
        Some(End::Cancelled) => Exit::Interrupted,
        Some(End::Model { error: ModelError::Refused(_) }) => Exit::Unauthenticated,
        Some(End::Model { error: ModelError::Unreachable(_) | ModelError::Throttled(_) }) => Exit::Unreachable,
        _ => Exit::Failed,
    }
}
