//! `run_command`.

use std::{
    fmt::Write,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use schemars::JsonSchema;
use serde::Serialize;
use tokio::time::{Instant, MissedTickBehavior, interval};
use windlass_core::{Call, ErrorKind, Output, Reply, ToolError};

use super::{Approved, ShellToolset};
use crate::exec::{RunError, RunIo, RunResult};

/// Time left to bring an answer home before the call's own deadline drops it.
const MARGIN: Duration = Duration::from_secs(1);
/// Progress is told at most this often, where there is news.
const PROGRESS: Duration = Duration::from_secs(1);
/// And this often where there is none.
const KEEP_ALIVE: Duration = Duration::from_secs(10);
/// Bytes of a line worth showing as progress.
const LINE: usize = 200;

/// How a command ended.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub(super) struct Answer {
    /// Exit code of the last command that ran. Absent when a signal ended it.
    #[serde(skip_serializing_if = "Option::is_none")]
    exit_code: Option<i32>,
    /// The signal that ended it, e.g. SIGKILL.
    #[serde(skip_serializing_if = "Option::is_none")]
    signal: Option<String>,
    /// Whether it was ended because its time was over.
    timed_out: bool,
    /// Milliseconds from start to end.
    duration_ms: u64,
    /// Standard output, or its beginning and end.
    stdout: String,
    /// Standard error, or its beginning and end.
    stderr: String,
    /// Whether `stdout` is not the whole.
    stdout_truncated: bool,
    /// Whether `stderr` is not the whole.
    stderr_truncated: bool,
    /// Where read_output finds the whole of stdout.
    #[serde(skip_serializing_if = "Option::is_none")]
    stdout_handle: Option<String>,
    /// Where read_output finds the whole of stderr.
    #[serde(skip_serializing_if = "Option::is_none")]
    stderr_handle: Option<String>,
    /// Bytes written to standard output.
    stdout_bytes: u64,
    /// Bytes written to standard error.
    stderr_bytes: u64,
    /// Milliseconds of processor time.
    cpu_ms: u64,
    /// Largest memory of one process, in KiB.
    max_rss_kib: u64,
}

