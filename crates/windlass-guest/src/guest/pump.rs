//! Bytes between a command's pipes and its channel.

use std::{io, sync::Arc};

use bytes::Bytes;
use tokio::{io::AsyncWriteExt, sync::watch};

use crate::{
    fd::FdStream,
    mux::{Credit, Inbox, Outbox},
    protocol::{Frame, MAX_DATA, Stream},
};

/// What a terminal takes for the end of input.
const END_OF_INPUT: &[u8] = b"\x04";

/// One stream out of a command.
pub(super) struct Output {
    pub(super) channel: u32,
    pub(super) stream: Stream,
    pub(super) from: FdStream,
    pub(super) credit: Arc<Credit>,
    pub(super) outbox: Outbox,
    /// True when only what is there now is still wanted.
    pub(super) last_call: watch::Receiver<bool>,
}

impl Output {
    /// Sends what comes until its end. Nothing is read without credit for it: the command waits, and nobody else.
    pub(super) async fn pump(mut self) {
        let mut buffer = vec![0; MAX_DATA as usize];
        while let Some(space) = self.credit.take(buffer.len()).await {
            let read = self.read(&mut buffer[..space]).await.unwrap_or(0);
            self.credit.put_back(space - read);
            let data = Bytes::copy_from_slice(&buffer[..read]);
            if read == 0 || !self.outbox.send_bulk(Frame::data(self.channel, self.stream, data)).await {
                break;
            }
        }
        self.outbox.send(Frame::end(self.channel, self.stream));
        // Something kept alive in the background may go on writing: it must not die of a closed pipe.
        if *self.last_call.borrow() {
            tokio::spawn(async move { while !matches!(self.from.read_some(&mut buffer).await, Ok(0) | Err(_)) {} });
        }
    }

    async fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let called = tokio::select! {
            biased;
            read = self.from.read_some(into) => return read,
            called = self.last_call.wait_for(|called| *called) => called.is_ok(),
        };
        if called { self.from.read_now(into) } else { Ok(0) }
    }
}

/// The input of a command.
pub(super) struct Input {
    pub(super) channel: u32,
    pub(super) from: Arc<Inbox>,
    pub(super) to: FdStream,
    pub(super) outbox: Outbox,
    pub(super) terminal: bool,
}

impl Input {
    /// Writes what comes until its end, then closes.
    pub(super) async fn pump(mut self) {
        while let Ok(Some(bytes)) = self.from.next(&self.outbox).await {
            if self.to.write_all(&bytes).await.is_err() {
                self.outbox.send(Frame::end(self.channel, Stream::Input));
                return;
            }
        }
        if self.terminal {
            let _ = self.to.write_all(END_OF_INPUT).await;
        }
    }
}
