//! Warm sandboxes: made before anybody asks, handed out once.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    sync::Notify,
    task::{JoinHandle, JoinSet},
    time::Instant,
};
use windlass_config::settings::PoolSettings;

use super::{
    quota::{Place, Quotas},
    sandbox::new_id,
};
use crate::backend::{Backend, Machine, Spec};

/// A pool that nobody found empty for so long keeps one less.
const CALM: Duration = Duration::from_secs(60);
/// The pause after something could not be made, doubled up to [`LONGEST`].
const PAUSE: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(30);

pub(super) struct Pool {
    backend: Arc<dyn Backend>,
    spec: Spec,
    settings: PoolSettings,
    quotas: Arc<Quotas>,
    state: Mutex<State>,
    changed: Notify,
    filler: Mutex<Option<JoinHandle<()>>>,
}

struct State {
    waiting: VecDeque<(Box<dyn Machine>, Place)>,
    /// How many are to wait: grows when the pool is found empty.
    target: usize,
    grown: Instant,
    closed: bool,
}

impl Pool {
    pub fn start(backend: Arc<dyn Backend>, spec: Spec, settings: PoolSettings, quotas: Arc<Quotas>) -> Arc<Self> {
        let state = State { waiting: VecDeque::new(), target: settings.min, grown: Instant::now(), closed: false };
        let pool = Arc::new(Self {
            backend,
            spec,
            settings,
            quotas,
            state: Mutex::new(state),
            changed: Notify::new(),
            filler: Mutex::default(),
        });
        let filler = tokio::spawn(pool.clone().fill());
        *pool.filler.lock().unwrap_or_else(PoisonError::into_inner) = Some(filler);
        pool
    }

    /// What the warm ones have.
    pub fn spec(&self) -> &Spec {
        &self.spec
    }

    /// A warm one, for good. Its place in the quotas is given back: who takes it has one already.
    pub fn take(&self) -> Option<Box<dyn Machine>> {
        let mut state = self.lock();
        let taken = state.waiting.pop_front();
        if taken.is_none() && state.target < self.settings.max {
            state.target += 1;
            state.grown = Instant::now();
        }
        self.changed.notify_one();
        taken.map(|(machine, _)| machine)
    }

    /// Ends those that wait.
    pub async fn shutdown(&self) {
        let waiting = {
            let mut state = self.lock();
            state.closed = true;
            std::mem::take(&mut state.waiting)
        };
        self.changed.notify_one();
        let filler = self.filler.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(filler) = filler {
            let _ = filler.await;
        }
        for (machine, _) in waiting {
            machine.destroy().await;
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes what is missing, so many at once, until the pool is closed.
    async fn fill(self: Arc<Self>) {
        let mut making = JoinSet::new();
        let mut pause = PAUSE;
        loop {
            while self.wants(making.len()) {
                // The last places are for those who ask.
                let Ok(place) = self.quotas.take(None, &self.spec) else { break };
                let (backend, spec) = (self.backend.clone(), self.spec.clone());
                making.spawn(async move { backend.create(&new_id(), &spec).await.map(|machine| (machine, place)) });
            }
            let made = tokio::select! {
                Some(made) = making.join_next() => made,
                () = self.changed.notified() => {
                    if self.lock().closed { break }
                    continue;
                }
                () = tokio::time::sleep(CALM) => {
                    self.calm();
                    continue;
                }
            };
            match made {
                Ok(Ok(made)) => {
                    pause = PAUSE;
                    match self.keep(made) {
                        None => continue,
                        Some((machine, _place)) => machine.destroy().await,
                    }
                    break;
                }
                Ok(Err(error)) => tracing::warn!("no warm sandbox could be made: {}", windlass_core::chain(&error)),
                Err(error) => tracing::error!("making a warm sandbox panicked: {error}"),
            }
            tokio::select! {
                () = tokio::time::sleep(pause) => pause = (pause * 2).min(LONGEST),
                () = self.changed.notified() => {}
            }
            if self.lock().closed {
                break;
            }
        }
        while let Some(made) = making.join_next().await {
            if let Ok(Ok((machine, _))) = made {
                machine.destroy().await;
            }
        }
    }

    /// Puts one with those that wait; back it comes when the pool is closed.
    fn keep(&self, made: (Box<dyn Machine>, Place)) -> Option<(Box<dyn Machine>, Place)> {
        let mut state = self.lock();
        if state.closed {
            return Some(made);
        }
        state.waiting.push_back(made);
        None
    }

    fn wants(&self, making: usize) -> bool {
        let state = self.lock();
        !state.closed && making < self.settings.boots && state.waiting.len() + making < state.target
    }

    fn calm(&self) {
        let mut state = self.lock();
        if state.target > self.settings.min && state.grown.elapsed() >= CALM {
            state.target -= 1;
            let target = state.target;
            let kept = target.min(state.waiting.len());
            let surplus = state.waiting.split_off(kept);
            for (machine, _) in surplus {
                tokio::spawn(machine.destroy());
            }
        }
    }
}
