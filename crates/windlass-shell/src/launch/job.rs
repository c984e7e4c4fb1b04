//! What server and supervisor say to each other: a [`Job`] one way, [`Event`]s the other. Both are the same binary, so
//! there is no version to negotiate.

use std::{
    collections::BTreeMap,
    io::{self, Read, Write},
    path::PathBuf,
    time::Duration,
};

use serde::{Deserialize, Serialize};
use windlass_confine::Cgroups;

use crate::plan::Plan;

/// One run, complete. The supervisor looks nothing up.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Job {
    /// What to run.
    pub plan: Plan,
    /// Where.
    pub directory: PathBuf,
    /// The whole environment.
    pub environment: BTreeMap<String, String>,
    /// How long it may take; then everything is ended.
    pub timeout: Option<Duration>,
    /// What it may use up.
    pub limits: Limits,
    /// What it may reach.
    pub confinement: Confinement,
    /// The server, which commands must not signal.
    pub server: i32,
    /// Bytes of standard input that follow this job on the socket.
    pub stdin_bytes: u64,
}

/// What one run may use up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Bytes of memory: of the whole run where there is a cgroup, of each process's data always.
    pub memory: u64,
    /// Processes and threads.
    pub processes: u64,
    /// Largest file written.
    pub file_size: u64,
    /// Processor seconds of one process.
    pub cpu_seconds: u64,
    /// Open files of one process.
    pub open_files: u64,
}

/// What one run may reach.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confinement {
    /// File rules of the kernel.
    pub landlock: Insist,
    /// System call filter of the kernel.
    pub seccomp: Insist,
    /// Whether sockets other than local ones may be made.
    pub network: bool,
    /// Files below these may be read.
    pub read: Vec<PathBuf>,
    /// Files below these may be written too.
    pub write: Vec<PathBuf>,
    /// Files below these may be executed, beside the system's programs and the ones the plan names.
    pub execute: Vec<PathBuf>,
    /// Whether the system's programs may only be read: the plan names all that has to run.
    pub sealed: bool,
}

/// How much a protection is insisted on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Insist {
    /// Used where there is one.
    Auto,
    /// Nothing runs without.
    Required,
    /// Not used.
    Off,
}

/// What the supervisor reports.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// The supervisor holds the job. `cgroups` are what the server must empty, should the supervisor die.
    Started {
        /// Directories of the run's control groups.
        cgroups: Cgroups,
    },
    /// Nothing was run, because something insisted on is not there.
    Refused(String),
    /// Something for the operator's log.
    Warning(String),
    /// It is over, and no process is left.
    Finished(Outcome),
}

/// How a run ended.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// Exit code of the last command that ran, `!` applied; `None` where a signal ended it.
    pub exit_code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// Ended because the time was over.
    pub timed_out: bool,
    /// Ended because the server said so.
    pub stopped: bool,
    /// Processor time of everything the run started.
    pub cpu: Duration,
    /// Largest memory any of its processes had, in KiB.
    pub max_rss_kib: u64,
}

/// What the server sends to end a run.
pub(crate) const STOP: u8 = b'T';

impl Job {
    /// Writes the job as the supervisor reads it.
    pub(crate) fn encode(&self) -> io::Result<Vec<u8>> {
        let body = serde_json::to_vec(self)?;
        let length = u32::try_from(body.len()).map_err(io::Error::other)?;
        Ok([&length.to_be_bytes()[..], &body].concat())
    }

    pub(super) fn read(from: &mut impl Read) -> io::Result<Self> {
        let mut length = [0; 4];
        from.read_exact(&mut length)?;
        let mut body = vec![0; u32::from_be_bytes(length) as usize];
        from.read_exact(&mut body)?;
        Ok(serde_json::from_slice(&body)?)
    }
}

impl Event {
    pub(super) fn write(&self, mut to: impl Write) -> io::Result<()> {
        let mut line = serde_json::to_vec(self)?;
        line.push(b'\n');
        to.write_all(&line)
    }
}
