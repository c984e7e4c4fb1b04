//! One run of the program: in a process group of its own, interrupted rather than killed, its output in files.
//!
//! Output goes to files because a pipe ends with us: writing its state after that, Terraform would die of SIGPIPE. With
//! files it finishes what it does and releases its lock, even if this process was killed.

mod group;
mod tail;

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs::{File, OpenOptions},
    io,
    os::unix::{
        fs::OpenOptionsExt,
        process::{CommandExt, ExitStatusExt},
    },
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Stdio},
    time::Duration,
};

use tokio_util::sync::CancellationToken;

use crate::{Error, ErrorKind};
use group::Group;
use tail::Tail;

/// How often new lines are looked for. Nobody reads progress faster.
const LOOK: Duration = Duration::from_millis(80);

/// What to start.
pub(crate) struct Run<'a> {
    pub(crate) program: &'a Path,
    pub(crate) arguments: Vec<OsString>,
    pub(crate) environment: &'a BTreeMap<String, String>,
    pub(crate) directory: &'a Path,
    /// Where the output goes, without an ending.
    pub(crate) log: PathBuf,
    pub(crate) cancel: &'a CancellationToken,
    /// How long it has to save its state after an interrupt.
    pub(crate) grace: Duration,
}

/// How it ended.
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) out: PathBuf,
    pub(crate) err: PathBuf,
    /// It was interrupted, and whether that was enough.
    pub(crate) interrupted: Option<Stopped>,
}

/// How an interrupted run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stopped {
    Gracefully,
    Killed,
}

impl Run<'_> {
    /// Runs it to its end. Dropped before, it is interrupted all the same and has its grace in the background.
    pub(crate) async fn run(self, on_line: &mut (dyn FnMut(&str) + Send)) -> Result<Ended, Error> {
        let (out, err) = (self.log.with_extension("out"), self.log.with_extension("err"));
        let mut command = Command::new(self.program);
        command
            .args(&self.arguments)
            .env_clear()
            .envs(self.environment)
            .current_dir(self.directory)
            .stdin(Stdio::null())
            .stdout(private(&out)?)
            .stderr(private(&err)?)
            .process_group(0);
        let broken = |error: io::Error| ErrorKind::Broken { program: self.program.into(), problem: error.to_string() };
        let mut group = Group::start(&mut command, self.grace).map_err(broken)?;
        let mut tail = Tail::open(&out).map_err(|error| files(&out, &error))?;
        let mut ticks = tokio::time::interval(LOOK);
        let mut interrupted = None;
        let killing = tokio::time::sleep(Duration::MAX);
        tokio::pin!(killing);
        let status = loop {
            tokio::select! {
                status = group.ended() => break status.map_err(broken)?,
                () = self.cancel.cancelled(), if interrupted.is_none() => {
                    group.interrupt();
                    interrupted = Some(Stopped::Gracefully);
                    killing.as_mut().reset(tokio::time::Instant::now() + self.grace);
                }
                () = &mut killing, if interrupted == Some(Stopped::Gracefully) => {
                    group.kill();
                    interrupted = Some(Stopped::Killed);
                }
                _ = ticks.tick() => tail.lines(on_line),
            }
        };
        tail.lines(on_line);
        tail.rest(on_line);
        Ok(Ended { status, out, err, interrupted })
    }
}

impl Ended {
    /// What it wrote, for commands that write one document. The file goes: state and plans are secret.
    pub(crate) fn take(&self) -> Result<Vec<u8>, Error> {
        let content = std::fs::read(&self.out).map_err(|error| files(&self.out, &error))?;
        std::fs::remove_file(&self.out).map_err(|error| files(&self.out, &error))?;
        Ok(content)
    }

    /// What it complained about, or how it died.
    pub(crate) fn complaint(&self) -> String {
        let said = std::fs::read_to_string(&self.err).unwrap_or_default();
        match (said.trim(), self.status.signal()) {
            ("", Some(signal)) => format!("it was ended by signal {signal}"),
            ("", None) => format!("it ended with {}", self.status),
            (said, _) => said.to_owned(),
        }
    }
}

/// A file for output nobody else may read, emptied.
fn private(path: &Path) -> Result<File, Error> {
    let mut options = OpenOptions::new();
    options.create(true).write(true).truncate(true).mode(0o600);
    options.open(path).map_err(|error| files(path, &error))
}

pub(crate) fn files(path: &Path, error: &io::Error) -> Error {
    ErrorKind::Files { path: path.into(), problem: error.to_string() }.into()
}
