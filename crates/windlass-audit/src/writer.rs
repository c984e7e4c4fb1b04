use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::broadcast;

use crate::{
    line::{Body, Chain},
    log::Line,
    output::Output,
    queue::Queue,
};

/// Lines kept for those who come to look.
const RECENT: usize = 200;

/// What the writer and the log's users share.
pub(crate) struct Shared {
    pub(crate) queue: Queue,
    pub(crate) news: broadcast::Sender<Line>,
    recent: Mutex<VecDeque<Line>>,
    trouble: Mutex<Vec<String>>,
}

impl Shared {
    pub(crate) fn new() -> Self {
        let (news, _) = broadcast::channel(RECENT);
        Self { queue: Queue::default(), news, recent: Mutex::default(), trouble: Mutex::default() }
    }

    pub(crate) fn recent(&self) -> Vec<Line> {
        lock(&self.recent).iter().cloned().collect()
    }

    /// What went wrong with the last writes; empty when all is well.
    pub(crate) fn trouble(&self) -> Vec<String> {
        lock(&self.trouble).clone()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The one thread that numbers, chains and writes.
pub(crate) struct Writer {
    pub(crate) shared: Arc<Shared>,
    pub(crate) chain: Chain,
    pub(crate) outputs: Vec<Output>,
}

impl Writer {
    pub(crate) fn run(mut self) {
        let mut text = Vec::new();
        while let Some(bodies) = self.shared.queue.take() {
            text.clear();
            for body in &bodies {
                self.take(body, &mut text);
            }
            self.write(&text);
            self.shared.queue.written(bodies.len());
        }
    }

    fn take(&mut self, body: &Body, text: &mut Vec<u8>) {
        let line: Line = self.chain.line(body).into();
        text.extend_from_slice(line.as_bytes());
        text.push(b'\n');
        let mut recent = lock(&self.shared.recent);
        if recent.len() == RECENT {
            recent.pop_front();
        }
        recent.push_back(line.clone());
        drop(recent);
        // Nobody listening is fine.
        let _ = self.shared.news.send(line);
    }

    fn write(&mut self, text: &[u8]) {
        let trouble: Vec<String> = self.outputs.iter_mut().filter_map(|output| output.write(text).err()).collect();
        let mut known = lock(&self.shared.trouble);
        if known.is_empty() && !trouble.is_empty() {
            tracing::error!(?trouble, "the audit log cannot be written");
        }
        *known = trouble;
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.shared.queue.abandon();
    }
}
