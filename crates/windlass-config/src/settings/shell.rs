mod command;
mod confinement;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    time::Duration,
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use windlass_core::units::Span;

pub use command::{CommandRule, CommandSettings, DenyRule, DenySettings, FlagSettings, Operator, PathScope};
pub use confinement::{KernelFeature, NetworkAccess, SandboxSettings, ShellLimits};

/// Approved commands. A line is parsed, never handed to a shell; every command in it must match one of `commands`, and
/// everything else a shell could do is refused unless it is granted here.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ShellSettings {
    /// Working directory of commands, and the root where `roots` is left out. Relative paths here and below count from
    /// the directory of windlass.yaml.
    pub directory: PathBuf,
    /// Path arguments must stay inside these, after symbolic links are resolved. Default: `[directory]`.
    pub roots: Vec<PathBuf>,
    /// Where commands may write: the kernel enforces it where it has Landlock, and granted redirections end up nowhere
    /// else. Default: the same as `roots`. `[]` makes every command read-only.
    pub write_roots: Option<Vec<PathBuf>>,
    /// What may run. Nothing else does.
    pub commands: Vec<CommandRule>,
    /// What may not run although a rule in `commands` matches.
    pub deny: Vec<DenyRule>,
    /// Where programs are looked up, once, at start. The PATH of the server or of a caller is never used.
    pub path: Vec<PathBuf>,
    /// Operators a line may join commands with. Default: none, one command a line.
    pub operators: BTreeSet<Operator>,
    /// Whether lines may redirect to and from files (reading under `roots`, writing under `write_roots`). `/dev/null`,
    /// `2>&1` and `1>&2` need no grant.
    pub redirects: bool,
    /// Variables a line may use as `$NAME`. They come from `environment`, never from the server's environment, and
    /// their value is one argument whatever it contains.
    pub variables: BTreeSet<String>,
    /// Whether `*.txt` is expanded to file names (sorted, hidden files left out). Without it unquoted `*`, `?` and `[`
    /// are refused.
    pub globs: bool,
    /// Environment given to every command, beside a minimal clean one.
    pub environment: BTreeMap<String, String>,
    /// Names a caller may set in the environment of its command. Names that change which code is run (PATH, `LD_*`,
    /// GIT_SSH, PAGER, ...) are refused whatever stands here.
    pub allow_environment: BTreeSet<String>,
    /// How long a command may run when the caller does not say.
    pub timeout: Span,
    /// How long a caller may let a command run.
    pub max_timeout: Span,
    /// How long a command started with `start_command` may run.
    pub max_job_time: Span,
    /// Jobs running at once, per caller.
    pub max_jobs: usize,
    /// Limits on each command's processes.
    pub limits: ShellLimits,
    /// What the kernel keeps commands from.
    pub sandbox: SandboxSettings,
}

impl Default for ShellSettings {
    fn default() -> Self {
        let seconds = |s| Span(Duration::from_secs(s));
        Self {
            directory: ".".into(),
            roots: Vec::new(),
            write_roots: None,
            commands: Vec::new(),
            deny: Vec::new(),
            path: ["/usr/local/bin", "/usr/bin", "/bin"].map(PathBuf::from).to_vec(),
            operators: BTreeSet::new(),
            redirects: false,
            variables: BTreeSet::new(),
            globs: false,
            environment: BTreeMap::new(),
            allow_environment: BTreeSet::new(),
            timeout: seconds(30),
            max_timeout: seconds(300),
            max_job_time: seconds(3600),
            max_jobs: 8,
            limits: ShellLimits::default(),
            sandbox: SandboxSettings::default(),
        }
    }
}
