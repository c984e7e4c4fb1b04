//! Describing a command.

use std::time::Duration;

use crate::protocol::{ExecRequest, Limits, Name, PtySize};

/// A command to run in a guest. It gets the environment that is set here and nothing else.
#[derive(Debug, Clone)]
pub struct Command {
    pub(super) request: ExecRequest,
}

impl Command {
    /// Runs `program`, looked for in the `PATH` of the command.
    pub fn new(program: impl Into<Name>) -> Self {
        Self { request: ExecRequest { argv: vec![program.into()], ..ExecRequest::default() } }
    }

    /// Adds an argument.
    pub fn arg(mut self, arg: impl Into<Name>) -> Self {
        self.request.argv.push(arg.into());
        self
    }

    /// Adds arguments.
    pub fn args<N: Into<Name>>(mut self, args: impl IntoIterator<Item = N>) -> Self {
        self.request.argv.extend(args.into_iter().map(Into::into));
        self
    }

    /// Sets a variable.
    pub fn env(mut self, name: impl Into<Name>, value: impl Into<Name>) -> Self {
        self.request.env.push((name.into(), value.into()));
        self
    }

    /// Sets where it starts.
    pub fn cwd(mut self, path: impl Into<Name>) -> Self {
        self.request.cwd = Some(path.into());
        self
    }

    /// Sets as whom it runs.
    pub fn user(mut self, uid: u32, gid: u32) -> Self {
        (self.request.uid, self.request.gid) = (Some(uid), Some(gid));
        self
    }

    /// It gets input, through [`super::Running::take_stdin`].
    pub fn stdin(mut self) -> Self {
        self.request.stdin = true;
        self
    }

    /// It runs in a terminal of this size, whose output is the standard output.
    pub fn pty(mut self, size: PtySize) -> Self {
        (self.request.pty, self.request.stdin) = (Some(size), true);
        self
    }

    /// It is killed after this time, with everything it started.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.request.timeout_ms = Some(millis(timeout));
        self
    }

    /// It gets `SIGTERM` so long before it is killed for taking too long.
    pub fn term_before_kill(mut self, early: Duration) -> Self {
        self.request.term_before_kill_ms = millis(early);
        self
    }

    /// How long the output of its background processes is waited for after its end.
    pub fn drain(mut self, drain: Duration) -> Self {
        self.request.drain_ms = Some(millis(drain));
        self
    }

    /// What it leaves in the background lives on until the host goes.
    pub fn keep_background(mut self) -> Self {
        self.request.keep_background = true;
        self
    }

    /// Limits each of its processes.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.request.limits = limits;
        self
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
