//! What is said to qemu itself.

use std::{
    io::{self, IoSlice},
    mem::MaybeUninit,
    os::fd::{AsFd, BorrowedFd},
    time::Duration,
};

use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, BufReader, Interest},
    net::UnixStream,
};

use crate::backend::BackendError;

/// How long qemu may take to answer.
const ANSWER: Duration = Duration::from_secs(30);
/// How often is asked whether a machine is stored or woken.
const ROUND: Duration = Duration::from_millis(5);
/// How long that may take.
const MIGRATE: Duration = Duration::from_secs(60);
/// The longest line it may say: a guest that took it over must not fill our memory.
const LINE: u64 = 1 << 20;

/// The monitor of one qemu.
#[derive(Debug)]
pub(super) struct Qmp {
    stream: BufReader<UnixStream>,
}

impl Qmp {
    /// Greets it.
    pub async fn new(stream: UnixStream) -> Result<Self, BackendError> {
        let mut this = Self { stream: BufReader::new(stream) };
        this.within(async |qmp| qmp.line().await).await?;
        this.run("qmp_capabilities", json!({})).await?;
        Ok(this)
    }

    /// Runs a command and returns what it answers.
    async fn run(&mut self, command: &str, arguments: Value) -> Result<Value, BackendError> {
        self.send(command, arguments, None).await
    }

    /// Stores the machine in `file`: all but memory that is a shared file already. Then it stands still.
    pub async fn store(&mut self, file: impl AsFd) -> Result<(), BackendError> {
        self.leave_memory().await?;
        self.send("getfd", json!({ "fdname": "devices" }), Some(file.as_fd())).await?;
        self.run("migrate", json!({ "uri": "fd:devices" })).await?;
        self.migrated().await
    }

    /// Has a machine go on that stands still.
    pub async fn go_on(&mut self) -> Result<(), BackendError> {
        self.run("cont", json!({})).await.map(|_| ())
    }

    /// Ends qemu.
    pub async fn quit(&mut self) -> Result<(), BackendError> {
        self.run("quit", json!({})).await.map(|_| ())
    }

    /// Has the machine go on that was stored in a file which qemu has as descriptor `number`.
    pub async fn wake(&mut self, number: i32) -> Result<(), BackendError> {
        self.leave_memory().await?;
        self.run("migrate-incoming", json!({ "uri": format!("fd:{number}") })).await?;
        self.migrated().await
    }

    async fn leave_memory(&mut self) -> Result<(), BackendError> {
        let capabilities = json!([{ "capability": "x-ignore-shared", "state": true }]);
        self.run("migrate-set-capabilities", json!({ "capabilities": capabilities })).await.map(|_| ())
    }

    /// Waits until what was begun is done.
    async fn migrated(&mut self) -> Result<(), BackendError> {
        let done = async {
            loop {
                let told = self.run("query-migrate", json!({})).await?;
                match told["status"].as_str() {
                    Some("completed") => return Ok(()),
                    Some(status @ ("failed" | "cancelled")) => {
                        let why = told["error-desc"].as_str().unwrap_or(status);
                        return Err(BackendError::Ended(format!("the machine cannot be stored or woken: {why}")));
                    }
                    _ => tokio::time::sleep(ROUND).await,
                }
            }
        };
        let late = |_| Err(BackendError::Ended("the machine cannot be stored or woken: it takes too long".into()));
        tokio::time::timeout(MIGRATE, done).await.unwrap_or_else(late)
    }

    async fn send(
        &mut self,
        command: &str,
        arguments: Value,
        file: Option<BorrowedFd<'_>>,
    ) -> Result<Value, BackendError> {
        let text = format!("{}\n", json!({ "execute": command, "arguments": arguments }));
        self.within(async |qmp| {
            let stream = qmp.stream.get_ref();
            let mut sent = 0;
            while sent < text.len() {
                let rest = &text.as_bytes()[sent..];
                let file = file.filter(|_| sent == 0);
                sent += stream.async_io(Interest::WRITABLE, || write(stream, rest, file)).await?;
            }
            loop {
                let mut said = qmp.line().await?;
                if let Some(answer) = said.get_mut("return") {
                    return Ok(answer.take());
                }
                if let Some(error) = said.get("error") {
                    return Err(io::Error::other(format!(
                        "{command}: {}",
                        error["desc"].as_str().unwrap_or("refused")
                    )));
                }
                // Anything else tells of an event.
            }
        })
        .await
    }

    async fn line(&mut self) -> io::Result<Value> {
        let mut line = Vec::new();
        (&mut self.stream).take(LINE).read_until(b'\n', &mut line).await?;
        if line.last() != Some(&b'\n') {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(serde_json::from_slice(&line)?)
    }

    async fn within<T>(&mut self, work: impl AsyncFnOnce(&mut Self) -> io::Result<T>) -> Result<T, BackendError> {
        let late = |_| io::Error::from(io::ErrorKind::TimedOut);
        let done = tokio::time::timeout(ANSWER, work(self)).await.unwrap_or_else(|error| Err(late(error)));
        done.map_err(BackendError::io("speaking to qemu"))
    }
}

fn write(stream: &UnixStream, text: &[u8], file: Option<BorrowedFd<'_>>) -> io::Result<usize> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    let files: Vec<BorrowedFd<'_>> = file.into_iter().collect();
    if !files.is_empty() {
        control.push(SendAncillaryMessage::ScmRights(&files));
    }
    Ok(sendmsg(stream, &[IoSlice::new(text)], &mut control, SendFlags::NOSIGNAL | SendFlags::DONTWAIT)?)
}
