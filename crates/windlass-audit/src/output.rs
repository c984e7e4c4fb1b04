use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{self, Read, Seek, SeekFrom, Write},
    os::{fd::AsFd, unix::fs::OpenOptionsExt},
    path::Path,
    thread,
    time::Duration,
};

use crate::{line::GENESIS, verify};

/// Bytes kept for an output that takes none at the moment (a full disk). Beyond that lines are lost there, and counted.
const MOST_UNWRITTEN: usize = 4 << 20;
/// As much of a file's end as surely holds its last line.
const LAST_LINE: u64 = 512 << 10;

/// One place the lines go to.
pub(crate) struct Output {
    name: String,
    file: File,
    unwritten: Vec<u8>,
    lost: u64,
}

impl Output {
    pub(crate) fn stdout() -> io::Result<Self> {
        Self::descriptor("stdout", &io::stdout())
    }

    pub(crate) fn stderr() -> io::Result<Self> {
        Self::descriptor("stderr", &io::stderr())
    }

    /// Past the standard library's line buffer: a batch is one write.
    fn descriptor(name: &str, stream: &impl AsFd) -> io::Result<Self> {
        Ok(Self::new(name, File::from(stream.as_fd().try_clone_to_owned()?)))
    }

    fn new(name: impl Into<String>, file: File) -> Self {
        Self { name: name.into(), file, unwritten: Vec::new(), lost: 0 }
    }

    /// Opens a file to append to, and tells the hash of its last line.
    pub(crate) fn file(path: &Path) -> io::Result<(Self, String)> {
        let mut file = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path)?;
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => {
                let why = "another process writes its audit log here; give each its own file";
                return Err(io::Error::new(io::ErrorKind::ResourceBusy, why));
            }
            // A file system without locks, or something that is no file at all.
            Err(TryLockError::Error(_)) | Ok(()) => {}
        }
        let mut output = Self::new(path.display().to_string(), file.try_clone()?);
        let metadata = file.metadata()?;
        let mut end = Vec::new();
        if metadata.is_file() {
            file.seek(SeekFrom::Start(metadata.len().saturating_sub(LAST_LINE)))?;
            file.read_to_end(&mut end)?;
        }
        if end.last().is_some_and(|byte| *byte != b'\n') {
            // The process before died within a line.
            output.unwritten.push(b'\n');
        }
        let last = end.rsplit(|byte| *byte == b'\n').find_map(verify::hash_of);
        Ok((output, last.unwrap_or_else(|| GENESIS.to_owned())))
    }

    /// Writes whole lines. What could not be written comes first the next time.
    pub(crate) fn write(&mut self, lines: &[u8]) -> Result<(), String> {
        if self.unwritten.len() + lines.len() <= MOST_UNWRITTEN || self.unwritten.is_empty() {
            self.unwritten.extend_from_slice(lines);
        } else {
            self.lost += lines.iter().filter(|byte| **byte == b'\n').count() as u64;
        }
        let (written, result) = write_all(&mut self.file, &self.unwritten);
        self.unwritten.drain(..written);
        let lost = match self.lost {
            0 => String::new(),
            lost => format!(", {lost} lines lost"),
        };
        match result {
            Err(error) => Err(format!("{}: {error}{lost}", self.name)),
            Ok(()) if self.lost > 0 => Err(format!("{}: writable again{lost}", self.name)),
            Ok(()) => Ok(()),
        }
    }
}

/// Like [`Write::write_all`], but says how far it came.
fn write_all(file: &mut File, bytes: &[u8]) -> (usize, io::Result<()>) {
    let mut written = 0;
    while written < bytes.len() {
        match file.write(&bytes[written..]) {
            Ok(0) => return (written, Err(io::ErrorKind::WriteZero.into())),
            Ok(length) => written += length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // A pipe that somebody made non-blocking, and whose reader is slow: the log waits, and so do callers.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => thread::sleep(Duration::from_millis(1)),
            Err(error) => return (written, Err(error)),
        }
    }
    (written, Ok(()))
}
