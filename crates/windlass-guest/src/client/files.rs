//! Files on their way.

use std::{sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use tokio::time::{Instant, timeout_at};

use super::{ClientError, Connection, InputSink, OutputStream, channel::Channel};
use crate::protocol::{Metadata, Outcome, ProtocolError, ReadRequest, Request, Started, Stream, WriteRequest};

/// A file that is being read.
#[derive(Debug)]
pub struct FileReader {
    channel: Channel,
    metadata: Metadata,
    content: OutputStream,
    deadline: Instant,
}

impl FileReader {
    pub(super) async fn open(
        connection: &Arc<Connection>,
        request: ReadRequest,
        within: Duration,
    ) -> Result<Self, ClientError> {
        let deadline = Instant::now() + within;
        let opening = async {
            let mut channel = Channel::open(connection, &Request::Read(request)).await?;
            let Started::Read(metadata) = channel.started().await? else {
                return Err(connection.breach(ProtocolError::WrongAnswer(channel.id())));
            };
            Ok((channel, metadata))
        };
        let (channel, metadata) = timeout_at(deadline, opening).await.map_err(|_| ClientError::Timeout)??;
        let content = OutputStream::new(&channel.slot, Stream::Output, &connection.outbox);
        Ok(Self { channel, metadata, content, deadline })
    }

    /// What the file was when it was opened. Its size may be anything by now.
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// The next bytes; `None` when everything has come.
    pub async fn next(&mut self) -> Result<Option<Bytes>, ClientError> {
        let reading = async {
            if let Some(bytes) = self.content.next().await? {
                return Ok(Some(bytes));
            }
            match self.channel.done().await? {
                Outcome::Read { .. } => Ok(None),
                _ => Err(self.channel.connection.breach(ProtocolError::WrongAnswer(self.channel.id()))),
            }
        };
        timeout_at(self.deadline, reading).await.map_err(|_| ClientError::Timeout)?
    }

    /// Everything, if it is no more than `limit` bytes.
    pub async fn read_all(mut self, limit: usize) -> Result<Bytes, ClientError> {
        let mut all = BytesMut::new();
        while let Some(bytes) = self.next().await? {
            if bytes.len() > limit - all.len() {
                return Err(ClientError::TooLarge);
            }
            all.extend_from_slice(&bytes);
        }
        Ok(all.freeze())
    }
}

/// A file that is being written. Dropping it before [`FileWriter::finish`] leaves the file as it was, or what was appended.
#[derive(Debug)]
pub struct FileWriter {
    channel: Channel,
    /// Ends the content when dropped, so it goes only after the channel or on purpose.
    content: Option<InputSink>,
    deadline: Instant,
}

impl FileWriter {
    pub(super) async fn open(
        connection: &Arc<Connection>,
        request: WriteRequest,
        within: Duration,
    ) -> Result<Self, ClientError> {
        let deadline = Instant::now() + within;
        let request = Request::Write(request);
        let opening = Channel::open(connection, &request);
        let channel = timeout_at(deadline, opening).await.map_err(|_| ClientError::Timeout)??;
        let content = Some(InputSink::new(&channel.slot, &connection.outbox));
        Ok(Self { channel, content, deadline })
    }

    /// Sends more of the content.
    pub async fn write(&mut self, data: impl Into<Bytes>) -> Result<(), ClientError> {
        let Some(content) = &mut self.content else { return Err(ClientError::TooLarge) };
        let written = timeout_at(self.deadline, content.write(data.into())).await;
        if written.map_err(|_| ClientError::Timeout)? {
            return Ok(());
        }
        // The guest takes no more: it has said why, or is about to.
        self.outcome().await.map(|_| ())
    }

    /// Everything was sent: the file becomes what was written. How many bytes it was.
    pub async fn finish(mut self) -> Result<u64, ClientError> {
        drop(self.content.take());
        self.outcome().await
    }

    async fn outcome(&mut self) -> Result<u64, ClientError> {
        let outcome = timeout_at(self.deadline, self.channel.done()).await.map_err(|_| ClientError::Timeout)??;
        match outcome {
            Outcome::Written { bytes } => Ok(bytes),
            _ => Err(self.channel.connection.breach(ProtocolError::WrongAnswer(self.channel.id()))),
        }
    }
}
