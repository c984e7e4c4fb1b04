//! Warm sandboxes: made before anybody asks, handed out once.

use std::{
    collections::VecDeque,
    pin::pin,
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
    /// One of those that were being made is made, or will not be.
    arrived: Notify,
    filler: Mutex<Option<JoinHandle<()>>>,
}

struct State {
    waiting: VecDeque<(Box<dyn Machine>, Place)>,
    /// How many are being made.
    making: usize,
    /// How many are to wait: grows when the pool is found empty.
    target: usize,
    grown: Instant,
    closed: bool,
}

impl Pool {
    pub fn start(backend: Arc<dyn Backend>, spec: Spec, settings: PoolSettings, quotas: Arc<Quotas>) -> Arc<Self> {
        let state =
            State { waiting: VecDeque::new(), making: 0, target: settings.min, grown: Instant::now(), closed: false };
        let pool = Arc::new(Self {
            backend,
            spec,
            settings,
            quotas,
            state: Mutex::new(state),
            changed: Notify::new(),
            arrived: Notify::new(),
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

    /// One that waits, for its place; where there is only one that is being made, once it is there.
    pub async fn spare(&self) -> Option<Box<dyn Machine>> {
        loop {
            let mut arrived = pin!(self.arrived.notified());
            arrived.as_mut().enable();
            {
                let mut state = self.lock();
                if let Some((machine, _)) = state.waiting.pop_front() {
                    self.changed.notify_one();
                    return Some(machine);
                }
                if state.making == 0 {
                    return None;
                }
            }
            arrived.await;
        }
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
            while self.wants() {
                // The last places are for those who ask.
                let Ok(place) = self.quotas.take(None, &self.spec) else { break };
                self.lock().making += 1;
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
            self.gone();
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
            self.gone();
        }
    }

    /// One that was being made is not there.
    fn gone(&self) {
        self.lock().making -= 1;
        self.arrived.notify_waiters();
    }

    /// Puts one with those that wait; back it comes when the pool is closed.
    fn keep(&self, made: (Box<dyn Machine>, Place)) -> Option<(Box<dyn Machine>, Place)> {
        let mut state = self.lock();
        state.making -= 1;
        let refused = match state.closed {
            true => Some(made),
            false => {
                state.waiting.push_back(made);
                None
            }
        };
        self.arrived.notify_waiters();
        refused
    }

    fn wants(&self) -> bool {
        let state = self.lock();
        !state.closed && state.making < self.settings.boots && state.waiting.len() + state.making < state.target
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

#[cfg(test)]
mod tests {
    use std::{
        collections::BTreeMap,
        sync::atomic::{AtomicUsize, Ordering::SeqCst},
    };

    use async_trait::async_trait;

    use super::*;
    use crate::backend::{About, BackendError, Isolation};

    /// A backend on which a machine takes a minute, and then does not start.
    struct Slow {
        about: About,
        now: AtomicUsize,
        most: AtomicUsize,
    }

    #[async_trait]
    impl Backend for Slow {
        fn about(&self) -> &About {
            &self.about
        }

        async fn create(&self, _id: &str, _spec: &Spec) -> Result<Box<dyn Machine>, BackendError> {
            self.most.fetch_max(self.now.fetch_add(1, SeqCst) + 1, SeqCst);
            tokio::time::sleep(Duration::from_secs(60)).await;
            self.now.fetch_sub(1, SeqCst);
            Err(BackendError::Unable)
        }
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_are_made_at_once_than_may_be() {
        for (boots, min, most) in [(1, 5, 1), (3, 5, 3), (4, 2, 2)] {
            let about = About { name: "slow", isolation: Isolation::Vm, protections: BTreeMap::new() };
            let slow = Arc::new(Slow { about, now: AtomicUsize::new(0), most: AtomicUsize::new(0) });
            let spec = Spec { memory: 1, vcpus: 1, disk: 1, processes: 1 };
            let settings = PoolSettings { min, boots, ..PoolSettings::default() };
            let pool = Pool::start(slow.clone(), spec, settings, Quotas::new(Default::default(), 100));
            tokio::time::sleep(Duration::from_secs(600)).await;
            assert_eq!(slow.most.load(SeqCst), most, "{boots} at once, of {min}");
            pool.shutdown().await;
        }
    }
}
