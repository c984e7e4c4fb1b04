//! One request of a host.

use std::sync::Arc;

use super::{ClientError, Connection, receive::Slot};
use crate::protocol::{Frame, Kind, MAX_JSON, Outcome, Request, Started};

/// A request under way. Dropping it cancels it.
#[derive(Debug)]
pub(super) struct Channel {
    pub(super) connection: Arc<Connection>,
    pub(super) slot: Arc<Slot>,
}

impl Channel {
    pub(super) async fn open(connection: &Arc<Connection>, request: &Request) -> Result<Self, ClientError> {
        let mut frame = Frame::json(Kind::Open, 0, request);
        if frame.payload.len() > MAX_JSON as usize {
            return Err(ClientError::TooLarge);
        }
        let closed = || ClientError::Closed(connection.table.why_closed());
        let place = connection.outbox.place().await.ok_or_else(closed)?;
        let slot = connection.table.open(|id| {
            frame.channel = id;
            connection.outbox.send_in(place, frame)
        })?;
        Ok(Self { connection: Arc::clone(connection), slot })
    }

    pub(super) fn id(&self) -> u32 {
        self.slot.id
    }

    /// Waits until the guest says that it is under way.
    pub(super) async fn started(&mut self) -> Result<Started, ClientError> {
        let mut progress = self.slot.progress.subscribe();
        loop {
            {
                let now = progress.borrow_and_update();
                if let Some(started) = &now.started {
                    return Ok(started.clone());
                }
                match (&now.done, now.closed) {
                    (Some(Err(error)), _) => return Err(error.clone().into()),
                    (Some(Ok(_)), _) => {
                        let wrong = crate::protocol::ProtocolError::WrongAnswer(self.id());
                        drop(now);
                        return Err(self.connection.breach(wrong));
                    }
                    (None, Some(why)) => return Err(why.into()),
                    (None, None) => {}
                }
            }
            // The sender lives in the slot, so this waits and does not fail.
            let _ = progress.changed().await;
        }
    }

    /// Waits for the result.
    pub(super) async fn done(&mut self) -> Result<Outcome, ClientError> {
        let mut progress = self.slot.progress.subscribe();
        loop {
            {
                let now = progress.borrow_and_update();
                match (&now.done, now.closed) {
                    (Some(done), _) => return Ok(done.clone()?),
                    (None, Some(why)) => return Err(why.into()),
                    (None, None) => {}
                }
            }
            let _ = progress.changed().await;
        }
    }

    /// A frame that steers a running command.
    pub(super) fn tell(&self, frame: Frame) {
        self.connection.outbox.send(frame);
    }
}

impl Drop for Channel {
    fn drop(&mut self) {
        if self.connection.table.forget(self.id()) {
            self.connection.outbox.send(Frame::cancel(self.id()));
            self.slot.close();
        }
    }
}
