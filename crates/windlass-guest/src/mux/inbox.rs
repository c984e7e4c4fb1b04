//! What came on a stream and was not read yet.

use std::sync::{Mutex, PoisonError};

use bytes::{Bytes, BytesMut};
use tokio::sync::Notify;

use super::Outbox;
use crate::protocol::{Frame, INITIAL_CREDIT, ProtocolError, Stream};

/// What one read of a stream gives at most.
const PIECE: usize = 64 * 1024;
/// Credit is given back in pieces of at least this much, not byte by byte.
const GIVE_BACK: usize = INITIAL_CREDIT as usize / 4;

/// The bytes of one stream, never more than its credit.
///
/// They are kept as one run of bytes: a stranger who sends them one by one costs no more than the bytes.
#[derive(Debug)]
pub(crate) struct Inbox {
    channel: u32,
    stream: Stream,
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug)]
struct State {
    bytes: BytesMut,
    /// What the other side may still send.
    granted: usize,
    /// What was read since credit was last given.
    read: usize,
    /// Nobody wants it: it is dropped as it comes.
    unwanted: bool,
    end: End,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Open,
    Whole,
    Broken,
}

/// The connection ended before the stream did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Broken;

impl Inbox {
    pub(crate) fn new(channel: u32, stream: Stream) -> Self {
        let state = State {
            bytes: BytesMut::new(),
            granted: INITIAL_CREDIT as usize,
            read: 0,
            unwanted: false,
            end: End::Open,
        };
        Self { channel, stream, state: Mutex::new(state), changed: Notify::new() }
    }

    /// Data came.
    pub(crate) fn push(&self, data: &Bytes, outbox: &Outbox) -> Result<(), ProtocolError> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.end == End::Whole {
            return Err(ProtocolError::DataAfterEnd(self.channel));
        }
        let Some(left) = state.granted.checked_sub(data.len()) else {
            return Err(ProtocolError::CreditExceeded(self.channel));
        };
        state.granted = left;
        if state.unwanted {
            state.read += data.len();
            self.give_back(&mut state, outbox);
            return Ok(());
        }
        state.bytes.extend_from_slice(data);
        self.changed.notify_one();
        Ok(())
    }

    /// No more will come.
    pub(crate) fn end(&self) -> Result<(), ProtocolError> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.end == End::Whole {
            return Err(ProtocolError::DataAfterEnd(self.channel));
        }
        state.end = End::Whole;
        self.changed.notify_one();
        Ok(())
    }

    /// Nobody will read it: what came and what comes is dropped, and the sender does not wait for a reader.
    pub(crate) fn discard(&self, outbox: &Outbox) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.unwanted = true;
        state.read += std::mem::take(&mut state.bytes).len();
        self.give_back(&mut state, outbox);
    }

    /// The channel is over: what did not end, broke off.
    pub(crate) fn close(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.end == End::Open {
            state.end = End::Broken;
        }
        self.changed.notify_one();
    }

    /// The next bytes, `None` at the end. Cancel-safe. Credit for them goes out through `outbox`.
    pub(crate) async fn next(&self, outbox: &Outbox) -> Result<Option<Bytes>, Broken> {
        loop {
            if let Some(ready) = self.take(outbox) {
                return ready;
            }
            self.changed.notified().await;
        }
    }

    fn take(&self, outbox: &Outbox) -> Option<Result<Option<Bytes>, Broken>> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.bytes.is_empty() {
            return match state.end {
                End::Open => None,
                End::Whole => Some(Ok(None)),
                End::Broken => Some(Err(Broken)),
            };
        }
        let length = state.bytes.len().min(PIECE);
        let piece = state.bytes.split_to(length).freeze();
        state.read += length;
        self.give_back(&mut state, outbox);
        Some(Ok(Some(piece)))
    }

    /// Enough for a sender that waits, and not a frame for every read.
    fn give_back(&self, state: &mut State, outbox: &Outbox) {
        if state.end == End::Open && (state.read >= GIVE_BACK || state.granted == 0) {
            let bytes = std::mem::take(&mut state.read);
            state.granted += bytes;
            let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
            outbox.send(Frame::credit(self.channel, self.stream, bytes));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mux::queue;

    #[tokio::test]
    async fn what_is_read_is_given_back_and_no_more_is_taken() {
        let (outbox, _queue) = queue();
        let inbox = Inbox::new(1, Stream::Output);
        let full = Bytes::from(vec![b'x'; INITIAL_CREDIT as usize]);
        inbox.push(&full, &outbox).unwrap();
        assert_eq!(inbox.push(&Bytes::from_static(b"y"), &outbox), Err(ProtocolError::CreditExceeded(1)));
        assert_eq!(inbox.next(&outbox).await.unwrap().unwrap().len(), PIECE);
        inbox.push(&full.slice(..PIECE), &outbox).unwrap();
        assert_eq!(inbox.push(&Bytes::from_static(b"y"), &outbox), Err(ProtocolError::CreditExceeded(1)));
    }

    #[tokio::test]
    async fn what_came_before_the_connection_broke_is_still_read() {
        let (outbox, _queue) = queue();
        let inbox = Inbox::new(1, Stream::Output);
        inbox.push(&Bytes::from_static(b"last words"), &outbox).unwrap();
        inbox.close();
        assert_eq!(inbox.next(&outbox).await, Ok(Some(Bytes::from_static(b"last words"))));
        assert_eq!(inbox.next(&outbox).await, Err(Broken));
    }
}
