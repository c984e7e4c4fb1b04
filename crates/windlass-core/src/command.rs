//! How a command ended, whoever ran it.

use std::{fmt::Write, time::Duration};

use schemars::JsonSchema;
use serde::Serialize;

/// How a command ended.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub struct CommandAnswer {
    /// Exit code of the last command that ran. Absent when a signal ended it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// The signal that ended it, e.g. SIGKILL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signal: Option<String>,
    /// Whether it was ended because its time was over.
    pub timed_out: bool,
    /// Milliseconds from start to end.
    pub duration_ms: u64,
    /// Standard output, or its beginning and end.
    pub stdout: String,
    /// Standard error, or its beginning and end.
    pub stderr: String,
    /// Whether `stdout` is not the whole.
    pub stdout_truncated: bool,
    /// Whether `stderr` is not the whole.
    pub stderr_truncated: bool,
    /// Where read_output finds the whole of stdout.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stdout_handle: Option<String>,
    /// Where read_output finds the whole of stderr.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stderr_handle: Option<String>,
    /// Bytes written to standard output.
    pub stdout_bytes: u64,
    /// Bytes written to standard error.
    pub stderr_bytes: u64,
    /// Milliseconds of processor time.
    pub cpu_ms: u64,
    /// Largest memory of one process, in KiB.
    pub max_rss_kib: u64,
}

impl CommandAnswer {
    /// As a model reads it. `limit` is the time the command had.
    pub fn for_model(&self, limit: Duration) -> String {
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
pub fn ended(exit_code: Option<i32>, signal: Option<&str>) -> String {
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
        let answer = CommandAnswer {
            exit_code: Some(2),
            duration_ms: 1234,
            stdout: "one\ntwo\n".into(),
            stderr: "bad\n".into(),
            stdout_truncated: true,
            stdout_handle: Some("out_1".into()),
            stdout_bytes: 300_000_000,
            ..CommandAnswer::default()
        };
        insta::assert_snapshot!(answer.for_model(Duration::from_secs(30)), @r"
        one
        two
        [stderr]
        bad
        [exit code 2, 1.2 s]
        [stdout is shown in part; read_output and search_output have the rest of its 300000000 bytes, as far as it was kept, under out_1]
        ");
        let answer = CommandAnswer { timed_out: true, ..CommandAnswer::default() };
        insta::assert_snapshot!(answer.for_model(Duration::from_secs(30)), @"[ended after the time limit of 30.0 s]");
        let answer = CommandAnswer { signal: Some("SIGSEGV".into()), ..CommandAnswer::default() };
        insta::assert_snapshot!(answer.for_model(Duration::from_secs(30)), @"[ended by SIGSEGV, 0.0 s]");
    }
}
