use std::{
    collections::VecDeque,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use crate::line::Body;

/// Bytes that may wait to be written. Then callers wait too.
const MOST: usize = 8 << 20;
/// How long the writer gathers lines before it writes them in one go. Without it every call on an idle server would wake
/// the writer, which costs the caller more than everything else `record` does.
const GATHER: Duration = Duration::from_millis(2);

/// Lines between the callers and the one thread that writes.
#[derive(Default)]
pub(crate) struct Queue {
    state: Mutex<State>,
    /// Tells the writer that there is work, or no time to gather more.
    work: Condvar,
    /// Tells callers that there is room, or that all is written.
    done: Condvar,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Body>,
    bytes: usize,
    writer_sleeps: bool,
    /// Somebody waits for the writer: do not gather.
    urgent: bool,
    /// Nothing comes after what is here.
    closed: bool,
    /// The writer is gone; waiting for it would be for ever.
    abandoned: bool,
    queued: u64,
    written: u64,
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, State> {
        // A caller that panicked in here has left whole lines or none.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, on: &Condvar, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        on.wait(state).unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a line in, after those that wait already. Blocks only while [`MOST`] bytes do. False when the writer is gone.
    pub(crate) fn push(&self, body: Body) -> bool {
        let mut state = self.lock();
        while state.bytes >= MOST && !state.abandoned {
            state.urgent = true;
            self.work.notify_one();
            state = self.wait(&self.done, state);
        }
        if state.abandoned {
            return false;
        }
        state.bytes += body.members.len();
        state.queued += 1;
        state.waiting.push_back(body);
        let wake = std::mem::take(&mut state.writer_sleeps);
        drop(state);
        if wake {
            self.work.notify_one();
        }
        true
    }

    /// For the writer: everything that waits, once there is something. `None` when closed and empty.
    pub(crate) fn take(&self) -> Option<VecDeque<Body>> {
        let mut state = self.lock();
        while state.waiting.is_empty() {
            if state.closed {
                return None;
            }
            state.urgent = false;
            state.writer_sleeps = true;
            state = self.wait(&self.work, state);
        }
        if !state.urgent && !state.closed {
            let gathered = self.work.wait_timeout_while(state, GATHER, |state| !state.urgent && !state.closed);
            state = gathered.unwrap_or_else(PoisonError::into_inner).0;
        }
        state.writer_sleeps = false;
        state.bytes = 0;
        let all = std::mem::take(&mut state.waiting);
        drop(state);
        self.done.notify_all();
        Some(all)
    }

    /// For the writer: `lines` more are written.
    pub(crate) fn written(&self, lines: usize) {
        self.lock().written += lines as u64;
        self.done.notify_all();
    }

    /// Waits until everything pushed so far is written.
    pub(crate) fn flush(&self) {
        let mut state = self.lock();
        let goal = state.queued;
        while state.written < goal && !state.abandoned {
            state.urgent = true;
            state.writer_sleeps = false;
            self.work.notify_one();
            state = self.wait(&self.done, state);
        }
    }

    /// Lets the writer end once all is written.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.work.notify_one();
    }

    /// For the writer, on its way out by whatever way.
    pub(crate) fn abandon(&self) {
        self.lock().abandoned = true;
        self.done.notify_all();
    }
}
