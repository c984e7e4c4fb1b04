//! A command that runs.

use std::{sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use tokio::time::timeout;

use super::{ClientError, Connection, InputSink, OutputStream, channel::Channel};
use crate::{
    guest::signal_by_name,
    protocol::{Control, ExecRequest, Exit, Frame, Kind, Outcome, ProtocolError, PtySize, Request, Started, Stream},
};

/// A command that runs in a guest. Dropping it ends the command and everything it started.
#[derive(Debug)]
pub struct Running {
    channel: Channel,
    pid: u32,
    stdin: Option<InputSink>,
    stdout: Option<OutputStream>,
    stderr: Option<OutputStream>,
}

/// A command that ended, with what it said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finished {
    /// How it ended.
    pub exit: Exit,
    /// The beginning of its standard output.
    pub stdout: Bytes,
    /// The beginning of its standard error.
    pub stderr: Bytes,
    /// It said more than that.
    pub truncated: bool,
}

impl Running {
    pub(super) async fn start(
        connection: &Arc<Connection>,
        request: ExecRequest,
        within: Duration,
    ) -> Result<Self, ClientError> {
        let with_input = request.stdin;
        let starting = async {
            let mut channel = Channel::open(connection, &Request::Exec(Box::new(request))).await?;
            let Started::Exec { pid } = channel.started().await? else {
                return Err(connection.breach(ProtocolError::WrongAnswer(channel.id())));
            };
            Ok((channel, pid))
        };
        let (channel, pid) = timeout(within, starting).await.map_err(|_| ClientError::Timeout)??;
        let (slot, outbox) = (&channel.slot, &connection.outbox);
        let stdin = with_input.then(|| InputSink::new(slot, outbox));
        let stdout = Some(OutputStream::new(slot, Stream::Output, outbox));
        let stderr = Some(OutputStream::new(slot, Stream::Error, outbox));
        Ok(Self { channel, pid, stdin, stdout, stderr })
    }

    /// The number of its process, as the guest sees it.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Its input, once, if it gets any.
    pub fn take_stdin(&mut self) -> Option<InputSink> {
        self.stdin.take()
    }

    /// Its standard output, once.
    pub fn take_stdout(&mut self) -> Option<OutputStream> {
        self.stdout.take()
    }

    /// Its standard error, once.
    pub fn take_stderr(&mut self) -> Option<OutputStream> {
        self.stderr.take()
    }

    /// Sends a signal to its process group, by name. It is lost if the command has ended.
    pub fn signal(&self, name: &str) -> Result<(), ClientError> {
        if signal_by_name(name).is_none() {
            return Err(ClientError::NoSuchSignal(name.chars().take(32).collect()));
        }
        self.control(&Control::Signal(name.into()));
        Ok(())
    }

    /// Tells its terminal the new size.
    pub fn resize(&self, size: PtySize) {
        self.control(&Control::Resize(size));
    }

    /// Waits for its end. Input and output that were not taken are ended and dropped. After `within`, it is cancelled.
    pub async fn wait(mut self, within: Duration) -> Result<Exit, ClientError> {
        drop((self.stdin.take(), self.stdout.take(), self.stderr.take()));
        timeout(within, self.exit()).await.map_err(|_| ClientError::Timeout)?
    }

    /// Waits for its end and keeps up to `limit` bytes of each output. After `within`, it is cancelled.
    pub async fn collect(mut self, limit: usize, within: Duration) -> Result<Finished, ClientError> {
        drop(self.stdin.take());
        let (stdout, stderr) = (self.stdout.take(), self.stderr.take());
        let collecting = async {
            let (stdout, stderr) = tokio::join!(keep(stdout, limit), keep(stderr, limit));
            let exit = self.exit().await?;
            let (stdout, stderr) = (stdout?, stderr?);
            Ok(Finished { exit, truncated: stdout.1 || stderr.1, stdout: stdout.0, stderr: stderr.0 })
        };
        timeout(within, collecting).await.map_err(|_| ClientError::Timeout)?
    }

    async fn exit(&mut self) -> Result<Exit, ClientError> {
        match self.channel.done().await? {
            Outcome::Exit(exit) => Ok(exit),
            _ => Err(self.channel.connection.breach(ProtocolError::WrongAnswer(self.channel.id()))),
        }
    }

    fn control(&self, control: &Control) {
        self.channel.tell(Frame::json(Kind::Control, self.channel.id(), control));
    }
}

/// Reads to the end and keeps the beginning; true if that is not all.
async fn keep(stream: Option<OutputStream>, limit: usize) -> Result<(Bytes, bool), ClientError> {
    let (mut kept, mut more) = (BytesMut::new(), false);
    let Some(mut stream) = stream else { return Ok((kept.freeze(), more)) };
    while let Some(bytes) = stream.next().await? {
        let room = bytes.len().min(limit - kept.len());
        kept.extend_from_slice(&bytes[..room]);
        more |= room < bytes.len();
    }
    Ok((kept.freeze(), more))
}
