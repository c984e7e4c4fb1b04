//! How a command is started: never by the server itself, always through a small supervisor.
//!
//! The server re-executes its own binary as the supervisor, one for each run. That process has a single thread, knows
//! nothing but its [`Job`], and becomes the parent of everything the run starts, orphans included (it is a child
//! subreaper). So ending a run means: signal all descendants until none is left, and a daemon that forked twice and made
//! its own session is still a descendant. Between server and supervisor there is one socket; when the server's end
//! closes, because it was killed or because it dropped the run, the supervisor ends the tree.
//!
//! The limits (rlimits, capabilities, Landlock, seccomp) are put on each command between `fork` and `exec` *in the
//! supervisor*. Doing that in the server would mean running code in a forked copy of a process with many threads, where
//! even an allocation may wait for ever on a lock whose owner was not copied.

mod confine;
mod files;
mod job;
mod os;
mod probe;
mod spawn;
mod supervisor;
pub(crate) mod tree;

use std::{ffi::OsString, path::PathBuf, process::ExitCode};

pub(crate) use job::STOP;
pub use job::{Confinement, Event, Insist, Job, Limits, Outcome};
pub use probe::{Protection, Protections};
pub(crate) use windlass_confine::Cgroups;

/// The argument that turns the windlass binary into a supervisor.
pub const ARGUMENT: &str = "__launch";

/// The argument after it that makes it report, from inside the limits, which of them hold.
const PROBE: &str = "probe";

/// The binary that supervises: one whose `main` calls [`main`].
#[derive(Debug, Clone)]
pub struct Launcher {
    /// The binary.
    pub program: PathBuf,
    /// What makes it call [`main`].
    pub args: Vec<OsString>,
}

impl Launcher {
    /// The running binary itself, which must hand over to [`main`] when its first argument is [`ARGUMENT`]. Works also
    /// after the file was replaced or deleted.
    pub fn this_binary() -> Self {
        Self { program: "/proc/self/exe".into(), args: vec![ARGUMENT.into()] }
    }
}

/// The supervisor. Call it before anything else in `main`: before threads, runtimes and loggers.
pub fn main() -> ExitCode {
    if std::env::args_os().next_back().is_some_and(|last| last == PROBE) {
        return probe::report();
    }
    match supervisor::run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // The command's own stderr: the one place left when the socket to the server is gone.
            eprintln!("windlass: the supervisor failed: {error}");
            ExitCode::from(70)
        }
    }
}
