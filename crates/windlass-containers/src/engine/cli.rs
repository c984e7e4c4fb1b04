//! One call of the engine's program.

use std::{ffi::OsString, path::PathBuf, process::Stdio, time::Duration};

use tokio::{io::AsyncReadExt, process::Command};

use super::EngineError;

/// What most calls may take; an engine under load is slow, a stuck one is stuck for ever.
pub(super) const PATIENCE: Duration = Duration::from_secs(120);

/// Bytes of one stream that are kept, the last ones.
const KEPT: usize = 16 << 20;
/// Bytes of an error that are shown, the last ones.
const SHOWN: usize = 2000;

/// The engine's program, and what it is told every time.
#[derive(Debug, Clone)]
pub(super) struct Cli {
    pub program: PathBuf,
    pub global: Vec<OsString>,
}

/// What came of a call.
pub(super) struct Called {
    pub command: String,
    pub status: Option<i32>,
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
}

impl Cli {
    pub fn command(&self, arguments: &[OsString]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.global).args(arguments);
        // A program that speaks another language would say the same with other words.
        command.env("LC_ALL", "C").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.kill_on_drop(true);
        command
    }

    /// Calls and returns whatever came of it.
    pub async fn attempt(&self, arguments: &[OsString], patience: Duration) -> Result<Called, EngineError> {
        let line = self.line(arguments);
        let mut child = self.command(arguments).spawn().map_err(EngineError::io(format!("`{line}` did not start")))?;
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let all = async {
            let (stdout, stderr, status) = tokio::join!(last(stdout), last(stderr), child.wait());
            status.map(|status| (stdout, stderr, status))
        };
        let ended = tokio::time::timeout(patience, all).await;
        let (stdout, stderr, status) = ended
            .map_err(|_| EngineError::TimedOut { command: line.clone(), after: patience })?
            .map_err(EngineError::io(format!("`{line}` was lost")))?;
        Ok(Called { command: line, status: status.code(), stdout, stderr })
    }

    /// Calls; a failure is an error.
    pub async fn run(&self, arguments: &[OsString]) -> Result<Called, EngineError> {
        self.run_within(arguments, PATIENCE).await
    }

    pub async fn run_within(&self, arguments: &[OsString], patience: Duration) -> Result<Called, EngineError> {
        self.attempt(arguments, patience).await?.ok()
    }

    /// As one would type it.
    pub fn line(&self, arguments: &[OsString]) -> String {
        let words = self.global.iter().chain(arguments).map(|word| word.to_string_lossy());
        std::iter::once(self.program.to_string_lossy()).chain(words).collect::<Vec<_>>().join(" ")
    }
}

impl Called {
    pub fn succeeded(&self) -> bool {
        self.status == Some(0)
    }

    pub fn ok(self) -> Result<Self, EngineError> {
        if self.succeeded() { Ok(self) } else { Err(self.failed()) }
    }

    pub fn failed(self) -> EngineError {
        let stderr = self.said();
        EngineError::Failed { command: self.command, status: self.status, stderr }
    }

    /// The end of what it said about its failure.
    pub fn said(&self) -> String {
        let text = String::from_utf8_lossy(&self.stderr);
        let text = text.trim();
        let start = (0..=text.len().saturating_sub(SHOWN)).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text[start..].to_owned()
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).trim().to_owned()
    }

    pub fn json<T: serde::de::DeserializeOwned>(&self) -> Result<T, EngineError> {
        serde_json::from_slice(&self.stdout)
            .map_err(|error| EngineError::Unreadable { command: self.command.clone(), problem: error.to_string() })
    }
}

/// Reads to the end and keeps the last [`KEPT`] bytes.
async fn last(stream: Option<impl tokio::io::AsyncRead + Unpin>) -> Vec<u8> {
    let Some(mut stream) = stream else { return Vec::new() };
    let (mut kept, mut buffer) = (Vec::new(), vec![0; 64 << 10]);
    // An error here is the end of the stream: what the program made of it is in its exit code.
    while let Ok(count @ 1..) = stream.read(&mut buffer).await {
        kept.extend_from_slice(buffer.get(..count).unwrap_or_default());
        if kept.len() > 2 * KEPT {
            kept.drain(..kept.len() - KEPT);
        }
    }
    kept.drain(..kept.len().saturating_sub(KEPT));
    kept
}

/// The words of a command line.
macro_rules! words {
    ($($word:expr),* $(,)?) => { [$(std::ffi::OsString::from($word)),*] };
}
pub(super) use words;
