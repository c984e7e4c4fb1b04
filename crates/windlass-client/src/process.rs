//! A child process in a group of its own, which ends with everything it started.

use std::{
    process::Stdio,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt},
    process::{Child, Command},
    task::JoinHandle,
};

use crate::{
    error::ClientError,
    target::{Inherits, StdioTarget},
};

/// How long a server may take to leave after its standard input closed, and again after a polite signal.
pub(crate) const GRACE: Duration = Duration::from_secs(2);

/// What a program cannot do without.
const BASICS: [&str; 7] = ["PATH", "HOME", "USER", "LANG", "LC_ALL", "TMPDIR", "TZ"];

/// The command for a target, with its pipes and group set up.
pub(crate) fn command(target: &StdioTarget) -> Result<Command, ClientError> {
    let (program, args) = target
        .argv
        .split_first()
        .ok_or_else(|| ClientError::usage("no command to start", "write the server's command after `--stdio`"))?;
    let mut command = Command::new(program);
    if target.inherits == Inherits::Basics {
        command.env_clear();
        command.envs(BASICS.iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
    }
    command
        .args(args)
        .envs(target.env.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    #[cfg(unix)]
    command.process_group(0);
    Ok(command)
}

/// A process group that is killed when this is dropped, whatever the reason.
pub(crate) struct Group(Option<u32>);

impl Group {
    pub(crate) fn of(child: &Child) -> Self {
        Self(child.id())
    }

    pub(crate) fn with_leader(id: Option<u32>) -> Self {
        Self(id)
    }

    /// Asks the group to leave.
    pub(crate) fn terminate(&self) {
        self.signal(false);
    }

    #[cfg(unix)]
    fn signal(&self, kill: bool) {
        use rustix::process::{Pid, Signal, kill_process_group};
        let group = self.0.and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        if let Some(group) = group {
            // An error means that the group is gone already.
            let _ = kill_process_group(group, if kill { Signal::KILL } else { Signal::TERM });
        }
    }

    #[cfg(not(unix))]
    fn signal(&self, _kill: bool) {
        // `kill_on_drop` ends the child; there are no groups to end.
        let _ = self.0;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.signal(true);
    }
}

/// What to say when a program cannot be started.
pub(crate) fn spawn_error(target: &StdioTarget, error: &std::io::Error) -> ClientError {
    let program = target.argv.first().map_or("", String::as_str);
    let hint = match error.kind() {
        std::io::ErrorKind::NotFound => "is it installed, and on your PATH?",
        std::io::ErrorKind::PermissionDenied => "is it executable?",
        _ => "start it by hand to see what it says",
    };
    ClientError::unreachable(format!("cannot start `{program}`: {error}"), hint)
}

/// The end of what a process wrote to standard error. The rest is let go, so that the process never blocks on it.
pub(crate) struct Tail {
    kept: Arc<Mutex<Vec<u8>>>,
    reader: JoinHandle<()>,
}

impl Tail {
    /// How much is kept.
    const KEPT: usize = 2048;

    pub(crate) fn of(mut stderr: impl AsyncRead + Unpin + Send + 'static) -> Self {
        let kept = Arc::new(Mutex::new(Vec::new()));
        let into = kept.clone();
        let reader = tokio::spawn(async move {
            let mut buffer = [0; 4096];
            while let Ok(n @ 1..) = stderr.read(&mut buffer).await {
                let mut kept = into.lock().unwrap_or_else(PoisonError::into_inner);
                kept.extend_from_slice(&buffer[..n]);
                let surplus = kept.len().saturating_sub(Self::KEPT);
                kept.drain(..surplus);
            }
        });
        Self { kept, reader }
    }

    /// The last words of a process that is gone. Some may still be in the pipe; a grandchild that holds the pipe open
    /// must not hold us.
    pub(crate) async fn last_words(&mut self) -> String {
        let _ = tokio::time::timeout(Duration::from_millis(200), &mut self.reader).await;
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let text = String::from_utf8_lossy(&kept).into_owned();
        // The end of a long complaint is where the reason is.
        let from = text.char_indices().rev().nth(250).map_or(0, |(at, _)| at);
        text[from..].trim().to_owned()
    }
}
