//! Starting the commands of one pipeline.

use std::{
    ffi::CString,
    fs::File,
    io::{self, PipeReader},
    os::{fd::OwnedFd, unix::process::CommandExt},
    path::Path,
    process::{Command as Process, Stdio},
};

use rustix::{
    fs::{CWD, Mode, OFlags, ResolveFlags},
    process::Pid,
};

use super::{
    Job,
    confine::{Protection, UNPROTECTED},
    os,
};
use crate::plan::{Command, Redirect};

/// What became of starting one command.
pub(super) enum Start {
    /// It runs.
    Running(Pid),
    /// It could not be started: the exit code a shell would give, and why.
    Failed(i32, String),
}

/// Starts every command of `pipeline`, each one's stdout feeding the next one's stdin.
pub(super) fn pipeline(
    commands: &[Command],
    job: &Job,
    stdin: &File,
    protection: &Protection,
) -> io::Result<Vec<Start>> {
    let mut previous: Option<PipeReader> = None;
    let mut started = Vec::with_capacity(commands.len());
    for (index, command) in commands.iter().enumerate() {
        let input: OwnedFd = match previous.take() {
            Some(reader) => reader.into(),
            None => stdin.try_clone()?.into(),
        };
        let mut output: OwnedFd = io_stdout()?;
        if index + 1 < commands.len() {
            let (reader, writer) = io::pipe()?;
            previous = Some(reader);
            output = writer.into();
        }
        started.push(start(command, job, [input, output, io_stderr()?], protection)?);
    }
    Ok(started)
}

fn start(command: &Command, job: &Job, fds: [OwnedFd; 3], protection: &Protection) -> io::Result<Start> {
    let program = command.program.display();
    let [input, output, error] = match redirect(fds, &command.redirects) {
        Ok(fds) => fds,
        Err(message) => return Ok(Start::Failed(1, message)),
    };
    let mut process = Process::new(&command.program);
    if let Some((name, arguments)) = command.argv.split_first() {
        process.arg0(name).args(arguments);
    }
    process
        .env_clear()
        .envs(&job.environment)
        .envs(command.environment.iter().map(|(name, value)| (name, value)))
        .current_dir(&job.directory)
        .stdin(Stdio::from(input))
        .stdout(Stdio::from(output))
        .stderr(Stdio::from(error))
        // `kill 0` must not reach the supervisor.
        .process_group(0);
    os::before_exec(&mut process, protection.for_child()?);
    match process.spawn() {
        // Waited for by number, together with the orphans that become ours.
        Ok(child) => Ok(Start::Running(Pid::from_child(&child))),
        Err(error) if error.raw_os_error() == Some(UNPROTECTED.raw_os_error()) => {
            Err(io::Error::other("a protection could not be put on the command, so it was not started"))
        }
        Err(error) => {
            let code = if error.kind() == io::ErrorKind::NotFound { 127 } else { 126 };
            let why = match error.kind() {
                io::ErrorKind::NotFound if !job.directory.is_dir() => {
                    format!("the working directory {} does not exist", job.directory.display())
                }
                io::ErrorKind::NotFound => "no such program, or its interpreter is missing".to_owned(),
                io::ErrorKind::PermissionDenied => "permission denied, by its mode or by the file rules".to_owned(),
                io::ErrorKind::ArgumentListTooLong => "the arguments are too long".to_owned(),
                _ => error.to_string(),
            };
            Ok(Start::Failed(code, format!("cannot start {program}: {why}")))
        }
    }
}

fn redirect(mut fds: [OwnedFd; 3], redirects: &[Redirect]) -> Result<[OwnedFd; 3], String> {
    for redirect in redirects {
        let (fd, file) = match redirect {
            Redirect::Read { path } => (0, open(path, OFlags::RDONLY)),
            Redirect::Write { fd, path, append } => {
                let how = if *append { OFlags::APPEND } else { OFlags::TRUNC };
                (*fd, open(path, OFlags::WRONLY | OFlags::CREATE | how))
            }
            Redirect::Null { fd } => (*fd, File::options().read(true).write(true).open("/dev/null").map(OwnedFd::from)),
            Redirect::Duplicate { fd, from } => {
                let source = fds.get(usize::from(*from)).ok_or_else(|| format!("no descriptor {from}"))?;
                (*fd, source.try_clone())
            }
        };
        let slot = fds.get_mut(usize::from(fd)).ok_or_else(|| format!("no descriptor {fd}"))?;
        *slot = file.map_err(|error| match redirect {
            Redirect::Read { path } | Redirect::Write { path, .. } => {
                format!("cannot open {}: {error}", path.display())
            }
            _ => error.to_string(),
        })?;
    }
    Ok(fds)
}

/// Opens a regular file at exactly `path`: the rules resolved its symbolic links, so one that is there now was put there
/// since, and following it could lead anywhere.
fn open(path: &Path, how: OFlags) -> io::Result<OwnedFd> {
    // Without NONBLOCK a named pipe would make the supervisor wait, deaf to its deadline.
    let flags = how | OFlags::CLOEXEC | OFlags::NOCTTY | OFlags::NONBLOCK;
    let mode = Mode::from_raw_mode(if how.contains(OFlags::CREATE) { 0o644 } else { 0 });
    let name = CString::new(path.as_os_str().as_encoded_bytes())?;
    let file = match rustix::fs::openat2(CWD, &name, flags, mode, ResolveFlags::NO_SYMLINKS) {
        // Before Linux 5.6: at least the last part is no link.
        Err(rustix::io::Errno::NOSYS) => rustix::fs::openat(CWD, &name, flags | OFlags::NOFOLLOW, mode)?,
        opened => opened?,
    };
    let file = File::from(file);
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    rustix::fs::fcntl_setfl(&file, how & OFlags::APPEND)?;
    Ok(file.into())
}

fn io_stdout() -> io::Result<OwnedFd> {
    Ok(rustix::io::fcntl_dupfd_cloexec(io::stdout(), 3)?)
}

fn io_stderr() -> io::Result<OwnedFd> {
    Ok(rustix::io::fcntl_dupfd_cloexec(io::stderr(), 3)?)
}
