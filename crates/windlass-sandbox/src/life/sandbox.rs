//! One sandbox that somebody has.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use time::OffsetDateTime;
use tokio::time::Instant;
use windlass_core::Principal;
use windlass_guest::client::GuestClient;

use super::{Place, SandboxError, Wish};
use crate::{
    backend::{Machine, Spec, Stored},
    toolset::Sessions,
};

/// A sandbox, its owner, and when it ends.
pub(crate) struct Sandbox {
    pub id: String,
    /// The principal that made it.
    pub owner: String,
    pub spec: Spec,
    pub environment: BTreeMap<String, String>,
    pub labels: BTreeMap<String, String>,
    pub created: OffsetDateTime,
    pub expires: OffsetDateTime,
    /// Whether it had been made before it was asked for.
    pub warm: bool,
    /// Its guest. Clones stay valid for as long as the sandbox lives.
    pub guest: GuestClient,
    /// Where the proxy to what it may reach listens inside.
    pub proxy: Option<u16>,
    /// Interpreters that stay.
    pub sessions: Sessions,
    end: Instant,
    machine: tokio::sync::Mutex<Option<(Box<dyn Machine>, Place)>>,
    use_: Mutex<Use>,
}

struct Use {
    now: usize,
    last: Instant,
}

impl Sandbox {
    pub fn new(
        machine: Box<dyn Machine>,
        owner: &Principal,
        spec: Spec,
        wish: Wish,
        ttl: Duration,
        warm: bool,
        place: Place,
    ) -> Self {
        let (now, instant) = (OffsetDateTime::now_utc(), Instant::now());
        let id = new_id();
        machine.given_to(&id, &owner.id);
        Self {
            id,
            owner: owner.id.clone(),
            spec,
            environment: wish.environment,
            labels: wish.labels,
            created: now,
            expires: now + ttl,
            warm,
            guest: machine.guest().clone(),
            proxy: machine.proxy(),
            sessions: Sessions::default(),
            end: instant + ttl,
            machine: tokio::sync::Mutex::new(Some((machine, place))),
            use_: Mutex::new(Use { now: 0, last: instant }),
        }
    }

    /// Ends it, and whatever runs in it. Who comes second has nothing to do.
    pub async fn destroy(&self) {
        let machine = self.machine.lock().await.take();
        if let Some((machine, place)) = machine {
            machine.destroy().await;
            drop(place);
        }
    }

    /// Stores it as it is now.
    pub async fn store(&self) -> Result<Box<dyn Stored>, SandboxError> {
        match &*self.machine.lock().await {
            Some((machine, _)) => Ok(machine.store().await?),
            None => Err(SandboxError::NotFound(self.id.clone())),
        }
    }

    pub fn is_over(&self, now: Instant) -> bool {
        now >= self.end
    }

    pub fn is_idle(&self, now: Instant, idle: Duration) -> bool {
        let use_ = self.use_.lock().unwrap_or_else(PoisonError::into_inner);
        use_.now == 0 && now.duration_since(use_.last) >= idle
    }

    /// Time it has left.
    pub fn remaining(&self) -> Duration {
        self.end.saturating_duration_since(Instant::now())
    }
}

/// A sandbox that somebody works in: it is not idle.
pub(crate) struct InUse(Arc<Sandbox>);

impl InUse {
    pub fn new(sandbox: &Arc<Sandbox>) -> Self {
        sandbox.use_.lock().unwrap_or_else(PoisonError::into_inner).now += 1;
        Self(sandbox.clone())
    }
}

impl std::ops::Deref for InUse {
    type Target = Sandbox;

    fn deref(&self) -> &Sandbox {
        &self.0
    }
}

impl Drop for InUse {
    fn drop(&mut self) {
        let mut use_ = self.0.use_.lock().unwrap_or_else(PoisonError::into_inner);
        use_.now -= 1;
        use_.last = Instant::now();
    }
}

/// A name that nobody can guess.
pub(super) fn new_id() -> String {
    format!("sbx_{:032x}", rand::random::<u128>())
}
