//! A socket between a virtual machine and its host.

use std::{
    io,
    os::fd::{AsRawFd, OwnedFd},
    time::Duration,
};

use nix::sys::socket::{AddressFamily, Backlog, SockFlag, SockType, VsockAddr, bind, listen, socket};
use rustix::net::{SocketFlags, accept_with};

use super::serve_one;
use crate::{
    fd::FdStream,
    guest::{Guest, ServeError},
};

/// Any address of this machine.
const ANY: u32 = u32::MAX;
/// After a failed accept: the host may have gone again, or the machine be short of memory.
const PAUSE: Duration = Duration::from_millis(10);

/// Listens on `port` and serves one host after the other; only one if `once`.
pub async fn vsock(guest: &Guest, port: u32, once: bool) -> Result<(), ServeError> {
    vsock_at(guest, listen_on(port)?, once).await
}

/// Serves whoever comes to `listener`, one after the other; only one if `once`.
pub(crate) async fn vsock_at(guest: &Guest, listener: OwnedFd, once: bool) -> Result<(), ServeError> {
    let listener = FdStream::new(listener)?;
    loop {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let Ok(stream) = listener.when_readable(|listener| Ok(accept_with(listener, flags)?)).await else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        serve_one(guest, FdStream::new(stream)?, once).await?;
        if once {
            return Ok(());
        }
    }
}

/// A listener at `port`.
pub(crate) fn listen_on(port: u32) -> io::Result<OwnedFd> {
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let listener = socket(AddressFamily::Vsock, SockType::Stream, flags, None)?;
    bind(listener.as_raw_fd(), &VsockAddr::new(ANY, port))?;
    listen(&listener, Backlog::new(8)?)?;
    Ok(listener)
}
