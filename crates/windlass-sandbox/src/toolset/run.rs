//! Running something in a sandbox, and what came of it.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use bytes::Bytes;
use schemars::JsonSchema;
use serde::Serialize;
use windlass_core::{Call, Captured, CommandAnswer, ErrorKind, News, Output, Reply, Sink, ToolError};
use windlass_guest::client::{Command, InputSink, OutputStream};

use super::{
    arguments::{CommandArguments, check_environment},
    or_discard,
};
use crate::{Sandboxes, backend::HOME, life::Sandbox};

/// Time left to bring an answer home before the call's own deadline drops it.
const MARGIN: Duration = Duration::from_secs(1);
/// How long a guest may take to begin, and longer than its own limit to end.
const GUEST: Duration = Duration::from_secs(10);
/// Programs, in this order.
const PATH: &str = "/home/sandbox/.local/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What code has done.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct CodeAnswer {
    /// How it ended.
    #[serde(flatten)]
    pub ended: CommandAnswer,
    /// The sandbox it ran in, if that still exists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sandbox_id: Option<String>,
    /// Paths of the images that come with this answer.
    pub images: Vec<String>,
    /// Whether the interpreter of the session is still there; only of code in a session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_kept: Option<bool>,
}

/// Something to run.
pub(super) struct Job {
    pub environment: BTreeMap<String, String>,
    pub directory: String,
    pub stdin: Option<String>,
    pub limit: Duration,
}

pub(super) async fn run_command(sandboxes: &Sandboxes, call: Call) -> Result<Reply, ToolError> {
    let given: CommandArguments = call.arguments()?;
    let environment = given.environment.unwrap_or_default();
    check_environment(&environment)?;
    let limit = time_limit(sandboxes, given.timeout_seconds)?;
    let sandbox = sandboxes.find(&call.principal, &given.sandbox_id)?;
    if given.command.contains('\0') {
        return Err(ToolError::invalid("a command cannot hold a NUL byte").hint("write the bytes with write_file"));
    }
    let command = Command::new("bash").arg("-c").arg(given.command.as_str());
    let job = Job { environment, directory: absolute(given.working_directory.as_deref()), stdin: given.stdin, limit };
    let answer = run(sandboxes, &sandbox, &call, command, job).await?;
    let is_error = answer.exit_code != Some(0);
    Ok(Output { is_error, ..Output::structured(answer.for_model(limit), &answer)? }.into())
}

/// Runs it to its end, or to the end of its time.
pub(super) async fn run(
    sandboxes: &Sandboxes,
    sandbox: &Sandbox,
    call: &Call,
    command: Command,
    job: Job,
) -> Result<CommandAnswer, ToolError> {
    let limit = limit(sandbox, call, job.limit);
    let command = prepare(sandboxes, sandbox, command, &job);
    let mut command = command.cwd(job.directory.as_str()).timeout(limit);
    if job.stdin.is_some() {
        command = command.stdin();
    }
    let started = sandbox.guest.exec(command, GUEST).await;
    let mut running = or_discard(sandboxes, sandbox, started).await?;
    let news = Arc::new(News::default());
    let (stdin, stdout, stderr) = (running.take_stdin(), running.take_stdout(), running.take_stderr());
    let (out, err) = (call.outputs.open(&call.principal, "stdout"), call.outputs.open(&call.principal, "stderr"));
    let work = async {
        let feeding = feed(stdin, job.stdin);
        let (out, err) = (pump(stdout, out, &news), pump(stderr, err, &news));
        // The guest ends it; the longer time is for a guest that does not.
        let ending = running.wait(limit + GUEST);
        let (_, out, err, exit) = tokio::join!(feeding, out, err, ending);
        (out, err, exit)
    };
    let (out, err, exit) = tokio::select! {
        done = work => done,
        // Dropping the work ends the command in the guest.
        () = call.cancel.cancelled() => {
            return Err(ToolError::new(ErrorKind::Cancelled, "it was ended because its call was cancelled"));
        }
        never = news.tell(&*call.client) => never,
    };
    let (out, err) = (out.finish().await, err.finish().await);
    let exit = or_discard(sandboxes, sandbox, exit).await?;
    let answer = answer(out, err, exit.code, exit.signal, exit.timed_out, exit.wall_ms);
    Ok(CommandAnswer { cpu_ms: exit.cpu_ms, max_rss_kib: exit.peak_rss_bytes >> 10, ..answer })
}

