//! A process and everything it starts, as one process group.

use std::{
    io,
    os::unix::process::CommandExt,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Condvar, Mutex, PoisonError},
    thread,
    time::Duration,
};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, kill_process_group, waitid};
use tokio::sync::oneshot;

/// Holds on to a process that is to end with this one, however this one ends: it reads from a pipe that nobody writes to,
/// and what it reads is our end. `$0` is the process, `$1` how many seconds it has to save its state.
const LEASH: &str = r#"read -r _; kill -s INT "$0"; sleep "$1"; kill -s KILL -- "-$0""#;

/// Interrupts the group when dropped, and kills it when that does not help in time.
pub(super) struct Group {
    leader: Arc<Leader>,
    ended: oneshot::Receiver<io::Result<ExitStatus>>,
    grace: Duration,
}

/// The process identifier, for as long as it means this process: nothing is signalled after the leader was reaped.
struct Leader {
    pid: Mutex<Option<Pid>>,
    gone: Condvar,
}

impl Group {
    /// Starts `command`, which must make a group of its own.
    pub(super) fn start(command: &mut Command, grace: Duration) -> io::Result<Self> {
        let mut child = command.spawn()?;
        let leash = match leash(&child, grace) {
            Ok(leash) => leash,
            Err(error) => {
                // Nothing of it has begun.
                child.kill()?;
                child.wait()?;
                return Err(error);
            }
        };
        let leader = Arc::new(Leader { pid: Mutex::new(Some(Pid::from_child(&child))), gone: Condvar::new() });
        let (send, ended) = oneshot::channel();
        let own = Arc::clone(&leader);
        // A thread, so that the end is seen to also when the runtime is gone.
        thread::Builder::new().name("terraform".into()).spawn(move || _ = send.send(own.reap(child, leash)))?;
        Ok(Self { leader, ended, grace })
    }

    /// Waits for the leader to end. May be called again if it was dropped before.
    pub(super) async fn ended(&mut self) -> io::Result<ExitStatus> {
        match (&mut self.ended).await {
            Ok(status) => status,
            Err(_) => Err(io::Error::other("the thread that waited for it is gone")),
        }
    }

    /// Asks it to save its state and end. Once only: Terraform takes a second time as leave to lose the state.
    pub(super) fn interrupt(&self) {
        self.leader.signal(|pid| kill_process(pid, Signal::INT));
    }

    /// Ends everything.
    pub(super) fn kill(&self) {
        self.leader.signal(|pid| kill_process_group(pid, Signal::KILL));
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if self.leader.is_gone() {
            return;
        }
        self.interrupt();
        let (leader, grace) = (Arc::clone(&self.leader), self.grace);
        let watch = move || leader.kill_after(grace);
        if thread::Builder::new().name("terraform".into()).spawn(watch).is_err() {
            self.kill();
        }
    }
}

fn leash(child: &Child, grace: Duration) -> io::Result<Child> {
    let mut command = Command::new("sh");
    command.args(["-c", LEASH, &child.id().to_string(), &grace.as_secs().to_string()]).process_group(0);
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()
}

impl Leader {
    fn signal(&self, send: impl FnOnce(Pid) -> rustix::io::Result<()>) {
        let pid = self.pid.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(Err(error)) = pid.map(send) {
            tracing::debug!(%error, "Terraform ended before the signal");
        }
    }

    fn is_gone(&self) -> bool {
        self.pid.lock().unwrap_or_else(PoisonError::into_inner).is_none()
    }

    /// Waits for the leader, then ends what is left of its group: a provider it could not stop would keep credentials.
    /// Until the leader is reaped, nobody else can have its identifier.
    fn reap(&self, mut child: Child, mut leash: Child) -> io::Result<ExitStatus> {
        let leader = Pid::from_child(&child);
        while let Err(rustix::io::Errno::INTR) =
            waitid(WaitId::Pid(leader), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT)
        {}
        let mut pid = self.pid.lock().unwrap_or_else(PoisonError::into_inner);
        // Nobody is left as a rule.
        _ = kill_process_group(leader, Signal::KILL);
        // Its pipe is closed only once it is gone: it has nothing to act on.
        _ = leash.kill();
        _ = leash.wait();
        let status = child.wait();
        *pid = None;
        self.gone.notify_all();
        status
    }

    fn kill_after(&self, grace: Duration) {
        let pid = self.pid.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.gone.wait_timeout_while(pid, grace, |pid| pid.is_some());
        let (pid, _) = waited.unwrap_or_else(PoisonError::into_inner);
        if let Some(pid) = *pid {
            _ = kill_process_group(pid, Signal::KILL);
        }
    }
}
