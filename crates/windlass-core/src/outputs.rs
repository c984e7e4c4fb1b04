use std::io;

use async_trait::async_trait;

use crate::Principal;

/// Takes output that may be too long for an answer, while it is being read: head and tail stay in memory, the rest goes
/// behind a handle. Implemented by `windlass-store`; a toolset only writes to the sinks.
pub trait Outputs: Send + Sync {
    /// Opens a sink for one stream of bytes (`label` names it for people: `stdout`, `rows`), owned by `owner`.
    fn open(&self, owner: &Principal, label: &str) -> Box<dyn Sink>;
}

/// One stream of output on its way in.
#[async_trait]
pub trait Sink: Send {
    /// Takes the next bytes. Never fails and never grows without bound: past the cap bytes go to disk, past the disk cap
    /// they are only counted.
    fn write(&mut self, bytes: &[u8]);

    /// From here on nothing more is shown: what is written is only kept, behind the handle. Sinks that show nothing need
    /// not heed it.
    fn hide_rest(&mut self) {}

    /// Ends the stream. What is kept is safely there once this returns, wherever that is, so it may take a moment; a
    /// few seconds at most.
    async fn finish(self: Box<Self>) -> Captured;
}

/// What is left of a stream of output, fit for an answer.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Captured {
    /// The whole text, or its head and tail around a line that says how much was left out. Invalid UTF-8 is replaced;
    /// no character is ever cut in half.
    pub text: String,
    /// Bytes written, kept or not.
    pub bytes: u64,
    /// Whether `text` is not the whole.
    pub truncated: bool,
    /// Where `read_output` and `search_output` find the whole, when `truncated` and it could be kept.
    pub handle: Option<String>,
}

/// For calls whose output needs no place: keeps everything in memory up to 1 MiB. Tests and doc examples use it.
pub struct NoOutputs;

const MEMORY_CAP: usize = 1 << 20;

impl Outputs for NoOutputs {
    fn open(&self, _owner: &Principal, _label: &str) -> Box<dyn Sink> {
        Box::new(MemorySink { kept: Vec::new(), bytes: 0, hidden: false })
    }
}

struct MemorySink {
    kept: Vec<u8>,
    bytes: u64,
    hidden: bool,
}

#[async_trait]
impl Sink for MemorySink {
    fn write(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        let room = if self.hidden { 0 } else { MEMORY_CAP - self.kept.len() };
        self.kept.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    fn hide_rest(&mut self) {
        self.hidden = true;
    }

    async fn finish(self: Box<Self>) -> Captured {
        Captured {
            text: String::from_utf8_lossy(&self.kept).into_owned(),
            bytes: self.bytes,
            truncated: self.bytes > self.kept.len() as u64,
            handle: None,
        }
    }
}

impl io::Write for dyn Sink + '_ {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Sink::write(self, bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
