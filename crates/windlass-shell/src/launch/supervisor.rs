//! The supervisor's own loop: run the steps, watch the clock and the server, leave nothing behind.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, Read, Seek, Write},
    os::{fd::AsFd, unix::net::UnixStream},
    time::{Duration, Instant},
};

use nix::{
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::{
        resource::{UsageWho, getrusage},
        signal::{SigSet, Signal as NixSignal},
        signalfd::{SfdFlags, SignalFd},
    },
};
use rustix::{
    fs::MemfdFlags,
    process::{DumpableBehavior, Pid, Signal, WaitOptions, WaitStatus},
};

use super::{
    Event, Job, Outcome,
    confine::Protection,
    job::STOP,
    spawn::{self, Start},
    tree,
};
use crate::plan::{Step, When};

/// Between TERM and KILL, when the server asks for an end.
const GRACE: Duration = Duration::from_secs(2);
/// The same where somebody waits for the answer: at a timeout.
const GRACE_AT_TIMEOUT: Duration = Duration::from_millis(500);
/// The same for what a finished run left running.
const GRACE_FOR_LEFTOVERS: Duration = Duration::from_millis(200);
/// A process that a KILL has not ended by then waits for hardware, and nobody can help it.
const UNKILLABLE: Duration = Duration::from_secs(5);

/// Why a run ends before its last command.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stop {
    TimedOut,
    Asked,
    /// The server is gone.
    Orphaned,
}

struct Supervisor {
    pid: Pid,
    server: UnixStream,
    signals: SignalFd,
    deadline: Option<Instant>,
    /// How children ended that were not asked for yet.
    ended: BTreeMap<i32, WaitStatus>,
}

/// Takes the job from descriptor 0 and runs it.
pub(super) fn run() -> io::Result<()> {
    // A session of its own: no terminal, and no group whose signals could mean us. Fails only for a group leader.
    let _ = rustix::process::setsid();
    let pid = rustix::process::getpid();
    rustix::process::set_child_subreaper(Some(pid))?;
    // Commands of the same user must not reach the socket through /proc.
    rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    let mut mask = SigSet::empty();
    [NixSignal::SIGCHLD, NixSignal::SIGTERM, NixSignal::SIGINT, NixSignal::SIGHUP, NixSignal::SIGPIPE]
        .into_iter()
        .for_each(|signal| mask.add(signal));
    mask.thread_block()?;
    let signals = SignalFd::with_flags(&mask, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC)?;

    let mut server = UnixStream::from(rustix::io::fcntl_dupfd_cloexec(io::stdin(), 3)?);
    let job = Job::read(&mut server)?;
    let stdin = receive_stdin(&mut server, job.stdin_bytes)?;
    let deadline = job.timeout.and_then(|timeout| Instant::now().checked_add(timeout));
    let protection = match Protection::prepare(&job, pid) {
        Ok(protection) => protection,
        Err(message) => return Event::Refused(message).write(&server),
    };
    let mut supervisor = Supervisor { pid, server, signals, deadline, ended: BTreeMap::new() };
    Event::Started { cgroups: protection.cgroups.clone() }.write(&supervisor.server)?;
    let outcome = supervisor.run(&job, &stdin, &protection);
    protection.cgroups.remove();
    let last = match outcome {
        Ok(outcome) => Event::Finished(outcome),
        Err(error) => Event::Refused(error.to_string()),
    };
    last.write(&supervisor.server)
}

