//! The program whose parts are on both sides of a sandbox: it launches, and it serves inside.

use std::{ffi::OsString, path::PathBuf, process::ExitCode};

/// The argument that turns the windlass binary into a part of a sandbox.
pub const ARGUMENT: &str = "__sandbox";

/// The binary that launches and serves: `windlass-guest`, or one whose `main` calls [`main`].
#[derive(Debug, Clone)]
pub struct Program {
    /// The binary.
    pub path: PathBuf,
    /// What makes it call [`main`].
    pub args: Vec<OsString>,
}

impl Program {
    /// The running binary itself, which must hand over to [`main`] when its first argument is [`ARGUMENT`].
    pub fn this_binary() -> Self {
        Self { path: "/proc/self/exe".into(), args: vec![ARGUMENT.into()] }
    }
}

/// The part that a process plays in a sandbox. Call it before anything else in `main`, with what follows [`ARGUMENT`].
pub fn main(args: impl Iterator<Item = OsString>) -> ExitCode {
    windlass_guest::program::main(args)
}
