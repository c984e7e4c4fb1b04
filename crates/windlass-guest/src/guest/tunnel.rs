//! Connections inside that the host takes.

use std::{
    io,
    net::Ipv4Addr,
    os::fd::OwnedFd,
    sync::{Arc, PoisonError},
};

use rustix::net::Shutdown;
use tokio::{net::TcpListener, sync::watch};

use super::{
    Shared,
    channel::Channel,
    pump::{Input, Output},
};
use crate::{
    fd::FdStream,
    protocol::{Done, ErrorKind, Frame, GuestError, Kind, Outcome, Started, Stream},
};

/// Waits for a connection to `port` and hands it over.
pub(super) async fn accept(shared: &Shared, channel: &Channel, port: u16) -> Done {
    let listener = shared.listener(port)?;
    let cancelled = || Err(GuestError::new(ErrorKind::Cancelled, "the host takes no connection any longer"));
    let stopped = channel.stopped();
    tokio::pin!(stopped);
    let connection = tokio::select! {
        biased;
        () = &mut stopped => return cancelled(),
        accepted = listener.accept() => FdStream::new(OwnedFd::from(accepted?.0.into_std()?))?,
    };
    channel.send(Frame::json(Kind::Started, channel.id, &Started::Accept)).await;
    channel.outbox.send(Frame::end(channel.id, Stream::Error));
    // Its sender stays: until the end of the connection, everything is wanted.
    let (_wanted, last_call) = watch::channel(false);
    let (outbox, credit) = (channel.outbox.clone(), Arc::clone(&channel.output));
    let out =
        Output { channel: channel.id, stream: Stream::Output, from: connection.clone(), credit, outbox, last_call };
    let (outbox, from) = (channel.outbox.clone(), Arc::clone(&channel.input));
    let back = Input { channel: channel.id, from, to: connection.clone(), outbox, terminal: false };
    let back = async {
        back.pump().await;
        let _ = rustix::net::shutdown(connection.get_ref(), Shutdown::Write);
    };
    tokio::select! {
        biased;
        () = &mut stopped => cancelled(),
        _ = async { tokio::join!(out.pump(), back) } => Ok(Outcome::Nothing),
    }
}

impl Shared {
    /// The listener of a port, which is there from the first time it is asked for.
    fn listener(&self, port: u16) -> io::Result<Arc<TcpListener>> {
        let mut listeners = self.listeners.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(listener) = listeners.get(&port) {
            return Ok(Arc::clone(listener));
        }
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
        listener.set_nonblocking(true)?;
        let listener = Arc::new(TcpListener::from_std(listener)?);
        listeners.insert(port, Arc::clone(&listener));
        Ok(listener)
    }
}