impl ShellToolset {
    pub(super) async fn run_command(&self, call: Call) -> Result<Reply, ToolError> {
        let approved = self.approve(call.arguments()?)?;
        let limit = self.time_limit(approved.timeout)?.min(call.deadline.remaining().saturating_sub(MARGIN));
        let Approved { plan, directory, environment, stdin, .. } = approved;
        let news = Arc::new(Mutex::new(News::default()));
        let writer = news.clone();
        let io = RunIo {
            stdin,
            directory,
            environment,
            timeout: Some(limit),
            cancel: call.cancel.clone(),
            stdout: call.outputs.open(&call.principal, "stdout"),
            stderr: call.outputs.open(&call.principal, "stderr"),
            on_output: Some(Arc::new(move |bytes| writer.lock().unwrap_or_else(PoisonError::into_inner).take(bytes))),
        };
        let result = tokio::select! {
            result = self.inner.executor.run(&plan, io) => result,
            never = tell_progress(&call, &news) => never,
        };
        let result = result.map_err(ToolError::from)?;
        if result.cancelled && !result.timed_out {
            return Err(ToolError::new(ErrorKind::Cancelled, "the command was ended because its call was cancelled"));
        }
        let is_error = !result.succeeded();
        let answer = Answer::from(result);
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

/// The last line of output, for people who watch.
#[derive(Default)]
struct News {
    line: Vec<u8>,
    ended: bool,
    fresh: bool,
}

impl News {
    fn take(&mut self, bytes: &[u8]) {
        let end = bytes.trim_ascii_end();
        if end.is_empty() {
            self.ended |= bytes.contains(&b'\n');
            return;
        }
        let start = end.iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1);
        if start > 0 || self.ended {
            self.line.clear();
        }
        self.line.extend_from_slice(&end[start..]);
        self.line.truncate(LINE);
        self.ended = bytes.len() > end.len();
        self.fresh = true;
    }

    fn fresh(&mut self) -> Option<String> {
        std::mem::take(&mut self.fresh).then(|| String::from_utf8_lossy(&self.line).into_owned())
    }
}

/// Tells the client what goes on until it is dropped.
async fn tell_progress<T>(call: &Call, news: &Mutex<News>) -> T {
    let start = Instant::now();
    let mut last = start;
    let mut ticks = interval(PROGRESS);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks.tick().await;
    loop {
        let now = ticks.tick().await;
        let line = news.lock().unwrap_or_else(PoisonError::into_inner).fresh();
        if line.is_some() || now.duration_since(last) >= KEEP_ALIVE {
            last = now;
            let message = line.unwrap_or_else(|| "still running".into());
            call.client.progress(start.elapsed().as_secs_f64(), None, Some(message)).await;
        }
    }
}

impl From<RunResult> for Answer {
    fn from(result: RunResult) -> Self {
        let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let (stdout, stderr) = (result.stdout, result.stderr);
        Self {
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
}

impl Answer {
    fn for_model(&self, limit: Duration) -> String {
        let mut text = String::new();
        if !self.stdout.is_empty() {
            text.push_str(self.stdout.trim_end_matches('\n'));
            text.push('\n');
        }
        if !self.stderr.is_empty() {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "[stderr]\n{}", self.stderr.trim_end_matches('\n'));
        }
        let seconds = self.duration_ms as f64 / 1000.0;
        let ended = ended(self.exit_code, self.signal.as_deref());
        let _ = match self.timed_out {
            true => write!(text, "[ended after the time limit of {:.1} s]", limit.as_secs_f64()),
            false => write!(text, "[{ended}, {seconds:.1} s]"),
        };
        let streams = [
            ("stdout", self.stdout_truncated, self.stdout_bytes, &self.stdout_handle),
            ("stderr", self.stderr_truncated, self.stderr_bytes, &self.stderr_handle),
        ];
        for (name, _, bytes, handle) in streams.into_iter().filter(|(_, truncated, ..)| *truncated) {
            let _ = match handle {
                Some(handle) => write!(
                    text,
                    "\n[{name} is shown in part; read_output and search_output have the rest of its {bytes} bytes, as far as it was kept, under {handle}]"
                ),
                None => write!(text, "\n[{name} is shown in part; it had {bytes} bytes]"),
            };
        }
        text
    }
}

/// An end in words.
pub(super) fn ended(exit_code: Option<i32>, signal: Option<&str>) -> String {
    match (exit_code, signal) {
        (Some(code), _) => format!("exit code {code}"),
        (None, Some(signal)) => format!("ended by {signal}"),
        (None, None) => "ended".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_as_a_model_reads_it() {
        let answer = Answer {
            exit_code: Some(2),
            duration_ms: 1234,
            stdout: "one\ntwo\n".into(),
            stderr: "bad\n".into(),
            stdout_truncated: true,
            stdout_handle: Some("out_1".into()),
            stdout_bytes: 300_000_000,
            ..Answer::default()
        };
        insta::assert_snapshot!(answer.for_model(Duration::from_secs(30)), @r"
        one
        two
        [stderr]
        bad
        [exit code 2, 1.2 s]
        [stdout is shown in part; read_output and search_output have the rest of its 300000000 bytes, as far as it was kept, under out_1]
        ");
        let answer = Answer { timed_out: true, ..Answer::default() };
        insta::assert_snapshot!(answer.for_model(Duration::from_secs(30)), @"[ended after the time limit of 30.0 s]");
        let answer = Answer { signal: Some("SIGSEGV".into()), ..Answer::default() };
        insta::assert_snapshot!(answer.for_model(Duration::from_secs(30)), @"[ended by SIGSEGV, 0.0 s]");
    }

    #[test]
    fn news_is_the_last_line() {
        let mut news = News::default();
        assert_eq!(news.fresh(), None);
        for (piece, line) in [("one\ntw", "tw"), ("o", "two"), ("\n", "two"), ("three\n\n", "three")] {
            news.take(piece.as_bytes());
            news.fresh = true;
            assert_eq!(news.fresh().unwrap(), line);
        }
        news.take(&[b'x'; 100_000]);
        assert_eq!(news.fresh().unwrap().len(), LINE);
    }
}
