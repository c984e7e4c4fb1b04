//! What a host can ask for.

use serde::{Deserialize, Serialize};

use super::Name;

/// A request, which opens a channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
pub enum Request {
    /// Run a command.
    Exec(Box<ExecRequest>),
    /// Read a file, or a part of it.
    Read(ReadRequest),
    /// Write a file.
    Write(WriteRequest),
    /// What is there? A symbolic link is told as such.
    Stat {
        /// Where to look.
        path: Name,
    },
    /// What is in a directory?
    List {
        /// The directory.
        path: Name,
        /// At most so many entries, the first by name.
        limit: u32,
    },
    /// Remove a file, a link or a directory.
    Remove {
        /// What to remove.
        path: Name,
        /// A directory with everything in it.
        recursive: bool,
    },
    /// Make a directory.
    MakeDir {
        /// Which.
        path: Name,
        /// Those above it too, and no error where it exists.
        parents: bool,
        /// Its permissions, before the mask.
        mode: Option<u32>,
    },
    /// How much of the machine is in use?
    Usage {
        /// The file system to tell about: the one that holds this path.
        path: Name,
    },
    /// The next connection to a port of the guest's own loopback is to be this channel: what comes in is output, what
    /// goes back is input.
    Accept {
        /// The port, which is listened on from now on.
        port: u16,
    },
    /// You were asleep, or are one of many copies.
    Renew(RenewRequest),
    /// Are you there?
    Ping,
}

/// What a machine that was stored and woken cannot know by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RenewRequest {
    /// Nanoseconds since 1970.
    pub time_ns: u64,
    /// Random bytes, for its own generator.
    pub entropy: [u8; 32],
}

/// A command to run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ExecRequest {
    /// The program, and its arguments.
    pub argv: Vec<Name>,
    /// All of its environment; `PATH` has a default.
    pub env: Vec<(Name, Name)>,
    /// Where it starts; the guest's own directory if not said.
    pub cwd: Option<Name>,
    /// As which user.
    pub uid: Option<u32>,
    /// As which group; the user's number if only that is given.
    pub gid: Option<u32>,
    /// Other groups, when the user changes.
    pub groups: Vec<u32>,
    /// Whether input will be sent; else it reads nothing.
    pub stdin: bool,
    /// A terminal of this size instead of three pipes.
    pub pty: Option<PtySize>,
    /// The whole tree is killed after so many milliseconds.
    pub timeout_ms: Option<u64>,
    /// So many milliseconds before that kill, `SIGTERM` goes to the group.
    pub term_before_kill_ms: u64,
    /// How long output is waited for that something else of the tree still holds open after the command ended.
    pub drain_ms: Option<u64>,
    /// Leave what it started in the background alive, until the host goes.
    pub keep_background: bool,
    /// Limits on each of its processes.
    pub limits: Limits,
}

/// The size of a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PtySize {
    /// Lines.
    pub rows: u16,
    /// Columns.
    pub cols: u16,
}

/// Limits on each process of a command, in the units of `setrlimit`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Limits {
    /// Seconds of processor time.
    pub cpu_seconds: Option<u64>,
    /// Bytes of address space.
    pub address_space: Option<u64>,
    /// Bytes of the biggest file.
    pub file_size: Option<u64>,
    /// Open files.
    pub open_files: Option<u64>,
    /// Processes of the user.
    pub processes: Option<u64>,
    /// Bytes of a core dump.
    pub core: Option<u64>,
}

/// A file to read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadRequest {
    /// Which.
    pub path: Name,
    /// From where.
    #[serde(default)]
    pub offset: u64,
    /// At most so much; to the end if not said.
    #[serde(default)]
    pub length: Option<u64>,
}

/// A file to write.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WriteRequest {
    /// Which. A link is followed.
    pub path: Name,
    /// How.
    #[serde(default)]
    pub mode: WriteMode,
    /// Its permissions; those it has, or 644, if not said.
    #[serde(default)]
    pub permissions: Option<u32>,
    /// Its user and group; those it has, or the guest's, if not said.
    #[serde(default)]
    pub owner: Option<(u32, u32)>,
    /// Make the directories above it.
    #[serde(default)]
    pub parents: bool,
}

/// What happens to a file that is there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WriteMode {
    /// It is replaced at once when everything has come, or stays as it was.
    #[default]
    Replace,
    /// It is an error.
    Create,
    /// It grows, as data comes.
    Append,
}

/// What a host can tell a running command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Control {
    /// A signal to its process group, by name: `INT` or `SIGINT`.
    Signal(String),
    /// The terminal has a new size.
    Resize(PtySize),
}
