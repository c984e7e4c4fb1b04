//! `windlass agent ...`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub enum AgentCommand {
    /// Have one task done. What the model says is on standard output, what it does on standard error
    #[command(after_help = EXIT_CODES)]
    Run(AgentRunArgs),
    /// Talk to the model: /help lists what can be typed beside that
    Chat(AgentArgs),
    /// Run a transcript again, and say where the loop goes another way now
    Replay {
        /// What `--transcript` wrote
        file: PathBuf,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
}

const EXIT_CODES: &str = "Exit codes: 0 the model has answered; 1 it ended otherwise; 2 wrong usage or configuration; 3 the \
                          model's provider refuses; 4 it cannot be reached; 5 a budget is used up; 130 interrupted.";

#[derive(Debug, Args)]
pub struct AgentRunArgs {
    /// What is to be done; `-` reads it from standard input. May be left out to go on with the run in `--state`
    pub task: Option<String>,
    /// Every event as a line of JSON on standard output
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub agent: AgentArgs,
}

#[derive(Debug, Clone, Default, Args)]
pub struct AgentArgs {
    /// The model, as its provider calls it [default: agent.model.id]
    #[arg(long, value_name = "ID")]
    pub model: Option<String>,
    /// bedrock, anthropic or openai [default: agent.model.provider]
    #[arg(long, value_name = "PROVIDER")]
    pub provider: Option<String>,
    /// Keep the run in this file after each step, and go on with what is in it
    #[arg(long, value_name = "FILE")]
    pub state: Option<PathBuf>,
    /// Write down everything that happens, for `windlass agent replay`
    #[arg(long, value_name = "FILE")]
    pub transcript: Option<PathBuf>,
}
