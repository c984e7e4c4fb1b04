//! One command, from its start to the end of everything it started.

use std::{sync::Arc, time::Duration};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{Instant, sleep, sleep_until},
};

use super::{
    DYING, Shared,
    channel::Channel,
    exit::{Reports, exit},
    pump::{Input, Output},
    signals,
    spawn::{Spawned, resize, spawn},
    tree,
};
use crate::{
    fd::FdStream,
    os::Report,
    protocol::{Control, ErrorKind, ExecRequest, Exit, Frame, GuestError, Kind, Started, Stream},
};

/// How long output is waited for that something in the background holds open, unless the host says.
const DRAIN: Duration = Duration::from_millis(500);
/// How long a keeper may take to notice that nothing is left.
const NOTICING: Duration = Duration::from_millis(20);
/// Far enough away to be never.
const NEVER: Duration = Duration::from_secs(365 * 24 * 3600);

pub(super) async fn run(shared: &Arc<Shared>, channel: &mut Channel, request: ExecRequest) -> Result<Exit, GuestError> {
    let started = Instant::now();
    let Spawned { keeper, mut reports, stdin, stdout, stderr, terminal } = spawn(shared, &request)?;
    let Some(Report { pid, .. }) = reports.next().await else {
        return Err(GuestError::new(ErrorKind::Other, "the command was killed as it started"));
    };
    channel.send(Frame::json(Kind::Started, channel.id, &Started::Exec { pid: pid.cast_unsigned() })).await;

    let master = if terminal { stdout.clone() } else { None };
    let (last_call, _) = watch::channel(false);
    let mut inputs = JoinSet::new();
    if let Some(to) = stdin {
        let (from, outbox) = (Arc::clone(&channel.input), channel.outbox.clone());
        inputs.spawn(Input { channel: channel.id, from, to, outbox, terminal }.pump());
    }
    let mut outputs = pump_outputs(channel, stdout, stderr, &last_call);

    let mut running = Running { channel, keeper, pid, master, reports, whole_tree_gone: false };
    let (report, timed_out) = running.until_exit(&request, started).await;
    let wall = started.elapsed();
    inputs.abort_all();
    running.master = None;
    let killed_background = running.wind_down(&request, &mut outputs, &last_call).await;
    if report.is_none() {
        shared.end_strays().await;
    }
    Ok(Exit { timed_out, killed_background: killed_background && !timed_out, ..exit(report, wall) })
}

fn pump_outputs(
    channel: &Channel,
    stdout: Option<FdStream>,
    stderr: Option<FdStream>,
    last_call: &watch::Sender<bool>,
) -> JoinSet<()> {
    let mut outputs = JoinSet::new();
    let streams = [(stdout, Stream::Output, &channel.output), (stderr, Stream::Error, &channel.error)];
    for (from, stream, credit) in streams {
        let Some(from) = from else {
            channel.outbox.send(Frame::end(channel.id, stream));
            continue;
        };
        let (credit, outbox) = (Arc::clone(credit), channel.outbox.clone());
        let output = Output { channel: channel.id, stream, from, credit, outbox, last_call: last_call.subscribe() };
        outputs.spawn(output.pump());
    }
    outputs
}

struct Running<'a> {
    channel: &'a mut Channel,
    keeper: i32,
    pid: i32,
    master: Option<FdStream>,
    reports: Reports,
    whole_tree_gone: bool,
}

impl Running<'_> {
    /// Waits for the command itself; kills everything when its time is over or the host does not want it any longer.
    async fn until_exit(&mut self, request: &ExecRequest, started: Instant) -> (Option<Report>, bool) {
        let stopped = self.channel.stopped();
        tokio::pin!(stopped);
        let kill_at = started + request.timeout_ms.map_or(NEVER, Duration::from_millis).min(NEVER);
        let warn_at = match request.term_before_kill_ms {
            0 => started + NEVER,
            early => kill_at.checked_sub(Duration::from_millis(early)).unwrap_or(started).max(started),
        };
        let (mut warned, mut timed_out, mut killed) = (false, false, false);
        loop {
            tokio::select! {
                biased;
                report = self.reports.next() => {
                    self.whole_tree_gone = report.is_none();
                    return (report, timed_out);
                }
                () = &mut stopped, if !killed => {
                    killed = true;
                    self.kill_tree().await;
                }
                () = sleep_until(kill_at), if !killed => {
                    (killed, timed_out) = (true, true);
                    self.kill_tree().await;
                }
                () = sleep_until(warn_at), if !warned && !killed => {
                    warned = true;
                    self.signal(Signal::TERM);
                }
                Some(control) = self.channel.controls.recv() => self.control(&control),
                // Something hangs in the kernel: the host gets its answer all the same.
                () = sleep(DYING), if killed => return (None, timed_out),
            }
        }
    }

    fn control(&self, control: &Control) {
        match control {
            Control::Signal(name) => {
                if let Some(signal) = signals::by_name(name) {
                    self.signal(signal);
                }
            }
            Control::Resize(size) => {
                if let Some(master) = &self.master {
                    // A terminal that is gone has no size.
                    let _ = resize(master.get_ref(), *size);
                }
            }
        }
    }

    /// To the process group, as a terminal would.
    fn signal(&self, signal: Signal) {
        if let Some(group) = Pid::from_raw(self.pid) {
            let _ = kill_process_group(group, signal);
        }
    }

    /// Sends the rest of the output and ends what the command left behind; true if something had to be killed.
    async fn wind_down(
        &mut self,
        request: &ExecRequest,
        outputs: &mut JoinSet<()>,
        last_call: &watch::Sender<bool>,
    ) -> bool {
        let grace = Instant::now() + request.drain_ms.map_or(DRAIN, Duration::from_millis).min(NEVER);
        let mut killed = false;
        tokio::select! {
            biased;
            () = self.channel.stopped() => {}
            () = all(outputs) => {}
            () = sleep_until(grace) => {}
        }
        if !self.whole_tree_gone && tokio::time::timeout(NOTICING, self.reports.tree_gone()).await.is_ok() {
            self.whole_tree_gone = true;
        }
        let keep = request.keep_background && !self.is_stopped();
        if !self.whole_tree_gone && !keep {
            killed = self.kill_tree().await;
        }
        last_call.send_replace(true);
        tokio::select! {
            biased;
            () = self.channel.stopped() => outputs.abort_all(),
            () = all(outputs) => {}
        }
        killed
    }

    fn is_stopped(&self) -> bool {
        let mut stopped = std::pin::pin!(self.channel.stopped());
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        stopped.as_mut().poll(&mut context).is_ready()
    }

    async fn kill_tree(&self) -> bool {
        let found = tree::until_none(|| tree::kill_below(self.keeper), DYING).await;
        // Without /proc this is all that can be reached.
        if !found {
            self.signal(Signal::KILL);
        }
        found
    }
}

async fn all(tasks: &mut JoinSet<()>) {
    while tasks.join_next().await.is_some() {}
}
