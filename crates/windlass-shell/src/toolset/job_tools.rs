//! `start_command`, `command_output`, `stop_command`.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;
use windlass_core::{Call, Output, Reply, ToolError, mcp};

use super::{
    Approved, ShellToolset,
    arguments::{JobOutputArguments, StopArguments},
    tasks,
};
use crate::jobs::{Page, Record, State, Work};

/// Longest wait for something new.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// A job that was started.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Started {
    /// For command_output and stop_command.
    job_id: String,
}

/// How a job stands, and its new output.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Answer {
    /// The job.
    job_id: String,
    /// The command.
    command: String,
    /// Where it stands.
    state: State,
    /// Exit code, once it ended by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    exit_code: Option<i32>,
    /// The signal that ended it.
    #[serde(skip_serializing_if = "Option::is_none")]
    signal: Option<String>,
    /// Seconds since it started, or from start to end.
    running_seconds: u64,
    /// Stdout and stderr from `offset` on, in the order they came.
    output: String,
    /// `offset` for the next call.
    next_offset: u64,
    /// Whether more output is there already.
    more: bool,
    /// Whether it wrote more than is kept of a job.
    output_truncated: bool,
}

impl ShellToolset {
    pub(super) fn start_command(&self, call: &Call) -> Result<Reply, ToolError> {
        let jobs = self.jobs()?;
        let Approved { title, plan, directory, environment, stdin, timeout } = self.approve(call.arguments()?)?;
        let work = Work { title, plan, directory, environment, stdin, timeout };
        let record = jobs.start(&call.principal.id, &self.inner.executor, work)?;
        if call.client.capabilities().supports_tasks() {
            return Ok(Reply::Task(mcp::CreateTaskResult::new(tasks::task(&record))));
        }
        let text = format!("started as {}\n[read it with command_output, end it with stop_command]", record.id);
        Ok(Output::structured(text, Started { job_id: record.id })?.into())
    }

    pub(super) async fn command_output(&self, call: &Call) -> Result<Reply, ToolError> {
        let jobs = self.jobs()?;
        let JobOutputArguments { job_id, offset, wait_seconds } = call.arguments()?;
        let wait = Duration::try_from_secs_f64(wait_seconds)
            .unwrap_or_default()
            .min(LONGEST_WAIT)
            .min(call.deadline.remaining().saturating_sub(Duration::from_secs(1)));
        let (record, page) = tokio::select! {
            output = jobs.output(&call.principal.id, &job_id, offset, wait) => output?,
            () = call.cancel.cancelled() => {
                return Err(ToolError::new(windlass_core::ErrorKind::Cancelled, "the call was cancelled; the job goes on"));
            }
        };
        answer(record, page)
    }

    pub(super) async fn stop_command(&self, call: &Call) -> Result<Reply, ToolError> {
        let jobs = self.jobs()?;
        let StopArguments { job_id } = call.arguments()?;
        let record = jobs.stop(&call.principal.id, &job_id).await?;
        // Its output stays where it is, for command_output.
        answer(record, Page { text: String::new(), next_offset: 0, more: false })
    }
}

fn answer(record: Record, page: Page) -> Result<Reply, ToolError> {
    let answer = Answer::new(record, page);
    Ok(Output { is_error: answer.failed(), ..Output::structured(answer.for_model(), &answer)? }.into())
}

impl Answer {
    pub(super) fn new(record: Record, page: Page) -> Self {
        Self {
            running_seconds: record.seconds(),
            job_id: record.id,
            command: record.title,
            state: record.state,
            exit_code: record.exit_code,
            signal: record.signal,
            output: page.text,
            next_offset: page.next_offset,
            more: page.more,
            output_truncated: record.output_truncated,
        }
    }

    /// Whether the work itself failed, as opposed to going on, having gone well or having been stopped by its owner.
    pub(super) fn failed(&self) -> bool {
        match self.state {
            State::Running | State::Stopped => false,
            State::Exited => self.exit_code != Some(0),
            State::TimedOut | State::Failed | State::Lost => true,
        }
    }

    pub(super) fn for_model(&self) -> String {
        let mut text = self.output.trim_end_matches('\n').to_owned();
        if !text.is_empty() {
            text.push('\n');
        }
        let seconds = self.running_seconds;
        let state = match self.state {
            State::Running => format!("running for {seconds} s"),
            State::Exited => format!("{}, {seconds} s", windlass_core::ended(self.exit_code, self.signal.as_deref())),
            State::TimedOut => format!("ended after its time limit, {seconds} s"),
            State::Stopped => format!("stopped after {seconds} s"),
            State::Failed => "could not be run".into(),
            State::Lost => "lost: the server that ran it is gone, start it again".into(),
        };
        text.push_str(&format!("[{state}]"));
        if self.more {
            text.push_str(&format!("\n[there is more: offset {}]", self.next_offset));
        }
        if self.output_truncated && !self.more {
            text.push_str("\n[it wrote more than is kept]");
        }
        text
    }
}
