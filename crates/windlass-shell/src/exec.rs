//! Running a [`Plan`]: start a supervisor, feed its output to the sinks while it comes, and bring home how it ended.

mod output;
mod remote;

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio_util::sync::CancellationToken;
use windlass_config::settings::{KernelFeature, NetworkAccess, ShellSettings};
use windlass_core::{Captured, Sink};

use crate::{
    launch::{Confinement, Insist, Job, Launcher, Limits, Protections},
    plan::{Command, Plan, Step, When},
    rules::{Rules, Sealed},
};

/// Runs plans. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Executor {
    launcher: Arc<Launcher>,
    limits: Limits,
    confinement: Confinement,
    unchecked: Vec<String>,
}

/// What the rules say of every run.
#[derive(Debug, Clone, Default)]
pub struct Reach {
    /// Files below these may be read.
    pub read: Vec<PathBuf>,
    /// Files below these may be written.
    pub write: Vec<PathBuf>,
    /// The rules that grant running code of the caller's choice.
    pub unchecked: Vec<String>,
}

impl From<&Rules> for Reach {
    fn from(rules: &Rules) -> Self {
        let (read, write) = rules.roots();
        let unchecked = rules.unchecked().into_iter().map(str::to_owned).collect();
        Self { read: read.to_vec(), write: write.to_vec(), unchecked }
    }
}

/// What one run is given.
pub struct RunIo {
    /// Standard input, whole.
    pub stdin: Vec<u8>,
    /// Working directory: absolute, checked.
    pub directory: PathBuf,
    /// The whole environment; nothing of the server's is added.
    pub environment: BTreeMap<String, String>,
    /// How long it may take.
    pub timeout: Option<Duration>,
    /// Ends it when fired.
    pub cancel: CancellationToken,
    /// Takes standard output.
    pub stdout: Box<dyn Sink>,
    /// Takes standard error.
    pub stderr: Box<dyn Sink>,
    /// Sees every piece of either on its way.
    pub on_output: Option<OnOutput>,
}

/// Called with pieces of output as they come; must be quick.
pub type OnOutput = Arc<dyn Fn(&[u8]) + Send + Sync>;

/// How a run ended. Nothing of it is running any more.
#[derive(Debug, Clone, Default)]
pub struct RunResult {
    /// Exit code of the last command that ran; `None` where a signal ended it.
    pub exit_code: Option<i32>,
    /// The signal that ended it, e.g. `SIGKILL`.
    pub signal: Option<String>,
    /// Ended because the time was over.
    pub timed_out: bool,
    /// Ended because `cancel` fired.
    pub cancelled: bool,
    /// From start to end.
    pub duration: Duration,
    /// Standard output.
    pub stdout: Captured,
    /// Standard error.
    pub stderr: Captured,
    /// Processor time of everything the run started.
    pub cpu: Duration,
    /// Largest memory any of its processes had, in KiB.
    pub max_rss_kib: u64,
}

impl RunResult {
    /// Whether it ran to its end and the end was good.
    pub fn succeeded(&self) -> bool {
        self.exit_code == Some(0) && !self.timed_out && !self.cancelled
    }
}

/// Why a run has no result.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The supervisor could not be started.
    #[error("cannot start the supervisor: {0}")]
    NotStarted(#[source] std::io::Error),
    /// A protection that is insisted on is not there. Nothing was run.
    #[error("{0}")]
    Refused(String),
    /// The supervisor was killed. What could be found of the run was killed too.
    #[error("the supervisor of the run died")]
    SupervisorDied,
}

impl Executor {
    /// An executor for runs under `settings`.
    pub fn new(launcher: Launcher, settings: &ShellSettings, reach: Reach) -> Self {
        let insist = |feature| match feature {
            KernelFeature::Auto => Insist::Auto,
            KernelFeature::Required => Insist::Required,
            KernelFeature::Off => Insist::Off,
        };
        let limits = &settings.limits;
        Self {
            launcher: Arc::new(launcher),
            limits: Limits {
                memory: limits.memory.0,
                processes: limits.processes.into(),
                file_size: limits.file_size.0,
                cpu_seconds: limits.cpu.0.as_secs().max(1),
                open_files: limits.open_files.into(),
            },
            unchecked: reach.unchecked,
            confinement: Confinement {
                landlock: insist(settings.sandbox.landlock),
                seccomp: insist(settings.sandbox.seccomp),
                network: settings.sandbox.network == NetworkAccess::Allow,
                read: reach.read,
                write: reach.write,
                execute: Vec::new(),
                sealed: false,
            },
        }
    }

