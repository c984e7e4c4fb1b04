//! The one queue of frames that go out.

use std::{
    io::{self, IoSlice},
    sync::Arc,
};

use tokio::{
    io::{AsyncWrite, AsyncWriteExt},
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
};

use crate::protocol::{Frame, HEADER_LEN};

/// How many frames of data or of requests wait at most. Few, so that a small frame is soon at the front.
const BULK: usize = 8;
/// Up to this size a frame is copied behind others into one write.
const SMALL: usize = 4 * 1024;

/// Where frames are put, in the order they will be sent.
///
/// Data and requests wait for a place, one after the other whoever they are from, so that a flood on one channel delays
/// another by a few frames only. What answers them (credit, cancels, ends) is small and bounded by them: it never waits.
#[derive(Debug, Clone)]
pub(crate) struct Outbox {
    sender: mpsc::UnboundedSender<Queued>,
    places: Arc<Semaphore>,
}

#[derive(Debug)]
pub(crate) struct Queued {
    frame: Frame,
    _place: Option<Place>,
}

/// A place in the queue, free again when its frame was written.
pub(crate) type Place = OwnedSemaphorePermit;

/// The end that `write_all` empties.
pub(crate) type Queue = mpsc::UnboundedReceiver<Queued>;

/// A new queue.
pub(crate) fn queue() -> (Outbox, Queue) {
    let (sender, receiver) = mpsc::unbounded_channel();
    (Outbox { sender, places: Arc::new(Semaphore::new(BULK)) }, receiver)
}

impl Outbox {
    /// Sends a small frame that needs no place. Nothing happens when the connection is gone.
    pub(crate) fn send(&self, frame: Frame) {
        let _ = self.sender.send(Queued { frame, _place: None });
    }

    /// Sends a frame when there is a place; false when the connection is gone. Sends nothing if dropped before.
    pub(crate) async fn send_bulk(&self, frame: Frame) -> bool {
        match self.place().await {
            Some(place) => self.send_in(place, frame),
            None => false,
        }
    }

    /// Waits for a place in the queue; `None` when the connection is gone.
    pub(crate) async fn place(&self) -> Option<Place> {
        Arc::clone(&self.places).acquire_owned().await.ok()
    }

    /// Sends a frame in its place.
    pub(crate) fn send_in(&self, place: Place, frame: Frame) -> bool {
        self.sender.send(Queued { frame, _place: Some(place) }).is_ok()
    }

    /// Nothing more goes out; whoever waits for a place stops waiting.
    pub(crate) fn close(&self) {
        self.places.close();
    }
}

/// Writes frames until all senders are gone, or the stream fails.
pub(crate) async fn write_all(mut queue: Queue, mut writer: impl AsyncWrite + Unpin) -> io::Result<()> {
    let mut small = bytes::BytesMut::new();
    while let Some(mut queued) = queue.recv().await {
        small.clear();
        let large = loop {
            if queued.frame.payload.len() > SMALL {
                break Some(queued.frame);
            }
            queued.frame.encode(&mut small);
            match queue.try_recv() {
                Ok(next) if small.len() < 4 * SMALL => queued = next,
                Ok(next) => {
                    next.frame.encode(&mut small);
                    break None;
                }
                Err(_) => break None,
            }
        };
        match large {
            Some(frame) => {
                small.extend_from_slice(&frame.header());
                write_both(&mut writer, &small, &frame.payload).await?;
            }
            None => writer.write_all(&small).await?,
        }
        writer.flush().await?;
    }
    writer.shutdown().await
}

/// Both in one system call where the stream can.
async fn write_both(writer: &mut (impl AsyncWrite + Unpin), head: &[u8], body: &[u8]) -> io::Result<()> {
    debug_assert!(head.len() >= HEADER_LEN);
    let written = writer.write_vectored(&[IoSlice::new(head), IoSlice::new(body)]).await?;
    if written == 0 {
        return Err(io::ErrorKind::WriteZero.into());
    }
    if let Some(rest) = head.get(written..) {
        writer.write_all(rest).await?;
        return writer.write_all(body).await;
    }
    writer.write_all(&body[written - head.len()..]).await
}
