//! What a guest can answer.

use serde::{Deserialize, Serialize};

use super::{GuestError, Name};

/// About the guest, in its welcome.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct About {
    /// The version of its program.
    pub program: String,
    /// Its process number.
    pub pid: u32,
    /// How many channels it serves at once.
    pub max_channels: u32,
}

/// A request is under way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Started {
    /// A command runs.
    Exec {
        /// The number of its process, as the guest sees it.
        pid: u32,
    },
    /// A file is open.
    Read(Metadata),
    /// Somebody connected.
    Accept,
}

/// A request is over.
pub type Done = Result<Outcome, GuestError>;

/// What became of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The command ended.
    Exit(Exit),
    /// So many bytes were read.
    Read {
        /// How many.
        bytes: u64,
    },
    /// So many bytes were written.
    Written {
        /// How many.
        bytes: u64,
    },
    /// What is there.
    Stat(Metadata),
    /// What is in the directory.
    List(Listing),
    /// How much is in use.
    Usage(Usage),
    /// It is done, and there is nothing to say.
    Nothing,
}

/// How a command ended.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Exit {
    /// Its exit code, unless a signal ended it.
    pub code: Option<i32>,
    /// The number of the signal that ended it.
    pub signal: Option<i32>,
    /// It was killed for taking too long.
    pub timed_out: bool,
    /// Something else of its tree was killed after it.
    pub killed_background: bool,
    /// From its start to its end.
    pub wall_ms: u64,
    /// Processor time, with that of the children it waited for.
    pub cpu_ms: u64,
    /// The most memory one of its processes had.
    pub peak_rss_bytes: u64,
}

impl Exit {
    /// It ended by itself, and well.
    pub fn success(&self) -> bool {
        self.code == Some(0)
    }
}

/// What a path is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metadata {
    /// Its kind.
    pub kind: EntryKind,
    /// Its size.
    pub size: u64,
    /// Its permissions.
    pub mode: u32,
    /// Its user.
    pub uid: u32,
    /// Its group.
    pub gid: u32,
    /// When it was last written, in milliseconds since 1970.
    pub modified_ms: i64,
    /// Where a symbolic link points.
    pub target: Option<Name>,
}

/// The kinds of what is in a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntryKind {
    /// A file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink,
    /// A device, a pipe, a socket.
    #[serde(other)]
    Other,
}

/// What is in a directory, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listing {
    /// The first ones.
    pub entries: Vec<Entry>,
    /// How many there are.
    pub total: u64,
    /// Not all of them are listed.
    pub truncated: bool,
}

/// One entry of a directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its name.
    pub name: Name,
    /// Its kind.
    pub kind: EntryKind,
    /// Its size.
    pub size: u64,
    /// Its permissions.
    pub mode: u32,
    /// When it was last written, in milliseconds since 1970.
    pub modified_ms: i64,
}

/// How much of the machine is in use.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Usage {
    /// Memory there is.
    pub memory_total_bytes: u64,
    /// Memory that can be had.
    pub memory_available_bytes: u64,
    /// Size of the file system asked about.
    pub disk_total_bytes: u64,
    /// What is free of it.
    pub disk_free_bytes: u64,
    /// Files that can still be made on it.
    pub files_free: u64,
    /// Load of the last minute.
    pub load: f64,
    /// Processes.
    pub processes: u32,
    /// Milliseconds since the machine started.
    pub uptime_ms: u64,
}
