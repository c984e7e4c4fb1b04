//! Starting a command.

use std::{
    io,
    os::fd::{AsFd, OwnedFd},
    path::Path,
    process::{Command, Stdio},
    sync::PoisonError,
};

use rustix::{
    pipe::{PipeFlags, pipe_with},
    process::{Gid, Resource, Rlimit, Signal, Uid, ioctl_tiocsctty, set_parent_process_death_signal, setrlimit},
    pty::{OpenptFlags, ioctl_tiocgptpeer, openpt, unlockpt},
    termios::{Winsize, tcsetwinsize},
    thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid},
};

use super::{Shared, exit::Reports};
use crate::{
    fd::FdStream,
    os,
    protocol::{ErrorKind, ExecRequest, GuestError, Limits, PtySize},
};

/// Where programs are looked for when the host does not say.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A command that was started.
pub(super) struct Spawned {
    /// The process above it, which adopts what it leaves behind.
    pub(super) keeper: i32,
    pub(super) reports: Reports,
    pub(super) stdin: Option<FdStream>,
    pub(super) stdout: Option<FdStream>,
    pub(super) stderr: Option<FdStream>,
    pub(super) terminal: bool,
}

pub(super) fn spawn(shared: &Shared, request: &ExecRequest) -> Result<Spawned, GuestError> {
    let mut command = describe(request)?;
    let (report, keeper_end) = pipe_with(PipeFlags::CLOEXEC)?;
    let master = connect(&mut command, request)?;
    let credentials = Credentials::of(request);
    let (limits, terminal) = (request.limits, master.is_some());
    os::keep(&mut command, keeper_end, move || {
        if terminal {
            ioctl_tiocsctty(rustix::stdio::stdin())?;
        }
        set_limits(&limits)?;
        credentials.take_on()
    });
    let mut child = {
        let mut keepers = shared.keepers.lock().unwrap_or_else(PoisonError::into_inner);
        let child = command.spawn().map_err(|error| explain(&error, request))?;
        keepers.insert(child.id().cast_signed());
        child
    };
    let keeper = child.id().cast_signed();
    let (stdin, stdout) = match master {
        Some(master) => {
            let master = FdStream::new(master)?;
            (request.stdin.then(|| master.clone()), Some(master))
        }
        None => (stream(child.stdin.take())?, stream(child.stdout.take())?),
    };
    let stderr = stream(child.stderr.take())?;
    Ok(Spawned { keeper, reports: Reports(FdStream::new(report)?), stdin, stdout, stderr, terminal })
}

/// Tells a running command's terminal its new size.
pub(super) fn resize(terminal: &impl AsFd, size: PtySize) -> io::Result<()> {
    Ok(tcsetwinsize(terminal, window(size))?)
}

fn stream(pipe: Option<impl Into<OwnedFd>>) -> io::Result<Option<FdStream>> {
    pipe.map(FdStream::new).transpose()
}

fn describe(request: &ExecRequest) -> Result<Command, GuestError> {
    let Some((program, args)) = request.argv.split_first() else {
        return Err(GuestError::new(ErrorKind::Invalid, "no program is named"));
    };
    let mut command = Command::new(program.as_os_str());
    command.args(args.iter().map(|arg| arg.as_os_str())).env_clear().env("PATH", PATH);
    command.envs(request.env.iter().map(|(name, value)| (name.as_os_str(), value.as_os_str())));
    if let Some(cwd) = &request.cwd {
        // Else a missing directory looks like a missing program.
        if !std::fs::metadata(cwd.as_path())?.is_dir() {
            return Err(GuestError::new(ErrorKind::NotDirectory, format!("{} is no directory", cwd.to_text())));
        }
        command.current_dir(cwd.as_path());
    }
    Ok(command)
}

/// Gives the command a terminal, whose other end is returned, or pipes.
fn connect(command: &mut Command, request: &ExecRequest) -> Result<Option<OwnedFd>, GuestError> {
    let Some(size) = request.pty else {
        command.stdin(if request.stdin { Stdio::piped() } else { Stdio::null() });
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        return Ok(None);
    };
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let master = openpt(flags)?;
    unlockpt(&master)?;
    let slave = ioctl_tiocgptpeer(&master, flags)?;
    tcsetwinsize(&master, window(size))?;
    command.stdin(slave.try_clone()?).stdout(slave.try_clone()?).stderr(slave);
    Ok(Some(master))
}

fn window(size: PtySize) -> Winsize {
    Winsize { ws_row: size.rows, ws_col: size.cols, ws_xpixel: 0, ws_ypixel: 0 }
}

/// As whom a command runs.
struct Credentials {
    user: Option<Uid>,
    group: Option<Gid>,
    groups: Vec<Gid>,
}

impl Credentials {
    fn of(request: &ExecRequest) -> Self {
        Self {
            user: request.uid.map(Uid::from_raw),
            group: request.gid.or(request.uid).map(Gid::from_raw),
            groups: request.groups.iter().copied().map(Gid::from_raw).collect(),
        }
    }

    /// Runs between fork and exec.
    fn take_on(&self) -> io::Result<()> {
        if let Some(group) = self.group {
            set_thread_groups(&self.groups)?;
            set_thread_res_gid(group, group, group)?;
        }
        if let Some(user) = self.user {
            set_thread_res_uid(user, user, user)?;
        }
        // A change of user takes the wish back to die with the keeper.
        Ok(set_parent_process_death_signal(Some(Signal::KILL))?)
    }
}

/// Runs between fork and exec.
fn set_limits(limits: &Limits) -> io::Result<()> {
    let all = [
        (Resource::Cpu, limits.cpu_seconds),
        (Resource::As, limits.address_space),
        (Resource::Fsize, limits.file_size),
        (Resource::Nofile, limits.open_files),
        (Resource::Nproc, limits.processes),
        (Resource::Core, limits.core),
    ];
    for (resource, limit) in all {
        if limit.is_some() {
            setrlimit(resource, Rlimit { current: limit, maximum: limit })?;
        }
    }
    Ok(())
}

fn explain(error: &io::Error, request: &ExecRequest) -> GuestError {
    let program = request.argv.first().map(|name| name.to_text()).unwrap_or_default();
    let missing = error.kind() == io::ErrorKind::NotFound;
    // The file is there, and what should interpret it is not.
    if missing && program.contains('/') && Path::new(&program).exists() {
        return GuestError::new(ErrorKind::NotExecutable, format!("{program}: its interpreter is missing"));
    }
    let kind = GuestError::from(io::Error::from(error.kind())).kind;
    let kind = match error.raw_os_error() {
        Some(number) => GuestError::from(io::Error::from_raw_os_error(number)).kind,
        None => kind,
    };
    GuestError::new(kind, format!("{program}: {error}"))
}
