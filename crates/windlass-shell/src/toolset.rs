//! The tools: what a model sees of all this.

mod about;
mod arguments;
mod job_tools;
mod ready;
mod run;
mod tasks;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use tokio::sync::OnceCell;
use windlass_config::settings::ShellSettings;
use windlass_core::{
    Call, Check, CommandAnswer, Reply, Tasks, ToolError, ToolSpec, Toolset, mcp::ToolAnnotations, schema,
};

use crate::{
    exec::Executor,
    jobs::{JobLimits, Jobs},
    launch::{Launcher, Protections},
    plan::Plan,
    rules::{Rules, RulesError},
};
use arguments::{CommandArguments, ExplainArguments, JobOutputArguments, NoArguments, StopArguments};

/// Approved commands as tools.
#[derive(Clone)]
pub struct ShellToolset {
    inner: Arc<Inner>,
}

struct Inner {
    settings: ShellSettings,
    rules: Rules,
    executor: Executor,
    jobs: Result<Arc<Jobs>, NoJobs>,
    protections: OnceCell<Protections>,
}

/// Why there are no jobs.
#[derive(Debug, Clone)]
enum NoJobs {
    /// Nobody wants them here, so their tools are not offered.
    Unwanted,
    /// There is no place for them.
    NoPlace(String),
}

/// What needs jobs.
const JOB_TOOLS: [&str; 3] = ["start_command", "command_output", "stop_command"];

/// A command that passed the rules.
struct Approved {
    /// As its caller wrote it.
    title: String,
    plan: Plan,
    directory: PathBuf,
    environment: BTreeMap<String, String>,
    stdin: Vec<u8>,
    timeout: Option<Duration>,
}

impl ShellToolset {
    /// Compiles the rules of `settings`; relative paths count from `base`. Jobs are kept below `state_dir`. Must be called
    /// inside a tokio runtime.
    pub fn new(
        settings: &ShellSettings,
        base: &Path,
        launcher: Launcher,
        state_dir: Option<PathBuf>,
    ) -> Result<Self, RulesError> {
        let limits = JobLimits::new(settings.max_jobs, settings.max_job_time.0);
        let jobs = Jobs::open(state_dir.as_deref(), limits)
            .map(Arc::new)
            // A state directory that cannot be written must not take run_command away.
            .inspect_err(|error| tracing::warn!(%error, "long commands cannot be kept, start_command is off"))
            .map_err(|error| match std::error::Error::source(&error) {
                Some(source) => format!("{error}: {source}"),
                None => error.to_string(),
            })
            .map_err(NoJobs::NoPlace);
        Self::build(settings, base, launcher, jobs)
    }

    /// The same without jobs, for a process that stands still between two calls: nothing would go on in it.
    pub fn without_jobs(settings: &ShellSettings, base: &Path, launcher: Launcher) -> Result<Self, RulesError> {
        Self::build(settings, base, launcher, Err(NoJobs::Unwanted))
    }

    /// The toolset under other rules. Jobs that run are its jobs too, and go on.
    pub fn reconfigured(&self, settings: &ShellSettings, base: &Path) -> Result<Self, RulesError> {
        Self::build(settings, base, self.inner.executor.launcher().clone(), self.inner.jobs.clone())
    }

    fn build(
        settings: &ShellSettings,
        base: &Path,
        launcher: Launcher,
        jobs: Result<Arc<Jobs>, NoJobs>,
    ) -> Result<Self, RulesError> {
        let rules = Rules::compile(settings, base)?;
        let executor = Executor::new(launcher, settings, (&rules).into());
        let settings = settings.clone();
        let inner = Inner { settings, rules, executor, jobs, protections: OnceCell::new() };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Which protections hold on this machine. Found out once; a probe that fails is tried again when next asked for.
    pub async fn protections(&self) -> Result<&Protections, String> {
        let probe = async || self.inner.executor.probe().await.map_err(|error| error.to_string());
        self.inner.protections.get_or_try_init(probe).await
    }

    fn offers_jobs(&self) -> bool {
        !matches!(self.inner.jobs, Err(NoJobs::Unwanted))
    }

    fn jobs(&self) -> Result<&Jobs, ToolError> {
        self.inner.jobs.as_deref().map_err(|why| {
            ToolError::new(windlass_core::ErrorKind::Unavailable, "this server has no place to keep jobs")
                .hint("run it with run_command instead")
                .detail(match why {
                    NoJobs::Unwanted => "jobs are switched off",
                    NoJobs::NoPlace(why) => why,
                })
        })
    }
}

#[async_trait]
impl Toolset for ShellToolset {
    fn name(&self) -> &str {
        "shell"
    }

