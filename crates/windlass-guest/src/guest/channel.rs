//! One request: what the session hands it, and what it says.

use std::sync::Arc;

use tokio::sync::{mpsc, watch};

use crate::{
    mux::{Credit, Inbox, Outbox},
    protocol::{Control, Frame, Kind, ProtocolError, Stream},
};

/// How many signals and sizes wait at most; a host that sends faster loses them.
const CONTROLS: usize = 64;

/// Whether a request may go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fate {
    GoOn,
    /// The host does not want it any longer.
    Cancelled,
    /// The host is gone.
    HostGone,
}

/// The session's end of a channel.
#[derive(Debug)]
pub(super) struct Handle {
    outbox: Outbox,
    input: Arc<Inbox>,
    output: Arc<Credit>,
    error: Arc<Credit>,
    controls: mpsc::Sender<Control>,
    fate: watch::Sender<Fate>,
}

/// The request's end of a channel.
#[derive(Debug)]
pub(super) struct Channel {
    pub(super) id: u32,
    pub(super) outbox: Outbox,
    pub(super) input: Arc<Inbox>,
    pub(super) output: Arc<Credit>,
    pub(super) error: Arc<Credit>,
    pub(super) controls: mpsc::Receiver<Control>,
    fate: watch::Receiver<Fate>,
}

pub(super) fn new(id: u32, outbox: &Outbox) -> (Handle, Channel) {
    let (controls, controls_out) = mpsc::channel(CONTROLS);
    let (fate, fate_out) = watch::channel(Fate::GoOn);
    let handle = Handle {
        outbox: outbox.clone(),
        input: Arc::new(Inbox::new(id, Stream::Input)),
        output: Arc::new(Credit::new()),
        error: Arc::new(Credit::new()),
        controls,
        fate,
    };
    let channel = Channel {
        id,
        outbox: outbox.clone(),
        input: Arc::clone(&handle.input),
        output: Arc::clone(&handle.output),
        error: Arc::clone(&handle.error),
        controls: controls_out,
        fate: fate_out,
    };
    (handle, channel)
}

impl Handle {
    /// A frame of the host for this channel.
    pub(super) fn take(&self, frame: &Frame) -> Result<(), ProtocolError> {
        match (frame.kind, frame.stream) {
            (Kind::Data, Stream::Input) => self.input.push(&frame.payload, &self.outbox),
            (Kind::End, Stream::Input) => self.input.end(),
            (Kind::Credit, Stream::Output) => self.credit(&self.output, frame),
            (Kind::Credit, Stream::Error) => self.credit(&self.error, frame),
            (Kind::Cancel, _) => {
                self.decide(Fate::Cancelled);
                Ok(())
            }
            (Kind::Control, _) => {
                let _ = self.controls.try_send(frame.parse()?);
                Ok(())
            }
            (kind, stream) => Err(ProtocolError::WrongStream { kind: kind as u8, stream: stream as u8 }),
        }
    }

    /// What becomes of the request; never something milder than before.
    pub(super) fn decide(&self, fate: Fate) {
        self.fate.send_if_modified(|before| {
            let worse = fate > *before;
            *before = fate.max(*before);
            worse
        });
        self.input.close();
    }

    fn credit(&self, credit: &Credit, frame: &Frame) -> Result<(), ProtocolError> {
        if credit.add(frame.credit_bytes()) { Ok(()) } else { Err(ProtocolError::CreditOverflow(frame.channel)) }
    }
}

impl Channel {
    /// Completes when the request is to end.
    pub(super) fn stopped(&self) -> impl Future<Output = ()> + use<> {
        self.reaches(Fate::Cancelled)
    }

    /// Sends a frame of the request, unless the host is gone.
    pub(super) async fn send(&self, frame: Frame) -> bool {
        let gone = self.reaches(Fate::HostGone);
        tokio::select! {
            biased;
            () = gone => false,
            sent = self.outbox.send_bulk(frame) => sent,
        }
    }

    fn reaches(&self, fate: Fate) -> impl Future<Output = ()> + use<> {
        let mut watched = self.fate.clone();
        async move {
            // An error means that the session is gone, and the host with it.
            let _ = watched.wait_for(|now| *now >= fate).await;
        }
    }
}
