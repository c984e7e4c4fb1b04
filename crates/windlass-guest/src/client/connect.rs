//! Hello and welcome, and the tasks of a connection.

use std::{sync::Arc, time::Duration};

use bytes::BytesMut;
use rustix::rand::{GetRandomFlags, getrandom};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    time::interval,
};

use super::{
    ClientError, Closed, Connection,
    receive::{Table, receive},
};
use crate::{
    mux::{queue, write_all},
    protocol::{Decoder, Hello, MAX_SKIPPED, ProtocolError, VERSION, Welcome, find_welcome},
};

/// A hello can fall into leftovers at the guest, or come before it listens: it is said again.
const AGAIN: Duration = Duration::from_millis(250);

pub(super) async fn connect<R, W>(mut reader: R, mut writer: W) -> Result<Connection, ClientError>
where
    R: AsyncRead + Unpin + Send + 'static,
    W: AsyncWrite + Unpin + Send + 'static,
{
    let mut buffer = BytesMut::new();
    let welcome = greet(&mut reader, &mut writer, &mut buffer).await?;
    if welcome.version != VERSION {
        return Err(ClientError::Version);
    }
    let (outbox, frames) = queue();
    let table = Arc::new(Table::default());
    let (writing, receiving, answering) = (Arc::clone(&table), Arc::clone(&table), outbox.clone());
    let writer = tokio::spawn(async move {
        let written = write_all(frames, writer).await;
        writing.close(written.map_or_else(Closed::from, |()| Closed::Ended));
    });
    let stop_writing = writer.abort_handle();
    let reader = tokio::spawn(async move {
        let decoder = Decoder::starting_with(buffer);
        let why = receive(&receiving, &answering, reader, decoder).await;
        receiving.close(why);
        answering.close();
        stop_writing.abort();
    });
    let tasks = [writer.abort_handle(), reader.abort_handle()];
    Ok(Connection { outbox, table, about: welcome.about, tasks })
}

async fn greet(
    reader: &mut (impl AsyncRead + Unpin),
    writer: &mut (impl AsyncWrite + Unpin),
    buffer: &mut BytesMut,
) -> Result<Welcome, ClientError> {
    let mut nonce = [0; 16];
    getrandom(&mut nonce, GetRandomFlags::empty()).map_err(|error| Closed::Io(error.kind()))?;
    let mut hello = BytesMut::new();
    Hello::new(nonce).frame().encode(&mut hello);
    let mut again = interval(AGAIN);
    let mut skipped = 0;
    loop {
        buffer.reserve(4096);
        tokio::select! {
            biased;
            read = reader.read_buf(buffer) => match read.map_err(Closed::from)? {
                0 => return Err(Closed::Ended.into()),
                count => skipped += count,
            },
            _ = again.tick() => {
                writer.write_all(&hello).await.map_err(Closed::from)?;
                writer.flush().await.map_err(Closed::from)?;
            }
        }
        if let Some(welcome) = find_welcome(buffer, &nonce) {
            return Ok(welcome);
        }
        if skipped > MAX_SKIPPED {
            return Err(Closed::Protocol(ProtocolError::BadGreeting).into());
        }
    }
}
