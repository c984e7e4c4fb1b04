//! A stream on which no message may be too large. The driver keeps a message until it is whole, however large it is; and a
//! row is one.

use std::{
    future::Future,
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::tls::{ChannelBinding, TlsConnect, TlsStream};

/// What a row may weigh.
pub(super) const LARGEST: usize = 64 << 20;
/// A letter that says what a message is, and its length, which counts itself and not the letter.
const HEADER: usize = 5;

/// Whether a message was too large: the driver does not tell whoever waits for it why a connection broke.
pub(super) type Exceeded = Arc<AtomicBool>;

/// Reads as `inner` does, up to a message that is too large.
pub(super) struct Capped<S> {
    inner: S,
    frames: Frames,
    exceeded: Exceeded,
}

impl<S> Capped<S> {
    /// Of a connection that has to be made yet. `asks` whether the server is asked for TLS: that is answered by a letter
    /// without a length.
    pub(super) fn new(inner: S, asks: bool, exceeded: Exceeded) -> Self {
        Self { inner, frames: Frames { skip: usize::from(asks), ..Frames::default() }, exceeded }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Capped<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.inner).poll_read(context, buffer))?;
        if self.frames.pass(&buffer.filled()[before..]) {
            return Poll::Ready(Ok(()));
        }
        self.exceeded.store(true, Ordering::Relaxed);
        Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, "a message is too large")))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Capped<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}

impl<S: TlsStream + Unpin> TlsStream for Capped<S> {
    fn channel_binding(&self) -> ChannelBinding {
        self.inner.channel_binding()
    }
}

/// Makes TLS of a stream, with the cap where the messages can be seen.
pub(super) struct CappedTls<T>(pub(super) T);

impl<S, T> TlsConnect<Capped<S>> for CappedTls<T>
where
    T: TlsConnect<S>,
    T::Future: Send + 'static,
{
    type Stream = Capped<T::Stream>;
    type Error = T::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Stream, T::Error>> + Send>>;

    fn connect(self, stream: Capped<S>) -> Self::Future {
        let connecting = self.0.connect(stream.inner);
        let exceeded = stream.exceeded;
        Box::pin(async move { Ok(Capped::new(connecting.await?, false, exceeded)) })
    }
}

/// Where in the server's messages a stream is.
#[derive(Debug, Default)]
struct Frames {
    /// Bytes that belong to no header.
    skip: usize,
    header: [u8; HEADER],
    /// How much of it is there.
    filled: usize,
}

impl Frames {
    /// Goes on by these bytes. `false` where one of them begins what is too large.
    fn pass(&mut self, mut bytes: &[u8]) -> bool {
        while !bytes.is_empty() {
            let skipped = self.skip.min(bytes.len());
            self.skip -= skipped;
            bytes = &bytes[skipped..];
            let taken = (HEADER - self.filled).min(bytes.len());
            self.header[self.filled..self.filled + taken].copy_from_slice(&bytes[..taken]);
            self.filled += taken;
            bytes = &bytes[taken..];
            if self.filled == HEADER {
                self.filled = 0;
                let [_, length @ ..] = self.header;
                // A length that is none is the driver's to refuse.
                let body = (u32::from_be_bytes(length) as usize).saturating_sub(HEADER - 1);
                if body > LARGEST {
                    return false;
                }
                self.skip = body;
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(body: usize) -> Vec<u8> {
        let length = u32::try_from(body + 4).unwrap().to_be_bytes();
        [&b"D"[..], &length, &vec![0xff; body]].concat()
    }

    #[test]
    fn messages_pass_however_they_are_cut() {
        let all = [message(0), message(1), message(300), message(0), message(7)].concat();
        for step in 1..=all.len() {
            let mut frames = Frames::default();
            assert!(all.chunks(step).all(|bytes| frames.pass(bytes)), "{step}");
            assert_eq!((frames.skip, frames.filled), (0, 0), "{step}");
        }
    }

    #[test]
    fn one_that_is_too_large_is_seen_in_its_header() {
        let header = |length: u32| [&b"ND"[..], &length.to_be_bytes()].concat();
        let largest = u32::try_from(LARGEST).unwrap() + 4;
        for (length, passes) in [(largest, true), (largest + 1, false), (u32::MAX, false)] {
            let mut frames = Frames { skip: 1, ..Frames::default() };
            assert_eq!(frames.pass(&header(length)), passes, "{length}");
        }
    }
}