/// What is told of something that ended.
pub(super) fn answer(
    out: Captured,
    err: Captured,
    exit_code: Option<i32>,
    signal: Option<i32>,
    timed_out: bool,
    duration_ms: u64,
) -> CommandAnswer {
    CommandAnswer {
        exit_code,
        signal: signal.map(signal_name),
        timed_out,
        duration_ms,
        stdout: out.text,
        stderr: err.text,
        stdout_truncated: out.truncated,
        stderr_truncated: err.truncated,
        stdout_handle: out.handle,
        stderr_handle: err.handle,
        stdout_bytes: out.bytes,
        stderr_bytes: err.bytes,
        cpu_ms: 0,
        max_rss_kib: 0,
    }
}

/// The time that something may take which asks for `asked`.
pub(super) fn limit(sandbox: &Sandbox, call: &Call, asked: Duration) -> Duration {
    asked.min(sandbox.remaining()).min(call.deadline.remaining().saturating_sub(MARGIN))
}

/// Gives a command the variables that everything in the sandbox has, and those of the job.
pub(super) fn prepare(sandboxes: &Sandboxes, sandbox: &Sandbox, mut command: Command, job: &Job) -> Command {
    let mut environment = BTreeMap::from([
        ("HOME".to_owned(), HOME.to_owned()),
        ("USER".into(), "sandbox".into()),
        ("PATH".into(), PATH.into()),
        ("LANG".into(), "C.UTF-8".into()),
        ("TERM".into(), "dumb".into()),
        ("TMPDIR".into(), "/tmp".into()),
        // Plots go to files where there is no screen.
        ("MPLBACKEND".into(), "agg".into()),
        ("PYTHONUNBUFFERED".into(), "1".into()),
    ]);
    if let Some(port) = sandbox.proxy {
        let proxy = format!("http://127.0.0.1:{port}");
        // Programs differ in the spelling they look for.
        for name in ["http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"] {
            environment.insert(name.into(), proxy.clone());
        }
        for name in ["no_proxy", "NO_PROXY"] {
            environment.insert(name.into(), "localhost,127.0.0.1,::1".into());
        }
        environment.insert("NODE_USE_ENV_PROXY".into(), "1".into());
    }
    environment.extend(sandboxes.settings().environment.clone());
    environment.extend(sandbox.environment.clone());
    environment.extend(job.environment.clone());
    for (name, value) in &environment {
        command = command.env(name.as_str(), value.as_str());
    }
    command
}

async fn feed(stdin: Option<InputSink>, text: Option<String>) {
    if let (Some(mut stdin), Some(text)) = (stdin, text) {
        stdin.write(Bytes::from(text)).await;
    }
}

async fn pump(from: Option<OutputStream>, mut sink: Box<dyn Sink>, news: &News) -> Box<dyn Sink> {
    let Some(mut from) = from else { return sink };
    while let Ok(Some(bytes)) = from.next().await {
        sink.write(&bytes);
        news.take(&bytes);
    }
    sink
}

/// How long it may take, of what a caller asks for.
pub(super) fn time_limit(sandboxes: &Sandboxes, asked: Option<f64>) -> Result<Duration, ToolError> {
    let settings = sandboxes.settings();
    let Some(asked) = asked else { return Ok(settings.timeout.0) };
    match Duration::try_from_secs_f64(asked) {
        Ok(asked) if asked <= settings.max_timeout.0 => Ok(asked),
        _ => Err(ToolError::invalid(format!("it may take at most {}", settings.max_timeout))
            .hint("ask for less; leave longer work in the background and look at it later")),
    }
}

/// A path as the guest takes it.
pub(super) fn absolute(path: Option<&str>) -> String {
    match path {
        None | Some("") => HOME.to_owned(),
        Some(path) if path.starts_with('/') => path.to_owned(),
        Some(path) => {
            let path = path.strip_prefix("~/").unwrap_or(path);
            format!("{}/{path}", HOME)
        }
    }
}

fn signal_name(number: i32) -> String {
    match number {
        4 => "SIGILL".into(),
        6 => "SIGABRT".into(),
        7 => "SIGBUS".into(),
        8 => "SIGFPE".into(),
        9 => "SIGKILL".into(),
        11 => "SIGSEGV".into(),
        15 => "SIGTERM".into(),
        31 => "SIGSYS".into(),
        other => format!("signal {other}"),
    }
}
