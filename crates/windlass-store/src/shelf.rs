use std::{io, path::Path};

use async_trait::async_trait;
use windlass_core::Check;

use crate::entry::{Entry, Handle};

/// A place that keeps outputs: a directory, or memory where there is none.
pub(crate) trait Shelf: Send + Sync {
    /// Makes room for a new output.
    fn begin(&self, handle: &Handle, entry: &Entry) -> io::Result<Box<dyn Keeper>>;

    /// A finished output, whoever owns it.
    ///
    /// # Errors
    /// The place cannot be reached, so nobody can tell.
    fn find(&self, handle: &Handle) -> io::Result<Option<Kept>>;

    /// Removes what has expired or was left over by a process that died, then the oldest until all fits.
    fn sweep(&self);

    /// Most bytes one output may take here.
    fn largest(&self) -> u64;

    fn directory(&self) -> Option<&Path>;

    fn ready(&self) -> Check;
}

/// An output on its way to the shelf. Dropped before it is sealed, it leaves nothing behind that can be read.
#[async_trait]
pub(crate) trait Keeper: Send {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Bytes taken so far; after a failed [`Keeper::append`] some of its bytes may be among them.
    fn kept(&self) -> u64;

    /// Makes the output one that can be found. Where less than all is safely there by then, `entry` is told.
    async fn seal(self: Box<Self>, entry: &mut Entry) -> io::Result<()>;
}

/// Bytes that can be read from any place.
pub(crate) trait Source: Send {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize>;
}

/// An output that was found.
pub(crate) struct Kept {
    pub(crate) entry: Entry,
    pub(crate) source: Box<dyn Source>,
}

impl Kept {
    /// Up to `length` bytes from `offset`; fewer only at the end.
    pub(crate) fn read(&self, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        let left = self.entry.kept.saturating_sub(offset);
        let mut bytes = vec![0; usize::try_from(left).unwrap_or(usize::MAX).min(length)];
        let mut filled = 0;
        while filled < bytes.len() {
            match self.source.read_at(offset + filled as u64, &mut bytes[filled..])? {
                0 => break,
                read => filled += read,
            }
        }
        bytes.truncate(filled);
        Ok(bytes)
    }
}

/// The refusal when the shelf's own limit is reached.
pub(crate) fn full() -> io::Error {
    io::Error::from(io::ErrorKind::StorageFull)
}
