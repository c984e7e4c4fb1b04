//! The programs that build images, and how they are run.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};
use tokio::process::{Child, Command};

use super::ImageError;

/// Where programs for administrators lie, which are not on everybody's PATH.
const SYSTEM: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What is handed on of the environment: the way out, and where temporary files go. Nothing else of it may show in an
/// image.
const PASSED: [&str; 11] = [
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "no_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "TMPDIR",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
];

/// How much of what a failed program said is shown.
const SHOWN: usize = 2000;

/// How long a program may take to end that was asked to.
const PATIENCE: Duration = Duration::from_secs(20);

/// Where the programs are.
#[derive(Debug)]
pub(super) struct Tools {
    pub mmdebstrap: PathBuf,
    pub mke2fs: PathBuf,
    pub debugfs: PathBuf,
    pub dpkg: PathBuf,
    pub dpkg_deb: PathBuf,
    pub tar: PathBuf,
}

impl Tools {
    pub fn find() -> Result<Self, ImageError> {
        let both = "mmdebstrap and e2fsprogs";
        Ok(Self {
            mmdebstrap: find("mmdebstrap", both)?,
            mke2fs: find("mke2fs", both)?,
            debugfs: find("debugfs", both)?,
            dpkg: find("dpkg", "dpkg and apt")?,
            dpkg_deb: find("dpkg-deb", "dpkg and apt")?,
            tar: find("tar", "tar")?,
        })
    }
}

/// The program `tool`, which `packages` bring.
pub(super) fn find(tool: &'static str, packages: &'static str) -> Result<PathBuf, ImageError> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(std::env::split_paths(SYSTEM));
    let mut files = folders.map(|folder| folder.join(tool));
    files.find(|file| file.is_file()).ok_or(ImageError::Missing { tool, packages })
}

/// A program to be run in `directory`, with an environment of its own.
pub(super) fn command(program: &Path, directory: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(directory).env_clear();
    command.env("PATH", SYSTEM).env("HOME", "/nonexistent").env("LC_ALL", "C.UTF-8").env("TZ", "UTC");
    for name in PASSED {
        command.envs(std::env::var_os(name).map(|value| (name, value)));
    }
    // mmdebstrap ends its whole group when it is asked to end.
    command.process_group(0);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// What a program said when all went well.
pub(super) struct Said {
    pub out: Vec<u8>,
    pub errors: Vec<u8>,
}

/// Runs it to its end. Dropped before that, it is asked to end, and clears up itself.
pub(super) async fn run(mut command: Command, doing: &'static str) -> Result<Said, ImageError> {
    let tool = Path::new(command.as_std().get_program());
    let tool = tool.file_name().map(OsStr::to_string_lossy).unwrap_or_default().into_owned();
    let child = command.spawn().map_err(ImageError::io(format!("starting {tool}")))?;
    let ending = Ending(pid(&child));
    let output = child.wait_with_output().await.map_err(ImageError::io(format!("running {tool}")))?;
    std::mem::forget(ending);
    if output.status.success() {
        return Ok(Said { out: output.stdout, errors: output.stderr });
    }
    Err(ImageError::Tool { tool, doing, status: output.status.to_string(), said: last(&output.stderr) })
}

/// The last lines of what was said.
pub(super) fn last(said: &[u8]) -> String {
    // Of a line that was written over and over, the last.
    let shown = |line: &str| line.trim_end().rsplit('\r').next().unwrap_or_default().to_owned() + "\n";
    let text: String = String::from_utf8_lossy(said).split('\n').map(shown).collect();
    let text = text.trim();
    let mut from = text.len().saturating_sub(SHOWN);
    while !text.is_char_boundary(from) {
        from += 1;
    }
    let whole = if from == 0 { 0 } else { text[from..].find('\n').map_or(from, |line| from + line + 1) };
    text[whole..].to_owned()
}

fn pid(child: &Child) -> Option<Pid> {
    Pid::from_raw(i32::try_from(child.id()?).ok()?)
}

/// Asks a program to end, and sees it off: what it clears up, nobody may be clearing up beside it.
struct Ending(Option<Pid>);

impl Drop for Ending {
    fn drop(&mut self) {
        let Some(pid) = self.0 else { return };
        let _ = kill_process(pid, Signal::TERM);
        let begun = Instant::now();
        // It is only looked at; whoever started it learns of its end, too.
        let look = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        while begun.elapsed() < PATIENCE && matches!(waitid(WaitId::Pid(pid), look), Ok(None)) {
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// Does what keeps a thread busy.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ImageError> + Send + 'static,
) -> Result<T, ImageError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_that_was_said() {
        assert_eq!(last(b"Reading ... 5%\rReading ... done\r\nE: no\n\n"), "Reading ... done\nE: no");
        let long = format!("{}\nE: no\n", "\u{e9}".repeat(SHOWN));
        assert_eq!(last(long.as_bytes()), "E: no");
    }

    #[tokio::test]
    async fn what_a_program_is_told_of_this_machine() {
        let said = run(command(&find("env", "coreutils").unwrap(), Path::new("/")), "asking").await.unwrap();
        let text = String::from_utf8(said.out).unwrap();
        let names = text.lines().filter_map(|line| line.split_once('=')).map(|(name, _)| name);
        let strange: Vec<&str> =
            names.filter(|name| !PASSED.contains(name) && !["PATH", "HOME", "LC_ALL", "TZ"].contains(name)).collect();
        assert_eq!(strange, [""; 0]);
    }
}