    fn tools(&self) -> Vec<ToolSpec> {
        let runs =
            |open: bool| ToolAnnotations::new().read_only(false).destructive(true).idempotent(false).open_world(open);
        let reads = || ToolAnnotations::new().read_only(true).destructive(false).idempotent(true).open_world(false);
        let limit = self.inner.settings.max_timeout;
        let jobs = self.offers_jobs();
        let longer = if jobs { " For anything longer use start_command." } else { "" };
        let takes = if jobs { "run_command and start_command accept" } else { "run_command accepts" };
        let mut tools = vec![
            ToolSpec::new(schema::tool::<CommandArguments, CommandAnswer>(
                "run_command",
                "Run a command",
                format!(
                    "Runs one approved command and waits for it (at most {limit}). Give `command` (a line, as typed in a \
                     terminal) or `argv` (the words, nothing to quote). No shell is involved: pipes, redirections, \
                     variables and globs work only where a rule grants them. list_commands says what is approved; \
                     explain_command says why a line is refused.{longer}"
                ),
                runs(true),
            ))
            .aliases(&["execute_command"]),
            ToolSpec::new(schema::tool::<CommandArguments, job_tools::Started>(
                "start_command",
                "Start a long command",
                format!(
                    "Starts an approved command in the background and returns a job_id at once. It goes on when the client \
                     disconnects, for at most {}. Read it with command_output, end it with stop_command.",
                    self.inner.settings.max_job_time
                ),
                runs(true),
            )),
            ToolSpec::new(schema::tool::<JobOutputArguments, job_tools::Answer>(
                "command_output",
                "Read a started command",
                "State and output of a command started with start_command. Give the `next_offset` of the last answer as \
                 `offset` to get only what is new; `wait_seconds` waits for something new instead of asking again and again."
                    .into(),
                reads(),
            )),
            ToolSpec::new(schema::tool::<StopArguments, job_tools::Answer>(
                "stop_command",
                "Stop a started command",
                "Ends a command started with start_command and everything it started. Stopping one that has ended changes \
                 nothing."
                    .into(),
                runs(false).idempotent(true),
            )),
            ToolSpec::new(schema::tool::<NoArguments, about::CommandList>(
                "list_commands",
                "List approved commands",
                format!(
                    "What {takes}: programs, their arguments, operators, directories, time limits, and what is refused \
                     whatever else is approved."
                ),
                reads(),
            ))
            .aliases(&["list_allowed_commands", "list_blocked_commands", "get_shell_info"]),
            ToolSpec::new(schema::tool::<ExplainArguments, about::Explained>(
                "explain_command",
                "Explain a command",
                "Says whether a command would run, which program and arguments it comes to and by which rule, or why it is \
                 refused and what to write instead. Runs nothing."
                    .into(),
                reads(),
            )),
        ];
        tools.retain(|spec| jobs || !JOB_TOOLS.contains(&&*spec.tool.name));
        tools
    }

    async fn call(&self, call: Call) -> Result<Reply, ToolError> {
        match &*call.tool {
            "run_command" => self.run_command(call).await,
            "start_command" => self.start_command(&call),
            "command_output" => self.command_output(&call).await,
            "stop_command" => self.stop_command(&call).await,
            "list_commands" => self.list_commands(),
            "explain_command" => self.explain_command(&call),
            other => Err(ToolError::not_found(format!("there is no tool `{other}` here"))),
        }
    }

    fn tasks(&self) -> Option<Arc<dyn Tasks>> {
        self.inner.jobs.is_ok().then(|| Arc::new(self.clone()) as Arc<dyn Tasks>)
    }

    async fn ready(&self) -> Vec<Check> {
        self.checks().await
    }

    async fn shutdown(&self) {
        if let Ok(jobs) = &self.inner.jobs {
            jobs.shutdown().await;
        }
    }
}
