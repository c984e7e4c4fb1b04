//! A descriptor as an asynchronous stream.

use std::{
    io::{self, IoSlice, IoSliceMut},
    os::fd::OwnedFd,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use rustix::{
    fs::{OFlags, fcntl_getfl, fcntl_setfl},
    io::{Errno, readv, writev},
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf, unix::AsyncFd};

use crate::os;

/// A pipe, a socket, a terminal or a serial device. Clones share the descriptor.
#[derive(Debug, Clone)]
pub(crate) struct FdStream(Arc<AsyncFd<OwnedFd>>);

impl FdStream {
    pub(crate) fn new(fd: impl Into<OwnedFd>) -> io::Result<Self> {
        let fd = fd.into();
        fcntl_setfl(&fd, fcntl_getfl(&fd)? | OFlags::NONBLOCK)?;
        Ok(Self(Arc::new(os::register(fd)?)))
    }

    /// Reads what is there now; `WouldBlock` if nothing is.
    pub(crate) fn read_now(&self, into: &mut [u8]) -> io::Result<usize> {
        end_of_terminal(rustix::io::read(self.0.get_ref(), into))
    }

    /// Reads, waiting for something to be there. Loses nothing when dropped.
    pub(crate) async fn read_some(&self, into: &mut [u8]) -> io::Result<usize> {
        self.when_readable(|_| self.read_now(into)).await
    }

    /// Does what needs something to be there, until it no longer says `WouldBlock`.
    pub(crate) async fn when_readable<T>(&self, mut work: impl FnMut(&OwnedFd) -> io::Result<T>) -> io::Result<T> {
        loop {
            let mut ready = self.0.readable().await?;
            if let Ok(result) = ready.try_io(|fd| work(fd.get_ref())) {
                return result;
            }
        }
    }

    pub(crate) fn get_ref(&self) -> &OwnedFd {
        self.0.get_ref()
    }
}

/// A terminal whose last process is gone says so by an error.
fn end_of_terminal(result: Result<usize, Errno>) -> io::Result<usize> {
    match result {
        Err(Errno::IO) => Ok(0),
        other => Ok(other?),
    }
}

impl AsyncRead for FdStream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        loop {
            let mut ready = ready!(self.0.poll_read_ready(cx))?;
            let space = buf.initialize_unfilled();
            let read = |fd: &AsyncFd<OwnedFd>| Ok(readv(fd.get_ref(), &mut [IoSliceMut::new(space)])?);
            if let Ok(result) = ready.try_io(read) {
                return Poll::Ready(result.map(|count| buf.advance(count)));
            }
        }
    }
}

impl AsyncWrite for FdStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(buf)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        loop {
            let mut ready = ready!(self.0.poll_write_ready(cx))?;
            if let Ok(result) = ready.try_io(|fd| Ok(writev(fd.get_ref(), bufs)?)) {
                return Poll::Ready(result);
            }
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    /// Closing is what ends it, and that happens with the last clone.
    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