/// Input is kept in a file that lives in memory: nobody has to feed a pipe, and nobody can be made to wait for one.
fn receive_stdin(server: &mut UnixStream, bytes: u64) -> io::Result<File> {
    if bytes == 0 {
        return File::open("/dev/null");
    }
    let mut file = File::from(rustix::fs::memfd_create("stdin", MemfdFlags::CLOEXEC)?);
    if io::copy(&mut server.take(bytes), &mut file)? != bytes {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    file.rewind()?;
    Ok(file)
}

impl Supervisor {
    fn run(&mut self, job: &Job, stdin: &File, protection: &Protection) -> io::Result<Outcome> {
        let mut outcome = Outcome { exit_code: Some(0), ..Outcome::default() };
        let mut stop = None;
        for step in &job.plan.steps {
            let wanted = match step.when {
                When::Always => true,
                When::IfSucceeded => outcome.exit_code == Some(0),
                When::IfFailed => outcome.exit_code != Some(0),
            };
            if !wanted {
                continue;
            }
            stop = self.run_step(step, job, stdin, protection, &mut outcome)?;
            if stop.is_some() {
                break;
            }
        }
        // What the commands left in the background ends with the run.
        self.end_tree(protection, GRACE_FOR_LEFTOVERS);
        outcome.timed_out = stop == Some(Stop::TimedOut);
        outcome.stopped = matches!(stop, Some(Stop::Asked | Stop::Orphaned));
        if let Ok(usage) = getrusage(UsageWho::RUSAGE_CHILDREN) {
            let micros = |time: nix::sys::time::TimeVal| (time.tv_sec() * 1_000_000 + time.tv_usec()).unsigned_abs();
            outcome.cpu = Duration::from_micros(micros(usage.user_time()) + micros(usage.system_time()));
            outcome.max_rss_kib = usage.max_rss().unsigned_abs();
        }
        Ok(outcome)
    }

    fn run_step(
        &mut self,
        step: &Step,
        job: &Job,
        stdin: &File,
        protection: &Protection,
        outcome: &mut Outcome,
    ) -> io::Result<Option<Stop>> {
        let started = match spawn::pipeline(&step.pipeline, job, stdin, protection) {
            Ok(started) => started,
            Err(error) => {
                self.end_tree(protection, Duration::ZERO);
                return Err(error);
            }
        };
        let mut running = Vec::new();
        for start in &started {
            match start {
                Start::Running(pid) => running.push(*pid),
                Start::Failed(_, message) => {
                    // Where a shell would say it. A reader that is gone is no reason to fail.
                    let _ = writeln!(io::stderr(), "windlass: {message}");
                }
            }
        }
        let stop = self.wait_for(&running);
        match stop {
            Some(Stop::TimedOut) => self.end_tree(protection, GRACE_AT_TIMEOUT),
            Some(Stop::Asked | Stop::Orphaned) => self.end_tree(protection, GRACE),
            None => {}
        }
        (outcome.exit_code, outcome.signal) = match started.last() {
            Some(Start::Running(pid)) => match self.ended.get(&pid.as_raw_nonzero().get()) {
                Some(status) => (status.exit_status(), status.terminating_signal()),
                None => (None, None),
            },
            Some(Start::Failed(code, _)) => (Some(*code), None),
            None => (Some(0), None),
        };
        if step.negated && stop.is_none() {
            let failed = outcome.exit_code != Some(0);
            (outcome.exit_code, outcome.signal) = (Some(i32::from(!failed)), None);
        }
        Ok(stop)
    }

    /// Waits until all of `running` have ended or something says stop.
    fn wait_for(&mut self, running: &[Pid]) -> Option<Stop> {
        loop {
            self.reap();
            if running.iter().all(|pid| self.ended.contains_key(&pid.as_raw_nonzero().get())) {
                return None;
            }
            if self.deadline.is_some_and(|deadline| deadline <= Instant::now()) {
                return Some(Stop::TimedOut);
            }
            if let Some(stop) = self.sleep(self.deadline, true) {
                return Some(stop);
            }
        }
    }

    /// Sleeps until a child ends, `until` passes or (where `listening`) the server speaks or goes.
    fn sleep(&mut self, until: Option<Instant>, listening: bool) -> Option<Stop> {
        let timeout = until.map_or(PollTimeout::NONE, |until| {
            let left = until.saturating_duration_since(Instant::now());
            // Rounded up, or the last millisecond would be spent in a busy loop.
            PollTimeout::try_from(left.as_millis() + 1).unwrap_or(PollTimeout::MAX)
        });
        let mut fds = vec![PollFd::new(self.signals.as_fd(), PollFlags::POLLIN)];
        if listening {
            fds.push(PollFd::new(self.server.as_fd(), PollFlags::POLLIN));
        }
        // Interrupted is as good as woken.
        let _ = poll(&mut fds, timeout);
        let spoke = fds.get(1).is_some_and(|fd| fd.any().unwrap_or(true));
        let mut asked = false;
        while let Ok(Some(signal)) = self.signals.read_signal() {
            asked |= [NixSignal::SIGTERM, NixSignal::SIGINT, NixSignal::SIGHUP]
                .iter()
                .any(|one| *one as u32 == signal.ssi_signo);
        }
        if spoke {
            let mut byte = [0];
            return match self.server.read(&mut byte) {
                Ok(1) if byte[0] == STOP => Some(Stop::Asked),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => None,
                _ => Some(Stop::Orphaned),
            };
        }
        (asked && listening).then_some(Stop::Asked)
    }

    /// Takes leave of the children that ended. True where no child is left, and so no descendant at all: orphans
    /// become children of this process.
    fn reap(&mut self) -> bool {
        loop {
            match rustix::process::wait(WaitOptions::NOHANG) {
                Ok(Some((pid, status))) => {
                    self.ended.insert(pid.as_raw_nonzero().get(), status);
                }
                Ok(None) => return false,
                Err(rustix::io::Errno::INTR) => {}
                Err(_) => return true,
            }
        }
    }

    /// Ends every descendant: asks, waits up to `grace`, then kills until none is left.
    fn end_tree(&mut self, protection: &Protection, grace: Duration) {
        if self.reap() {
            return;
        }
        let root = self.pid.as_raw_nonzero().get();
        let start = Instant::now();
        if !grace.is_zero() {
            tree::signal_descendants(root, Signal::TERM);
            // A stopped process hears TERM only once it continues.
            tree::signal_descendants(root, Signal::CONT);
        }
        while start.elapsed() < grace {
            self.sleep(Some(start + grace), false);
            if self.reap() {
                return;
            }
        }
        while start.elapsed() < grace + UNKILLABLE {
            protection.cgroups.kill();
            tree::signal_descendants(root, Signal::KILL);
            self.sleep(Some(Instant::now() + Duration::from_millis(5)), false);
            if self.reap() {
                return;
            }
        }
        let left = tree::signal_descendants(root, Signal::KILL);
        // The server may be gone; there is nobody else to tell.
        let _ = Event::Warning(format!("{left} processes could not be killed")).write(&self.server);
    }
}
