//! A file out of the guest.

use std::{fs, io::SeekFrom, os::unix::fs::OpenOptionsExt};

use bytes::Bytes;
use rustix::fs::OFlags;
use tokio::{
    fs::File,
    io::{AsyncReadExt, AsyncSeekExt},
};

use super::{broke_off, closed, describe, is_of_the_guest};
use crate::{
    guest::channel::Channel,
    protocol::{Done, ErrorKind, Frame, GuestError, Kind, MAX_DATA, Metadata, Outcome, ReadRequest, Started, Stream},
};

/// Sends the file as credit comes.
pub(crate) async fn read(channel: &Channel, request: ReadRequest) -> Done {
    let ReadRequest { path, offset, length } = request;
    let opening = tokio::task::spawn_blocking(move || open(path.as_path()));
    let (file, metadata) = opening.await.map_err(|_| broke_off())??;
    channel.send(Frame::json(Kind::Started, channel.id, &Started::Read(metadata))).await;
    tokio::select! {
        biased;
        () = channel.stopped() => Err(GuestError::new(ErrorKind::Cancelled, "cancelled")),
        sent = send(channel, file, offset, length.unwrap_or(u64::MAX)) => sent,
    }
}

async fn send(channel: &Channel, file: fs::File, offset: u64, length: u64) -> Done {
    let mut file = File::from_std(file);
    file.set_max_buf_size(MAX_DATA as usize);
    if offset > 0 {
        file.seek(SeekFrom::Start(offset)).await?;
    }
    let mut buffer = vec![0; MAX_DATA as usize];
    let mut bytes = 0;
    while bytes < length {
        let most = usize::try_from(length - bytes).unwrap_or(usize::MAX).min(buffer.len());
        let Some(space) = channel.output.take(most).await else { break };
        let count = file.read(&mut buffer[..space]).await?;
        channel.output.put_back(space - count);
        let data = Bytes::copy_from_slice(&buffer[..count]);
        if count == 0 || !channel.send(Frame::data(channel.id, Stream::Output, data)).await {
            break;
        }
        bytes += count as u64;
    }
    channel.outbox.send(Frame::end(channel.id, Stream::Output));
    Ok(Outcome::Read { bytes })
}

/// Opening must not wait for the other end of a pipe, and a device has no end.
fn open(path: &std::path::Path) -> Result<(fs::File, Metadata), GuestError> {
    let flags = OFlags::NONBLOCK.bits().cast_signed();
    let file = fs::OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    let found = file.metadata()?;
    if found.is_dir() {
        return Err(GuestError::new(ErrorKind::IsDirectory, "it is a directory"));
    }
    if !found.is_file() {
        return Err(GuestError::new(ErrorKind::NotRegular, "it is no regular file"));
    }
    if is_of_the_guest(&file) {
        return Err(closed());
    }
    Ok((file, describe(&found)))
}
