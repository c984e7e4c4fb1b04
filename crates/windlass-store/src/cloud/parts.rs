//! Reading an output back from its parts, a stretch at a time.

use std::{cell::RefCell, io, sync::Arc};

use aws_sdk_s3::{error::ProvideErrorMetadata, primitives::ByteStreamError};

use super::{Cloud, told, wait};
use crate::{entry::Handle, shelf::Source};

/// Bytes of one object.
pub(super) const PART: usize = 4 << 20;

/// First stretch that is fetched: a page with room around it. Who reads on in order gets four times as much each time.
const FIRST: u64 = 64 << 10;
const LONGEST: u64 = 1 << 20;

/// The parts of one output.
pub(super) struct Parts {
    cloud: Arc<Cloud>,
    handle: Handle,
    /// Bytes of each part but the last.
    part: u64,
    stretch: RefCell<Stretch>,
}

/// What was fetched last.
#[derive(Default)]
struct Stretch {
    start: u64,
    bytes: Vec<u8>,
}

impl Stretch {
    fn at(&self, offset: u64) -> Option<&[u8]> {
        let from = usize::try_from(offset.checked_sub(self.start)?).ok()?;
        self.bytes.get(from..).filter(|bytes| !bytes.is_empty())
    }

    fn end(&self) -> u64 {
        self.start + self.bytes.len() as u64
    }
}

impl Parts {
    pub(super) fn new(cloud: Arc<Cloud>, handle: Handle, part: u64) -> Self {
        Self { cloud, handle, part, stretch: RefCell::default() }
    }

    /// Up to `length` bytes from `offset`, not beyond the part that `offset` is in.
    async fn fetch(&self, offset: u64, length: u64) -> io::Result<Vec<u8>> {
        let (number, from) = (offset / self.part, offset % self.part);
        let to = (from + length).min(self.part) - 1;
        let key = self.cloud.key(&self.handle, number);
        let request = self.cloud.clients().await.s3.get_object().bucket(&self.cloud.bucket).key(key);
        let answer = request.range(format!("bytes={from}-{to}")).send().await;
        let body = answer.map_err(|error| match error.code() {
            // The bucket's rules removed it before its time.
            Some("NoSuchKey") => io::Error::new(io::ErrorKind::NotFound, "a part is no longer there"),
            _ => told(error),
        })?;
        let whole = body.body.collect().await.map_err(|error: ByteStreamError| io::Error::other(error))?;
        let mut bytes = whole.to_vec();
        bytes.truncate(usize::try_from(to - from + 1).unwrap_or(usize::MAX));
        Ok(bytes)
    }
}

impl Source for Parts {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let mut stretch = self.stretch.borrow_mut();
        if stretch.at(offset).is_none() {
            let before = stretch.bytes.len() as u64;
            let in_order = before > 0 && offset == stretch.end();
            let wanted = if in_order { (before * 4).min(LONGEST) } else { FIRST };
            let bytes = wait(self.fetch(offset, wanted.max(buffer.len() as u64)))??;
            *stretch = Stretch { start: offset, bytes };
        }
        let Some(bytes) = stretch.at(offset) else { return Ok(0) };
        let length = bytes.len().min(buffer.len());
        buffer[..length].copy_from_slice(&bytes[..length]);
        Ok(length)
    }
}
