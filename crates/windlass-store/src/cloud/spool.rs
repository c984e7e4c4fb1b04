//! Where bytes wait for their upload: an unnamed file that shrinks from its front, or a little memory.

use std::{
    fs::File,
    io,
    os::unix::fs::FileExt,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use rustix::fs::FallocateFlags;

use crate::shelf::full;

/// Everything that waits, where there is only memory.
const IN_MEMORY: u64 = 16 << 20;

/// What may wait for its upload, of all streams together.
pub(super) struct Room {
    most: u64,
    used: AtomicU64,
}

impl Room {
    pub(super) fn new(most: u64) -> Self {
        Self { most, used: AtomicU64::new(0) }
    }

    pub(super) fn in_memory() -> Self {
        Self::new(IN_MEMORY)
    }

    pub(super) fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }
}

/// Room that is given back when dropped.
struct Taken {
    room: Arc<Room>,
    bytes: u64,
}

impl Taken {
    fn more(&mut self, bytes: u64) -> io::Result<()> {
        if self.room.used.fetch_add(bytes, Ordering::Relaxed) + bytes > self.room.most {
            self.room.used.fetch_sub(bytes, Ordering::Relaxed);
            return Err(full());
        }
        self.bytes += bytes;
        Ok(())
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.room.used.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// Whether output can wait in `directory`: permission bits do not tell whether one may write.
pub(crate) fn probe(directory: &Path) -> io::Result<()> {
    tempfile::tempfile_in(directory)?.write_all_at(b" ", 0)
}

/// One stream on its way: what was written since the last [`Spool::cut`].
pub(super) struct Spool {
    taken: Taken,
    /// Nobody else can open it, and it is gone with the process.
    file: Option<Arc<File>>,
    memory: Vec<u8>,
    /// Where in the file the piece begins that is being filled.
    start: u64,
    length: usize,
}

impl Spool {
    pub(super) fn new(room: Arc<Room>, directory: Option<&Path>) -> io::Result<Self> {
        let file = directory.map(tempfile::tempfile_in).transpose()?.map(Arc::new);
        Ok(Self { taken: Taken { room, bytes: 0 }, file, memory: Vec::new(), start: 0, length: 0 })
    }

    /// Bytes since the last cut.
    pub(super) fn length(&self) -> usize {
        self.length
    }

    /// Takes all of `bytes` or none.
    pub(super) fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.taken.more(bytes.len() as u64)?;
        match &self.file {
            Some(file) => file.write_all_at(bytes, self.start + self.length as u64)?,
            None => self.memory.extend_from_slice(bytes),
        }
        self.length += bytes.len();
        Ok(())
    }

    /// What was written since the last cut, to be uploaded by itself.
    pub(super) fn cut(&mut self) -> Piece {
        let length = std::mem::take(&mut self.length);
        let none = Taken { room: self.taken.room.clone(), bytes: 0 };
        let piece = Piece {
            file: self.file.clone(),
            memory: std::mem::take(&mut self.memory),
            start: self.start,
            length,
            _taken: std::mem::replace(&mut self.taken, none),
        };
        self.start += length as u64;
        piece
    }
}

/// A stretch of a stream. Its room is free again when it is dropped.
pub(super) struct Piece {
    file: Option<Arc<File>>,
    memory: Vec<u8>,
    start: u64,
    length: usize,
    _taken: Taken,
}

impl Piece {
    pub(super) fn length(&self) -> u64 {
        self.length as u64
    }

    /// The bytes. Reads a file: call it off the async threads.
    pub(super) fn load(&mut self) -> io::Result<Vec<u8>> {
        let Some(file) = &self.file else { return Ok(std::mem::take(&mut self.memory)) };
        let mut bytes = vec![0; self.length];
        file.read_exact_at(&mut bytes, self.start)?;
        Ok(bytes)
    }
}

impl Drop for Piece {
    fn drop(&mut self) {
        if let Some(file) = &self.file {
            // Gives the blocks back now. Where a file system cannot, they are free at the end of the stream.
            let hole = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
            let _ = rustix::fs::fallocate(file, hole, self.start, self.length.max(1) as u64);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;

    #[test]
    fn what_was_uploaded_makes_room() {
        let directory = tempfile::tempdir().unwrap();
        for place in [None, Some(directory.path())] {
            let room = Arc::new(Room::new(100_000));
            let mut spool = Spool::new(room.clone(), place).unwrap();
            spool.append(&[b'a'; 40_000]).unwrap();
            spool.append(&[b'b'; 40_000]).unwrap();
            assert_eq!(spool.append(&[b'c'; 40_000]).unwrap_err().kind(), io::ErrorKind::StorageFull);
            let mut piece = spool.cut();
            assert_eq!((piece.length(), room.used()), (80_000, 80_000));
            let bytes = piece.load().unwrap();
            assert_eq!((&bytes[..1], &bytes[79_999..]), (&b"a"[..], &b"b"[..]));
            drop(piece);
            assert_eq!((spool.length(), room.used()), (0, 0));
            spool.append(&[b'c'; 40_000]).unwrap();
            assert_eq!(spool.cut().load().unwrap(), [b'c'; 40_000]);
            drop(spool);
            assert_eq!(room.used(), 0);
        }
        assert_eq!(directory.path().read_dir().unwrap().count(), 0, "it had a name");
    }

    #[test]
    fn the_disk_is_given_back_piece_by_piece() {
        let directory = tempfile::tempdir().unwrap();
        let mut spool = Spool::new(Arc::new(Room::new(u64::MAX)), Some(directory.path())).unwrap();
        let file = spool.file.clone().unwrap();
        for _ in 0..8 {
            spool.append(&[b'x'; 1 << 20]).unwrap();
            drop(spool.cut());
        }
        let blocks = file.metadata().unwrap().blocks() * 512;
        assert!(blocks < 2 << 20, "{blocks} bytes of 8 MiB are still on the disk");
    }
}
