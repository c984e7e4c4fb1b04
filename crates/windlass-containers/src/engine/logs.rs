//! What a container wrote.

use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader},
    process::Child,
    sync::mpsc,
};

use super::{
    Engine, EngineError,
    cli::{PATIENCE, words},
};

/// Longest line that is handed on whole; the rest of a longer one follows as lines of its own.
const MAX_LINE: u64 = 1 << 20;

/// What a container wrote so far.
#[derive(Debug, Clone, Default)]
pub struct Logs {
    /// On standard output.
    pub stdout: String,
    /// On standard error.
    pub stderr: String,
}

/// Which stream a line came on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogStream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// A line a container wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// Where.
    pub stream: LogStream,
    /// What, without the end of the line.
    pub text: String,
}

/// Lines as they are written, until the container ends or this is dropped.
#[derive(Debug)]
pub struct FollowedLogs {
    lines: mpsc::Receiver<LogLine>,
    // Dropped with this, and killed then.
    _child: Child,
}

impl FollowedLogs {
    /// The next line; `None` when the container has ended.
    pub async fn next(&mut self) -> Option<LogLine> {
        self.lines.recv().await
    }
}

impl Engine {
    /// What a container wrote; of each stream the last 16 MiB at most.
    pub async fn logs(&self, name: &str) -> Result<Logs, EngineError> {
        // Not with `--tail`: there podman puts the parts of long lines in a wrong order.
        let called = self.cli.attempt(&words!["logs", name], PATIENCE).await?.ok()?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ok(Logs { stdout: text(&called.stdout), stderr: text(&called.stderr) })
    }

    /// What a container writes from now on, after the last `tail` lines.
    pub fn follow_logs(&self, name: &str, tail: u32) -> Result<FollowedLogs, EngineError> {
        let arguments = words!["logs", "--follow", "--tail", tail.to_string(), name];
        let line = self.cli.line(&arguments);
        let mut child =
            self.cli.command(&arguments).spawn().map_err(EngineError::io(format!("`{line}` did not start")))?;
        let (sender, lines) = mpsc::channel(256);
        if let (Some(stdout), Some(stderr)) = (child.stdout.take(), child.stderr.take()) {
            tokio::spawn(pass(stdout, LogStream::Stdout, sender.clone()));
            tokio::spawn(pass(stderr, LogStream::Stderr, sender));
        }
        Ok(FollowedLogs { lines, _child: child })
    }
}

async fn pass(from: impl AsyncRead + Unpin, stream: LogStream, to: mpsc::Sender<LogLine>) {
    let mut from = BufReader::new(from);
    loop {
        let mut line = Vec::new();
        match (&mut from).take(MAX_LINE).read_until(b'\n', &mut line).await {
            Ok(1..) => {
                let text = String::from_utf8_lossy(&line).trim_end_matches(['\n', '\r']).to_owned();
                if to.send(LogLine { stream, text }).await.is_err() {
                    return;
                }
            }
            // Its end, or a broken pipe, which is the same to whoever reads.
            _ => return,
        }
    }
}
