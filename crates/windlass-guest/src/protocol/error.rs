//! What can be wrong: with the stream, and with a request.

use std::{fmt, io};

use serde::{Deserialize, Serialize};

/// The other side broke the rules; the connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProtocolError {
    /// A kind of frame that does not exist.
    #[error("unknown kind of frame {0}")]
    UnknownKind(u8),
    /// A stream that does not exist, or one that this kind of frame cannot be about.
    #[error("stream {stream} in a frame of kind {kind}")]
    WrongStream {
        /// The kind of the frame.
        kind: u8,
        /// The stream it names.
        stream: u8,
    },
    /// The two zero bytes of the header are not zero: the stream is out of step.
    #[error("the header of a frame has bytes set that must be zero")]
    ReservedBytes,
    /// A frame longer, or shorter, than its kind allows.
    #[error("a frame of kind {kind} with {length} bytes")]
    WrongLength {
        /// The kind of the frame.
        kind: u8,
        /// The length it claims.
        length: u32,
    },
    /// A frame on a channel that it cannot be on.
    #[error("a frame of kind {kind} on channel {channel}")]
    WrongChannel {
        /// The kind of the frame.
        kind: u8,
        /// The channel it names.
        channel: u32,
    },
    /// A frame for a channel that was never opened.
    #[error("a frame for channel {0}, which was never opened")]
    UnknownChannel(u32),
    /// A channel number was used twice, or went backwards.
    #[error("channel {0} opened a second time")]
    ReusedChannel(u32),
    /// A kind of frame that only the other side sends.
    #[error("a frame of kind {0} from the wrong side")]
    WrongSide(u8),
    /// More data than there was credit for.
    #[error("more data on channel {0} than there was credit for")]
    CreditExceeded(u32),
    /// More credit than may be given.
    #[error("more credit on channel {0} than may be given")]
    CreditOverflow(u32),
    /// Data after the end of its stream.
    #[error("data on channel {0} after its end")]
    DataAfterEnd(u32),
    /// JSON that is not what this frame carries.
    #[error("a frame of kind {0} does not hold the JSON it must")]
    BadJson(u8),
    /// An answer to another question.
    #[error("channel {0} was answered with something else than was asked for")]
    WrongAnswer(u32),
    /// No hello or welcome where one must be.
    #[error("no greeting of this protocol")]
    BadGreeting,
}

/// Why a request failed inside the guest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct GuestError {
    /// What to branch on.
    pub kind: ErrorKind,
    /// What to show.
    pub message: String,
}

/// The kinds of errors of a guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// No such file, directory or program.
    NotFound,
    /// Not permitted.
    Permission,
    /// It is a directory.
    IsDirectory,
    /// A part of the path, or the path, is not a directory.
    NotDirectory,
    /// The directory is not empty.
    NotEmpty,
    /// It is there already.
    Exists,
    /// Neither a file nor a directory: a device, a socket, a pipe.
    NotRegular,
    /// The disk or the quota is full.
    NoSpace,
    /// Bigger than the file system or a limit allows.
    TooLarge,
    /// The file system cannot be written.
    ReadOnly,
    /// The request makes no sense.
    Invalid,
    /// Too many channels, processes or open files.
    Busy,
    /// The program cannot be executed.
    NotExecutable,
    /// The host cancelled it.
    Cancelled,
    /// Anything else the system said.
    #[serde(other)]
    Other,
}

impl GuestError {
    /// An error of this kind.
    pub fn new(kind: ErrorKind, message: impl fmt::Display) -> Self {
        // Part of a control frame, whose size is bounded.
        Self { kind, message: message.to_string().chars().take(1024).collect() }
    }
}

impl From<io::Error> for GuestError {
    fn from(error: io::Error) -> Self {
        Self::new(kind_of(&error), error)
    }
}

impl From<rustix::io::Errno> for GuestError {
    fn from(error: rustix::io::Errno) -> Self {
        io::Error::from(error).into()
    }
}

fn kind_of(error: &io::Error) -> ErrorKind {
    use io::ErrorKind as Io;
    match error.kind() {
        Io::NotFound => ErrorKind::NotFound,
        Io::PermissionDenied => ErrorKind::Permission,
        Io::IsADirectory => ErrorKind::IsDirectory,
        Io::NotADirectory => ErrorKind::NotDirectory,
        Io::DirectoryNotEmpty => ErrorKind::NotEmpty,
        Io::AlreadyExists => ErrorKind::Exists,
        Io::StorageFull | Io::QuotaExceeded => ErrorKind::NoSpace,
        Io::FileTooLarge | Io::ArgumentListTooLong => ErrorKind::TooLarge,
        Io::ReadOnlyFilesystem => ErrorKind::ReadOnly,
        Io::InvalidInput | Io::InvalidData | Io::InvalidFilename => ErrorKind::Invalid,
        Io::WouldBlock | Io::OutOfMemory | Io::ResourceBusy => ErrorKind::Busy,
        _ => by_number(error.raw_os_error()),
    }
}

/// What the standard library has no stable name for.
fn by_number(number: Option<i32>) -> ErrorKind {
    use rustix::io::Errno;
    match number.map(Errno::from_raw_os_error) {
        Some(Errno::NOEXEC) => ErrorKind::NotExecutable,
        Some(Errno::LOOP) => ErrorKind::Invalid,
        Some(Errno::MFILE | Errno::NFILE) => ErrorKind::Busy,
        _ => ErrorKind::Other,
    }
}
