//! `run_command`.

use std::{sync::Arc, time::Duration};

use windlass_core::{Call, CommandAnswer, ErrorKind, News, Output, Reply, ToolError};

use super::{Approved, ShellToolset};
use crate::exec::{RunError, RunIo, RunResult};

/// Time left to bring an answer home before the call's own deadline drops it.
const MARGIN: Duration = Duration::from_secs(1);

impl ShellToolset {
    pub(super) async fn run_command(&self, call: Call) -> Result<Reply, ToolError> {
        let approved = self.approve(call.arguments()?)?;
        let limit = self.time_limit(approved.timeout)?.min(call.deadline.remaining().saturating_sub(MARGIN));
        let Approved { plan, directory, environment, stdin, .. } = approved;
        let news = Arc::new(News::default());
        let writer = news.clone();
        let io = RunIo {
            stdin,
            directory,
            environment,
            timeout: Some(limit),
            cancel: call.cancel.clone(),
            stdout: call.outputs.open(&call.principal, "stdout"),
            stderr: call.outputs.open(&call.principal, "stderr"),
            on_output: Some(Arc::new(move |bytes| writer.take(bytes))),
        };
        let result = tokio::select! {
            result = self.inner.executor.run(&plan, io) => result,
            never = news.tell(&*call.client) => never,
        };
        let result = result.map_err(ToolError::from)?;
        if result.cancelled && !result.timed_out {
            return Err(ToolError::new(ErrorKind::Cancelled, "the command was ended because its call was cancelled"));
        }
        let is_error = !result.succeeded();
        let answer = answer(result);
        Ok(Output { is_error, ..Output::structured(answer.for_model(limit), &answer)? }.into())
    }

    fn time_limit(&self, asked: Option<Duration>) -> Result<Duration, ToolError> {
        let settings = &self.inner.settings;
        match asked {
            Some(asked) if asked > settings.max_timeout.0 => {
                Err(ToolError::invalid(format!("commands may run for at most {}", settings.max_timeout)).hint(
                    match self.offers_jobs() {
                        true => "use start_command for work that takes longer",
                        false => "ask for less at once",
                    },
                ))
            }
            Some(asked) => Ok(asked),
            None => Ok(settings.timeout.0.min(settings.max_timeout.0)),
        }
    }
}

impl From<RunError> for ToolError {
    fn from(error: RunError) -> Self {
        match error {
            RunError::NotStarted(source) => Self::internal(format!("cannot start the supervisor: {source}")),
            RunError::Refused(why) => {
                Self::new(ErrorKind::Unavailable, "the server cannot confine commands as its configuration demands")
                    .hint("tell the operator; `windlass doctor` says what is missing")
                    .detail(why)
            }
            RunError::SupervisorDied => {
                Self::failed("the command was killed from outside, with the process that watched over it")
                    .hint("the machine may be out of memory: try again, or with less to do at once")
            }
        }
    }
}

fn answer(result: RunResult) -> CommandAnswer {
    let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    let (stdout, stderr) = (result.stdout, result.stderr);
    CommandAnswer {
        exit_code: result.exit_code,
        signal: result.signal,
        timed_out: result.timed_out,
        duration_ms: millis(result.duration),
        stdout: stdout.text,
        stderr: stderr.text,
        stdout_truncated: stdout.truncated,
        stderr_truncated: stderr.truncated,
        stdout_handle: stdout.handle,
        stderr_handle: stderr.handle,
        stdout_bytes: stdout.bytes,
        stderr_bytes: stderr.bytes,
        cpu_ms: millis(result.cpu),
        max_rss_kib: result.max_rss_kib,
    }
}
