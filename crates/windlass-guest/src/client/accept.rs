//! A connection that was made inside the guest.

use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::{ClientError, Connection, InputSink, OutputStream, channel::Channel};
use crate::protocol::{MAX_DATA, ProtocolError, Request, Started, Stream};

/// A connection that is waited for. Dropping it gives up.
#[derive(Debug)]
pub struct Awaited {
    channel: Channel,
}

impl Awaited {
    pub(super) async fn open(connection: &Arc<Connection>, port: u16) -> Result<Self, ClientError> {
        Ok(Self { channel: Channel::open(connection, &Request::Accept { port }).await? })
    }

    /// Waits for it.
    pub async fn connection(self) -> Result<Accepted, ClientError> {
        let mut channel = self.channel;
        let connection = Arc::clone(&channel.connection);
        let Started::Accept = channel.started().await? else {
            return Err(connection.breach(ProtocolError::WrongAnswer(channel.id())));
        };
        let said = OutputStream::new(&channel.slot, Stream::Output, &connection.outbox);
        let answer = InputSink::new(&channel.slot, &connection.outbox);
        Ok(Accepted { channel, said, answer })
    }
}

/// A connection that was made inside the guest. Dropping it ends it.
#[derive(Debug)]
pub struct Accepted {
    channel: Channel,
    said: OutputStream,
    answer: InputSink,
}

impl Accepted {
    /// Carries bytes between it and `stream` until both sides have ended, or one is gone.
    pub async fn join(self, stream: impl AsyncRead + AsyncWrite) {
        let Self { channel, mut said, mut answer } = self;
        let (mut from, mut to) = tokio::io::split(stream);
        let out = async move {
            while let Ok(Some(bytes)) = said.next().await {
                if to.write_all(&bytes).await.is_err() {
                    return;
                }
            }
            let _ = to.shutdown().await;
        };
        let back = async move {
            let mut buffer = bytes::BytesMut::new();
            loop {
                buffer.reserve(MAX_DATA as usize);
                match from.read_buf(&mut buffer).await {
                    Ok(1..) if answer.write(buffer.split().freeze()).await => {}
                    _ => return,
                }
            }
        };
        tokio::join!(out, back);
        drop(channel);
    }
}