    /// What starts the supervisors.
    pub fn launcher(&self) -> &Launcher {
        &self.launcher
    }

    /// Runs `plan` to its end. Dropping the future ends the run as well.
    pub async fn run(&self, plan: &Plan, io: RunIo) -> Result<RunResult, RunError> {
        let job = Job {
            plan: plan.clone(),
            directory: io.directory,
            environment: io.environment,
            timeout: io.timeout,
            limits: self.limits.clone(),
            confinement: self.confinement_of(plan),
            server: i32::try_from(std::process::id()).unwrap_or_default(),
            stdin_bytes: io.stdin.len() as u64,
        };
        let started = Instant::now();
        let (remote, stdout, stderr) = remote::Remote::start(&self.launcher).map_err(RunError::NotStarted)?;
        let over = CancellationToken::new();
        let watcher = io.on_output.as_ref();
        // Putting away what it wrote is no part of the run.
        let supervised = async { (remote.supervise(&job, io.stdin, &io.cancel, &over).await, started.elapsed()) };
        let ((outcome, duration), stdout, stderr) = tokio::join!(
            supervised,
            output::pump(stdout, io.stdout, watcher, &over),
            output::pump(stderr, io.stderr, watcher, &over),
        );
        let outcome = outcome?;
        Ok(RunResult {
            exit_code: outcome.exit_code,
            signal: outcome.signal.map(signal_name),
            timed_out: outcome.timed_out,
            cancelled: outcome.stopped,
            duration,
            stdout,
            stderr,
            cpu: outcome.cpu,
            max_rss_kib: outcome.max_rss_kib,
        })
    }

    /// A file below the roots may have been written by a caller. Only a rule that grants running code at all makes such
    /// files executable; else git's hooks would be the way around every rule.
    fn confinement_of(&self, plan: &Plan) -> Confinement {
        let mut confinement = self.confinement.clone();
        let commands = || plan.steps.iter().flat_map(|step| &step.pipeline);
        if commands().any(|command| self.unchecked.contains(&command.rule)) {
            confinement.execute = [confinement.read.as_slice(), &confinement.write].concat();
        } else if let Some(Sealed(paths)) = Sealed::of(commands()) {
            (confinement.execute, confinement.sealed) = (paths, true);
        }
        confinement
    }

    /// Runs a command that looks at itself, to learn which protections hold on this machine.
    pub async fn probe(&self) -> Result<Protections, RunError> {
        let program = std::fs::canonicalize(&self.launcher.program).map_err(RunError::NotStarted)?;
        let argv = std::iter::once(program.to_string_lossy().into_owned())
            .chain(self.launcher.args.iter().map(|argument| argument.to_string_lossy().into_owned()))
            .chain(["probe".to_owned()])
            .collect();
        let command =
            Command { program, argv, redirects: Vec::new(), environment: Vec::new(), rule: "built-in probe".into() };
        let plan = Plan { steps: vec![Step { when: When::Always, negated: false, pipeline: vec![command] }] };
        // Without roots of its own, so that a root such as `/` does not look like Landlock being absent.
        let mut bare = self.clone();
        for roots in [&mut bare.confinement.read, &mut bare.confinement.write, &mut bare.confinement.execute] {
            roots.clear();
        }
        let io = RunIo {
            stdin: Vec::new(),
            directory: "/".into(),
            environment: BTreeMap::new(),
            timeout: Some(Duration::from_secs(10)),
            cancel: CancellationToken::new(),
            stdout: output::memory(),
            stderr: output::memory(),
            on_output: None,
        };
        let result = bare.run(&plan, io).await?;
        if let Ok(found) = serde_json::from_str(&result.stdout.text) {
            return Ok(found);
        }
        let (code, said) = (result.exit_code, result.stderr.text);
        Err(RunError::Refused(format!("the probe did not answer (exit code {code:?}): {said}")))
    }
}

fn signal_name(number: i32) -> String {
    nix::sys::signal::Signal::try_from(number).map_or_else(|_| format!("SIG{number}"), |signal| signal.as_str().into())
}
