//! The streams of a channel.

use std::sync::Arc;

use bytes::Bytes;

use super::{ClientError, Closed, receive::Slot};
use crate::{
    mux::{Credit, Inbox, Outbox},
    protocol::{Frame, MAX_DATA, Stream},
};

/// What a command says, as it says it. Reading it lets the command say more; dropping it lets it say what it likes.
#[derive(Debug)]
pub struct OutputStream {
    slot: Arc<Slot>,
    stream: Stream,
    outbox: Outbox,
}

impl OutputStream {
    pub(super) fn new(slot: &Arc<Slot>, stream: Stream, outbox: &Outbox) -> Self {
        Self { slot: Arc::clone(slot), stream, outbox: outbox.clone() }
    }

    /// The next bytes; `None` at the end. Loses nothing when dropped.
    pub async fn next(&mut self) -> Result<Option<Bytes>, ClientError> {
        self.inbox().next(&self.outbox).await.map_err(|_| self.broke_off())
    }

    fn inbox(&self) -> &Inbox {
        match self.stream {
            Stream::Error => &self.slot.error,
            Stream::Input | Stream::Output => &self.slot.output,
        }
    }

    fn broke_off(&self) -> ClientError {
        let progress = self.slot.progress.borrow();
        match (&progress.done, progress.closed) {
            (Some(Err(error)), _) => error.clone().into(),
            (_, closed) => closed.unwrap_or(Closed::Ended).into(),
        }
    }
}

impl Drop for OutputStream {
    fn drop(&mut self) {
        self.inbox().discard(&self.outbox);
    }
}

/// Where the input of a command or the content of a file goes. Dropping it ends the input.
#[derive(Debug)]
pub struct InputSink {
    slot: Arc<Slot>,
    outbox: Outbox,
}

impl InputSink {
    pub(super) fn new(slot: &Arc<Slot>, outbox: &Outbox) -> Self {
        Self { slot: Arc::clone(slot), outbox: outbox.clone() }
    }

    /// Sends `data`, waiting while the guest takes no more; false when nobody will read it any longer.
    pub async fn write(&mut self, mut data: Bytes) -> bool {
        while !data.is_empty() {
            let most = data.len().min(MAX_DATA as usize);
            let Some(count) = self.slot.input.take(most).await else { return false };
            let unused = Unused { credit: &self.slot.input, count };
            let Some(place) = self.outbox.place().await else { return false };
            std::mem::forget(unused);
            let piece = data.split_to(count);
            if !self.outbox.send_in(place, Frame::data(self.slot.id, Stream::Input, piece)) {
                return false;
            }
        }
        true
    }
}

impl Drop for InputSink {
    fn drop(&mut self) {
        self.outbox.send(Frame::end(self.slot.id, Stream::Input));
    }
}

/// Credit that goes back if the write is dropped before it was used.
struct Unused<'a> {
    credit: &'a Credit,
    count: usize,
}

impl Drop for Unused<'_> {
    fn drop(&mut self) {
        self.credit.put_back(self.count);
    }
}
