//! A job's output: into a file while it runs, out of it in pages.

use std::{
    fs::File,
    io::{self, Write},
    os::unix::fs::FileExt,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use windlass_core::{Captured, Sink};

use super::record::Folder;

/// Bytes of one page.
const PAGE: usize = 32 * 1024;

/// A piece of output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Whole characters; what is not UTF-8 is replaced.
    pub text: String,
    /// Where the next page starts.
    pub next_offset: u64,
    /// Whether more is there already.
    pub more: bool,
}

/// Stdout and stderr in the order in which they came, as on a terminal.
struct Output {
    file: File,
    bytes: u64,
    limit: u64,
}

/// Counts what was written.
pub(super) struct Count(Arc<Mutex<Output>>);

struct FileSink(Arc<Mutex<Output>>);

impl Folder {
    /// Sinks for both streams, which keep `limit` bytes together.
    pub(super) fn sinks(&self, limit: u64) -> io::Result<([Box<dyn Sink>; 2], Count)> {
        let output = Arc::new(Mutex::new(Output { file: self.create_output()?, bytes: 0, limit }));
        Ok(([Box::new(FileSink(output.clone())), Box::new(FileSink(output.clone()))], Count(output)))
    }

    /// The page at `offset`. Before the end of a job a character that has only half arrived is left for the next page.
    pub(super) fn page(&self, offset: u64, ended: bool) -> io::Result<Page> {
        let file = match File::open(self.output_path()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Page { text: String::new(), next_offset: offset, more: false });
            }
            opened => opened?,
        };
        let mut bytes = vec![0; PAGE];
        let length = file.read_at(&mut bytes, offset)?;
        let size = file.metadata()?.len();
        let more = offset + (length as u64) < size;
        let whole = if ended && !more { length } else { whole_characters(&bytes[..length]) };
        Ok(Page {
            text: String::from_utf8_lossy(&bytes[..whole]).into_owned(),
            next_offset: offset + whole as u64,
            more,
        })
    }
}

/// How many of `bytes` are left without a character that is cut off at the end.
fn whole_characters(bytes: &[u8]) -> usize {
    let tail = bytes.len().saturating_sub(3);
    for start in (tail..bytes.len()).rev() {
        let needed = match bytes[start] {
            0xC0..=0xDF => 2,
            0xE0..=0xEF => 3,
            0xF0..=0xF7 => 4,
            // In the middle of a character: its first byte is further left.
            0x80..=0xBF => continue,
            _ => 1,
        };
        return if start + needed > bytes.len() { start } else { bytes.len() };
    }
    bytes.len()
}

impl Count {
    /// Bytes written, and whether they were more than is kept.
    pub(super) fn so_far(&self) -> (u64, bool) {
        let output = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (output.bytes, output.bytes > output.limit)
    }
}

#[async_trait]
impl Sink for FileSink {
    fn write(&mut self, bytes: &[u8]) {
        let mut output = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let room = usize::try_from(output.limit.saturating_sub(output.bytes)).unwrap_or(usize::MAX);
        output.bytes += bytes.len() as u64;
        if let Err(error) = output.file.write_all(&bytes[..bytes.len().min(room)]) {
            // A full disk ends what is kept, not the job.
            tracing::warn!(%error, "cannot keep a job's output");
            output.limit = 0;
        }
    }

    async fn finish(self: Box<Self>) -> Captured {
        Captured::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cut_characters_wait_for_the_next_page() {
        for (text, cut) in [("", 0), ("abc", 3), ("aé", 3), ("a€", 4), ("a😀", 5)] {
            let bytes = text.as_bytes();
            assert_eq!(whole_characters(bytes), cut);
            for length in 2..bytes.len() {
                let expected = if text.is_char_boundary(length) { length } else { 1 };
                assert_eq!(whole_characters(&bytes[..length]), expected, "{text} {length}");
            }
        }
        // Not UTF-8 at all: nothing to wait for.
        assert_eq!(whole_characters(&[0x80; 10]), 10);
    }
}
