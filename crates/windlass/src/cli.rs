//! What can be typed.

mod agent;
mod knowledge;
mod sandbox;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

pub use agent::{AgentArgs, AgentCommand, AgentRunArgs};
pub use knowledge::{KnowledgeCommand, KnowledgeRefreshArgs, KnowledgeSearchArgs};
pub use sandbox::{SandboxCommand, SandboxImageArgs, SandboxImageCommand, SandboxPullArgs};

/// Gives AI agents real tools inside their owner's machines and AWS account.
#[derive(Debug, Parser)]
#[command(name = "windlass", version, max_term_width = 100, after_help = EXIT_CODES)]
pub struct Cli {
    #[command(flatten)]
    pub config: ConfigArgs,
    /// What to do; `serve` when left out.
    #[command(subcommand)]
    pub command: Option<Command>,
}

const EXIT_CODES: &str = "Exit codes: 0 done; 1 it failed; 2 wrong usage or configuration; 3 not authenticated; \
                          4 unreachable.";

/// Where settings come from.
#[derive(Debug, Clone, Default, Args)]
pub struct ConfigArgs {
    /// The configuration file [default: ./windlass.yaml, then the user's configuration directory]
    #[arg(long, short, global = true, value_name = "FILE", env = "WINDLASS_CONFIG")]
    pub config: Option<PathBuf>,
    /// Overrides one setting, e.g. `--set server.port=9000`
    #[arg(long, global = true, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve tools over MCP: standard input and output, HTTP, or both
    Serve(ServeArgs),
    /// Write a commented windlass.yaml
    Init {
        /// Where to
        #[arg(default_value = "windlass.yaml")]
        file: PathBuf,
        /// Replace an existing file
        #[arg(long)]
        force: bool,
    },
    /// Say what is missing before a user finds out
    Doctor {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Turn another system's configuration into a windlass.yaml
    #[command(subcommand)]
    Import(ImportCommand),
    /// Make and inspect API keys
    #[command(subcommand)]
    Key(KeyCommand),
    /// Check, show and document the configuration
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Verify an audit log
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Print or write an MCP client's configuration for this server
    Connect(ConnectArgs),
    /// Call a tool: `windlass call list_commands`, `windlass call run_command command='ls -l'`
    Call(CallArgs),
    /// List the tools of a server
    Tools(TargetArgs),
    /// Prove any MCP server, ours or not
    Check(CheckArgs),
    /// Ship a release and prove it: check, build, push, deploy, verify; and go back
    Deploy(DeployArgs),
    /// Make what sandboxes are made of
    #[command(subcommand)]
    Sandbox(SandboxCommand),
    /// Keep the documents of the section `knowledge` searchable: refresh, look, go back
    #[command(subcommand)]
    Knowledge(KnowledgeCommand),
    /// Let a model use the tools of this configuration, and of other servers, within budgets
    #[command(subcommand)]
    Agent(AgentCommand),
}

#[derive(Debug, Clone, Default, Args)]
pub struct ServeArgs {
    /// stdio, http or both
    #[arg(long)]
    pub transport: Option<String>,
    /// Address to bind
    #[arg(long)]
    pub host: Option<String>,
    /// Port to bind; 0 takes a free one
    #[arg(long, short)]
    pub port: Option<u16>,
}

#[derive(Debug, Subcommand)]
pub enum ImportCommand {
    /// Google's MCP Toolbox: its tools.yaml, old or new. Every line that cannot be carried over is named
    Toolbox(ImportArgs),
    /// Thoth: its config.yaml or config.json. Every line that cannot be carried over is named
    Thoth(ImportArgs),
}

#[derive(Debug, Args)]
pub struct ImportArgs {
    /// The file of the other system
    pub file: PathBuf,
    /// Where to write the windlass.yaml [default: standard output]
    #[arg(long, short, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Replace an existing file
    #[arg(long)]
    pub force: bool,
}

#[derive(Debug, Subcommand)]
pub enum KeyCommand {
    /// Make a key: shown once, only its hash is stored
    New {
        /// The principal becomes key:NAME
        #[arg(required_unless_present = "named")]
        name: Option<String>,
        /// The same as an option
        #[arg(long = "name", value_name = "NAME", conflicts_with = "name")]
        named: Option<String>,
        /// Valid for so long, e.g. 90d
        #[arg(long)]
        expires: Option<windlass_core::units::Span>,
        /// A group for policies; may be repeated
        #[arg(long = "group")]
        groups: Vec<String>,
        /// Append the key's line to this keys file instead of printing the snippet for windlass.yaml
        #[arg(long, value_name = "FILE")]
        file: Option<PathBuf>,
    },
}

#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Read and check everything, and say what would be served
    Check,
    /// The settings in force and where each comes from
    Show {
        /// The policies as Cedar instead
        #[arg(long)]
        policy: bool,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// The JSON Schema of windlass.yaml, for editors
    Schema,
    /// The reference page
    Reference,
}

#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Recompute the hash chain of a log
    Verify {
        /// The log; standard input when left out, or `-`
        file: Option<PathBuf>,
        /// The last hash as known from elsewhere: shows a cut-off end too
        #[arg(long, value_name = "HASH")]
        expect: Option<String>,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
}

/// Which server: a URL, a command that speaks stdio, or this binary with the configuration at hand.
#[derive(Debug, Clone, Default, Args)]
pub struct TargetArgs {
    /// The server's URL [default: this binary over stdio]
    #[arg(long, value_name = "URL")]
    pub url: Option<String>,
    /// Environment variable that holds the bearer token
    #[arg(long, value_name = "VARIABLE", default_value = "WINDLASS_TOKEN")]
    pub token_env: String,
    /// A command that speaks MCP on standard input and output, e.g. `--stdio 'npx some-server'`
    #[arg(long, value_name = "COMMAND", conflicts_with = "url")]
    pub stdio: Option<String>,
    /// As JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct CallArgs {
    /// The tool
    pub tool: String,
    /// key=value; key:=JSON; key=@file
    pub arguments: Vec<String>,
    /// All arguments as one JSON object
    #[arg(long, value_name = "JSON", conflicts_with = "arguments")]
    pub arguments_json: Option<String>,
    /// How long all of it may take
    #[arg(long, default_value = "1h")]
    pub timeout: windlass_core::units::Span,
    #[command(flatten)]
    pub target: TargetArgs,
}

#[derive(Debug, Args)]
pub struct CheckArgs {
    /// The server's URL
    #[arg(required_unless_present = "stdio")]
    pub url: Option<String>,
    /// A command that speaks MCP on standard input and output
    #[arg(long, num_args = 1.., value_name = "COMMAND", conflicts_with = "url", allow_hyphen_values = true)]
    pub stdio: Vec<String>,
    /// Environment variable that holds the bearer token
    #[arg(long, value_name = "VARIABLE", default_value = "WINDLASS_TOKEN")]
    pub token_env: String,
    /// Latency samples
    #[arg(long, default_value_t = 20)]
    pub samples: usize,
    /// A tool to call, whatever its annotations say
    #[arg(long, value_name = "TOOL")]
    pub call: Option<String>,
    /// Its arguments as JSON
    #[arg(long, value_name = "JSON", requires = "call")]
    pub arguments: Option<String>,
    /// Probe limits too (sends a 5 MiB body)
    #[arg(long)]
    pub thorough: bool,
    /// A check that must pass: a warning or a skip of it is a failure; may be repeated
    #[arg(long, value_name = "ID")]
    pub require: Vec<String>,
    /// How long any one request may take
    #[arg(long, default_value = "10s")]
    pub timeout: windlass_core::units::Span,
    /// As JSON
    #[arg(long)]
    pub json: bool,
    /// As JUnit XML
    #[arg(long, conflicts_with = "json")]
    pub junit: bool,
}

#[derive(Debug, Args)]
pub struct ConnectArgs {
    /// claude, claude-desktop, cursor, vscode, windsurf, zed, gemini, codex, cline
    pub client: String,
    /// Merge it into the client's own file instead of printing it
    #[arg(long)]
    pub write: bool,
    /// Connect over HTTP to this URL instead of starting the server over stdio
    #[arg(long, value_name = "URL")]
    pub url: Option<String>,
    /// Environment variable the client reads the token from
    #[arg(long, value_name = "VARIABLE")]
    pub token_env: Option<String>,
    /// The name the client shows
    #[arg(long, default_value = "windlass")]
    pub name: String,
}

/// Without a command the whole line runs; phases whose receipts stand are skipped.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = false)]
pub struct DeployArgs {
    /// Where to: local, ecs, lambda, ec2 [default: deploy.target]
    #[arg(long, global = true, value_name = "TARGET")]
    pub target: Option<String>,
    /// Say what would be done and why, and do nothing
    #[arg(long)]
    pub plan: bool,
    /// As JSON
    #[arg(long, global = true)]
    pub json: bool,
    /// How long to wait for another deploy to finish
    #[arg(long, global = true, value_name = "TIME", default_value = "0s")]
    pub wait: windlass_core::units::Span,
    #[command(subcommand)]
    pub command: Option<DeployCommand>,
}

#[derive(Debug, Subcommand)]
pub enum DeployCommand {
    /// Phase 1: the configuration is sound, and a server started from it keeps MCP
    Check,
    /// Phase 2: the image and the zip, proven as a container
    Build,
    /// Phase 3: into the registry, and back, the same
    Push,
    /// Phase 4: running at the target
    Deploy,
    /// Phase 5: every promise asked of the endpoint
    Verify,
    /// What runs, and what is done of the version at hand
    Status,
    /// Every release there was
    History,
    /// Back to a proven release
    Rollback {
        /// Which [default: the newest proven one beside the live one]
        version: Option<String>,
    },
    /// The last lines the server wrote
    Logs {
        /// How many
        #[arg(long, short = 'n', default_value_t = 100)]
        lines: usize,
    },
    /// The token that was made for this deployment
    Token,
    /// Start what `stop` stopped
    Start,
    /// Stop what costs money; nothing is lost
    Stop,
    /// What the stack costs a month, roughly
    Cost,
    /// Write a pipeline for a forge: github or gitlab
    Init {
        /// Which
        forge: String,
        /// Replace an existing file
        #[arg(long)]
        force: bool,
    },
    /// Write the target's Terraform stack out, to be kept and changed
    Eject {
        /// Where to
        #[arg(default_value = "infra")]
        directory: PathBuf,
        /// Replace files that were changed
        #[arg(long)]
        force: bool,
    },
    /// Remove everything the deployment made
    Destroy {
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// The front of the target `local`; started by `deploy` itself
    #[command(hide = true)]
    Front {
        #[arg(long)]
        listen: std::net::SocketAddr,
        #[arg(long)]
        control: PathBuf,
    },
}
