//! A child process that speaks JSON lines.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWriteExt, BufReader},
    process::{Child, ChildStdin},
    sync::mpsc,
};

use super::protocol::{METHOD_NOT_FOUND, MODERN, Outcome, PARSE_ERROR, Peer, Reply, request, with_meta};
use crate::{
    error::ClientError,
    process::{GRACE, Group, Tail, command, spawn_error},
    target::StdioTarget,
};

/// A longer line than this is not a message.
const LONGEST_LINE: u64 = 16 << 20;

/// A running server.
pub(super) struct Pipe {
    // Declared first so that it is dropped first: the group must be killed before the child is reaped.
    group: Group,
    child: Child,
    stdin: Option<ChildStdin>,
    lines: mpsc::Receiver<Result<Value, String>>,
    stderr: Tail,
    timeout: Duration,
    next: i64,
    /// Whether requests carry what the stateless revision wants.
    pub(super) modern: bool,
    /// Lines on standard output that are no messages.
    pub(super) noise: Vec<String>,
}

/// How a server left.
pub(super) enum Exit {
    Alone,
    AfterSignal,
    Killed,
}

impl Pipe {
    pub(super) fn spawn(target: &StdioTarget, timeout: Duration) -> Result<Self, ClientError> {
        let mut child = command(target)?.spawn().map_err(|error| spawn_error(target, &error))?;
        let group = Group::of(&child);
        let no_pipe = || ClientError::unreachable("the child has no pipes", "");
        let stdout = child.stdout.take().ok_or_else(no_pipe)?;
        let errors = child.stderr.take().ok_or_else(no_pipe)?;
        let stdin = child.stdin.take();
        let (sender, lines) = mpsc::channel(64);
        tokio::spawn(read_lines(stdout, sender));
        let stderr = Tail::of(errors);
        Ok(Self { group, child, stdin, lines, stderr, timeout, next: 0, modern: false, noise: Vec::new() })
    }

    /// Writes one line.
    pub(super) async fn write(&mut self, line: &str) -> Result<(), String> {
        let timeout = self.timeout;
        let gone = || "the server closed its standard input".to_owned();
        let stdin = self.stdin.as_mut().ok_or_else(gone)?;
        let written = async {
            stdin.write_all(format!("{line}\n").as_bytes()).await?;
            stdin.flush().await
        };
        match tokio::time::timeout(timeout, written).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(gone()),
            Err(_) => Err("the server does not read its standard input".into()),
        }
    }

    pub(super) async fn notify(&mut self, method: &str) -> Result<(), String> {
        self.write(&json!({ "jsonrpc": "2.0", "method": method }).to_string()).await
    }

    /// Reads until the answer to `id`, answering what the server asks in between.
    async fn answer(&mut self, id: &Value) -> Outcome {
        let deadline = Instant::now() + self.timeout;
        loop {
            let line = match tokio::time::timeout_at(deadline.into(), self.lines.recv()).await {
                Ok(Some(line)) => line,
                Ok(None) => return Outcome::Nothing(self.epitaph().await),
                Err(_) => return Outcome::Nothing(format!("no answer within {} s", self.timeout.as_secs_f32())),
            };
            let message = match line {
                Ok(message) => message,
                Err(noise) => {
                    self.noise.push(noise);
                    continue;
                }
            };
            if Outcome::answers(&message, id) {
                return Outcome::read(&message, id);
            }
            self.serve(&message).await;
        }
    }

    /// Servers may ask too; this client offers nothing but signs of life.
    async fn serve(&mut self, message: &Value) {
        let (Some(id), Some(method)) = (message.get("id"), message.get("method").and_then(Value::as_str)) else {
            return;
        };
        let answer = match method {
            "ping" => json!({ "jsonrpc": "2.0", "id": id, "result": {} }),
            _ => json!({ "jsonrpc": "2.0", "id": id,
                         "error": { "code": METHOD_NOT_FOUND, "message": "this client only checks" } }),
        };
        // If the server is gone, the answer it owes us will say so.
        let _ = self.write(&answer.to_string()).await;
    }

    /// Sends half a message: true when the server says that it was none, false when it stays silent.
    pub(super) async fn stumble(&mut self) -> Result<bool, String> {
        self.write(r#"{"jsonrpc":"2.0","id":"#).await?;
        // Answers come in order from most servers, so a request right behind shows whether the first was passed over.
        self.next += 1;
        let id = json!(self.next);
        let params = if self.modern { with_meta(json!({}), MODERN) } else { json!({}) };
        self.write(&request(&id, "tools/list", params).to_string()).await?;
        match self.answer(&id).await {
            Outcome::Error { code: PARSE_ERROR, .. } => match self.answer(&id).await {
                Outcome::Nothing(what) => Err(what),
                _ => Ok(true),
            },
            Outcome::Nothing(what) => Err(what),
            Outcome::Result(_) | Outcome::Error { .. } => Ok(false),
        }
    }

    /// What is known about a server that is gone.
    async fn epitaph(&mut self) -> String {
        let status = tokio::time::timeout(GRACE, self.child.wait()).await;
        let mut text = match status {
            Ok(Ok(status)) => format!("the server ended ({status})"),
            _ => "the server closed its standard output".to_owned(),
        };
        let words = self.stderr.last_words().await;
        if !words.is_empty() {
            text.push_str(&format!("; stderr: {words}"));
        }
        text
    }

    /// Closes standard input and waits for the server to leave; helps it along where it does not.
    pub(super) async fn close(mut self) -> (Exit, Vec<String>) {
        drop(self.stdin.take());
        // A server that still wants to write must not block on a pipe nobody reads.
        let drain = async {
            while let Some(line) = self.lines.recv().await {
                if let Err(noise) = line {
                    self.noise.push(noise);
                }
            }
            std::future::pending::<()>().await
        };
        let left = tokio::select! {
            left = tokio::time::timeout(GRACE, self.child.wait()) => left,
            () = drain => unreachable!("draining never completes"),
        };
        if left.is_ok() {
            return (Exit::Alone, std::mem::take(&mut self.noise));
        }
        self.group.terminate();
        let exit = match tokio::time::timeout(GRACE, self.child.wait()).await {
            Ok(_) => Exit::AfterSignal,
            Err(_) => Exit::Killed,
        };
        (exit, std::mem::take(&mut self.noise))
    }
}

impl Peer for Pipe {
    async fn request(&mut self, method: &str, params: Value) -> Reply {
        self.next += 1;
        let id = json!(self.next);
        let params = if self.modern { with_meta(params, MODERN) } else { params };
        let started = Instant::now();
        let outcome = match self.write(&request(&id, method, params).to_string()).await {
            Ok(()) => self.answer(&id).await,
            Err(_) => Outcome::Nothing(self.epitaph().await),
        };
        Reply { outcome, took: started.elapsed(), status: None, port: None }
    }
}

async fn read_lines(stdout: impl AsyncRead + Unpin, sender: mpsc::Sender<Result<Value, String>>) {
    let mut reader = BufReader::new(stdout);
    let mut line = Vec::new();
    loop {
        line.clear();
        match (&mut reader).take(LONGEST_LINE).read_until(b'\n', &mut line).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        let text = String::from_utf8_lossy(&line);
        if text.trim().is_empty() {
            continue;
        }
        let message = match serde_json::from_str::<Value>(&text) {
            Ok(message) if message.is_object() => Ok(message),
            _ => Err(text.trim().chars().take(80).collect()),
        };
        if sender.send(message).await.is_err() {
            return;
        }
    }
}
