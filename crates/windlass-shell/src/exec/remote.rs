//! The server's half of a supervisor.

use std::{
    io,
    os::{fd::OwnedFd, unix::net::UnixStream as StdUnixStream},
    process::Stdio,
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{
        UnixStream,
        unix::{OwnedReadHalf, OwnedWriteHalf},
    },
    process::{Child, ChildStderr, ChildStdout, Command},
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use super::RunError;
use crate::launch::{Cgroups, Event, Job, Launcher, Outcome, STOP, tree};

/// What a supervisor needs beyond the time of its job, at most: two graces and the wait for what cannot be killed.
const BEYOND: Duration = Duration::from_secs(15);

/// A supervisor that was started. Dropping it closes the socket, and then the supervisor ends everything it started.
pub(super) struct Remote {
    child: Child,
    hear: OwnedReadHalf,
    tell: OwnedWriteHalf,
}

impl Remote {
    /// Starts one, with the pipes its commands write to.
    pub(super) fn start(launcher: &Launcher) -> io::Result<(Self, ChildStdout, ChildStderr)> {
        let (ours, theirs) = StdUnixStream::pair()?;
        ours.set_nonblocking(true)?;
        let (hear, tell) = UnixStream::from_std(ours)?.into_split();
        let mut child = Command::new(&launcher.program)
            .args(&launcher.args)
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let missing = || io::Error::other("the supervisor has no output");
        let stdout = child.stdout.take().ok_or_else(missing)?;
        let stderr = child.stderr.take().ok_or_else(missing)?;
        Ok((Self { child, hear, tell }, stdout, stderr))
    }

    /// Hands over `job`, ends it when `cancel` fires, and waits until all is over; then `over` is fired.
    pub(super) async fn supervise(
        mut self,
        job: &Job,
        stdin: Vec<u8>,
        cancel: &CancellationToken,
        over: &CancellationToken,
    ) -> Result<Outcome, RunError> {
        let _over = over.clone().drop_guard();
        let pid = self.child.id();
        let mut cgroups = Cgroups::default();
        let told = self.tell_and_listen(job, stdin, cancel, &mut cgroups).await;
        if !matches!(told, Ok(_) | Err(RunError::Refused(_))) {
            // Killed from outside, or stuck: its orphans are nobody's now, so they are looked for.
            let _ = self.child.start_kill();
            cgroups.kill();
            if let Some(session) = pid.and_then(|pid| i32::try_from(pid).ok()) {
                tree::kill_session(session);
            }
            let _ = self.child.wait().await;
            // The dead leave their group when init has taken leave of them.
            for _ in 0..50 {
                if cgroups.remove() {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            return told;
        }
        let _ = self.child.wait().await;
        told
    }

    async fn tell_and_listen(
        &mut self,
        job: &Job,
        stdin: Vec<u8>,
        cancel: &CancellationToken,
        cgroups: &mut Cgroups,
    ) -> Result<Outcome, RunError> {
        let Self { hear, tell, .. } = self;
        let patience = job.timeout.map(|limit| limit.saturating_add(BEYOND));
        let talk = async {
            let head = job.encode().map_err(RunError::NotStarted)?;
            let sent = async {
                tell.write_all(&head).await?;
                tell.write_all(&stdin).await
            };
            sent.await.map_err(|_| RunError::SupervisorDied)?;
            drop(stdin);
            let stop = async {
                cancel.cancelled().await;
                // Over already is as good.
                let _ = tell.write_all(&[STOP]).await;
                std::future::pending().await
            };
            tokio::select! {
                outcome = listen(hear, cgroups) => outcome,
                outcome = stop => outcome,
            }
        };
        match patience {
            Some(patience) => timeout(patience, talk).await.unwrap_or(Err(RunError::SupervisorDied)),
            None => talk.await,
        }
    }
}

async fn listen(hear: &mut OwnedReadHalf, cgroups: &mut Cgroups) -> Result<Outcome, RunError> {
    let mut lines = BufReader::new(hear).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        match serde_json::from_str(&line) {
            Ok(Event::Started { cgroups: made }) => *cgroups = made,
            Ok(Event::Warning(warning)) => tracing::warn!(%warning, "a run's supervisor"),
            Ok(Event::Refused(why)) => return Err(RunError::Refused(why)),
            Ok(Event::Finished(outcome)) => return Ok(outcome),
            Err(error) => tracing::error!(%error, "a run's supervisor spoke nonsense"),
        }
    }
    Err(RunError::SupervisorDied)
}
