//! What a guest sends, taken apart without believing it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::{
    io::{AsyncRead, AsyncReadExt},
    sync::watch,
};

use super::Closed;
use crate::{
    mux::{Credit, Inbox, Outbox},
    protocol::{Decoder, Done, Frame, Kind, ProtocolError, Started, Stream},
};

/// The channels of a connection.
#[derive(Debug)]
pub(super) struct Table {
    channels: Mutex<Channels>,
    closed: watch::Sender<Option<Closed>>,
}

#[derive(Debug, Default)]
struct Channels {
    /// The number that was given out last.
    last: u32,
    open: HashMap<u32, Arc<Slot>>,
}

/// What has come for one channel.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) id: u32,
    pub(super) output: Inbox,
    pub(super) error: Inbox,
    pub(super) input: Credit,
    pub(super) progress: watch::Sender<Progress>,
}

/// How far a request is.
#[derive(Debug, Default)]
pub(super) struct Progress {
    pub(super) started: Option<Started>,
    pub(super) done: Option<Done>,
    pub(super) closed: Option<Closed>,
}

impl Default for Table {
    fn default() -> Self {
        Self { channels: Mutex::default(), closed: watch::channel(None).0 }
    }
}

impl Table {
    /// A new channel, whose first frame is sent by `send` before any later channel's.
    pub(super) fn open(&self, send: impl FnOnce(u32) -> bool) -> Result<Arc<Slot>, Closed> {
        let mut channels = self.lock();
        if let Some(why) = *self.closed.borrow() {
            return Err(why);
        }
        let id = channels.last.checked_add(1).ok_or(Closed::UsedUp)?;
        let slot = Arc::new(Slot::new(id));
        channels.last = id;
        channels.open.insert(id, Arc::clone(&slot));
        if send(id) {
            return Ok(slot);
        }
        channels.open.remove(&id);
        Err(Closed::Ended)
    }

    /// Forgets a channel; false if it was over already. What still comes for it is ignored.
    pub(super) fn forget(&self, id: u32) -> bool {
        self.lock().open.remove(&id).is_some()
    }

    /// Ends everything, for the first reason that is given.
    pub(super) fn close(&self, why: Closed) {
        let mut channels = self.lock();
        let mut first = why;
        self.closed.send_modify(|closed| first = *closed.get_or_insert(why));
        for (_, slot) in channels.open.drain() {
            slot.progress.send_modify(|progress| progress.closed = Some(first));
            slot.close();
        }
    }

    pub(super) async fn closed(&self) -> Closed {
        let mut closed = self.closed.subscribe();
        let found = closed.wait_for(Option::is_some).await;
        found.ok().and_then(|found| *found).unwrap_or(Closed::Ended)
    }

    pub(super) fn why_closed(&self) -> Closed {
        self.closed.borrow().unwrap_or(Closed::Ended)
    }

    fn take(&self, frame: &Frame, outbox: &Outbox) -> Result<(), ProtocolError> {
        let id = frame.channel;
        let mut channels = self.lock();
        let Some(slot) = channels.open.get(&id) else {
            // It may have ended while this was on its way.
            return if id <= channels.last && id > 0 { Ok(()) } else { Err(ProtocolError::UnknownChannel(id)) };
        };
        if frame.kind == Kind::Done {
            let done = frame.parse()?;
            slot.progress.send_modify(|progress| progress.done = Some(done));
            slot.close();
            channels.open.remove(&id);
            return Ok(());
        }
        let slot = Arc::clone(slot);
        drop(channels);
        slot.take(frame, outbox)
    }

    fn lock(&self) -> MutexGuard<'_, Channels> {
        self.channels.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slot {
    fn new(id: u32) -> Self {
        Self {
            id,
            output: Inbox::new(id, Stream::Output),
            error: Inbox::new(id, Stream::Error),
            input: Credit::new(),
            progress: watch::channel(Progress::default()).0,
        }
    }

    pub(super) fn close(&self) {
        self.output.close();
        self.error.close();
        self.input.close();
    }

    fn take(&self, frame: &Frame, outbox: &Outbox) -> Result<(), ProtocolError> {
        match (frame.kind, frame.stream) {
            (Kind::Data, Stream::Output) => self.output.push(&frame.payload, outbox),
            (Kind::Data, Stream::Error) => self.error.push(&frame.payload, outbox),
            (Kind::End, Stream::Output) => self.output.end(),
            (Kind::End, Stream::Error) => self.error.end(),
            (Kind::End, Stream::Input) => {
                self.input.close();
                Ok(())
            }
            (Kind::Credit, Stream::Input) if self.input.add(frame.credit_bytes()) => Ok(()),
            (Kind::Credit, Stream::Input) => Err(ProtocolError::CreditOverflow(self.id)),
            (Kind::Started, _) => self.start(frame),
            (Kind::Data | Kind::Credit, stream) => {
                Err(ProtocolError::WrongStream { kind: frame.kind as u8, stream: stream as u8 })
            }
            (kind, _) => Err(ProtocolError::WrongSide(kind as u8)),
        }
    }

    fn start(&self, frame: &Frame) -> Result<(), ProtocolError> {
        let started = frame.parse()?;
        let mut twice = false;
        self.progress.send_modify(|progress| twice = progress.started.replace(started).is_some());
        if twice { Err(ProtocolError::WrongAnswer(self.id)) } else { Ok(()) }
    }
}

/// Takes frames until the stream ends or breaks a rule.
pub(super) async fn receive(
    table: &Table,
    outbox: &Outbox,
    mut reader: impl AsyncRead + Unpin,
    mut decoder: Decoder,
) -> Closed {
    loop {
        loop {
            let frame = match decoder.next_frame() {
                Ok(Some(frame)) => frame,
                Ok(None) => break,
                Err(error) => return error.into(),
            };
            let taken = match frame.kind {
                // The answer to a hello that was said again.
                Kind::Welcome => Ok(()),
                _ => table.take(&frame, outbox),
            };
            if let Err(error) = taken {
                return error.into();
            }
        }
        match reader.read_buf(decoder.space()).await {
            Ok(0) => return Closed::Ended,
            Ok(_) => {}
            Err(error) => return error.into(),
        }
    }
}
