//! Sandboxes as they once were.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use time::OffsetDateTime;
use tokio::time::Instant;
use windlass_core::Principal;

use super::{SandboxError, Sandboxes, Wish, quota::Place, sandbox::Sandbox};
use crate::backend::{Spec, Stored};

/// A stored sandbox, its owner, and when it goes.
pub(crate) struct Snapshot {
    pub id: String,
    pub owner: String,
    /// The sandbox that it is of.
    pub sandbox: String,
    pub spec: Spec,
    pub environment: BTreeMap<String, String>,
    pub created: OffsetDateTime,
    pub expires: OffsetDateTime,
    pub bytes: u64,
    pub stored: Box<dyn Stored>,
    end: Instant,
}

impl Snapshot {
    pub fn is_over(&self, now: Instant) -> bool {
        now >= self.end
    }
}

impl Sandboxes {
    /// Stores the sandbox `id` of `owner` for as long as `ttl`.
    pub(crate) async fn store(
        &self,
        owner: &Principal,
        id: &str,
        ttl: Option<Duration>,
    ) -> Result<Arc<Snapshot>, SandboxError> {
        let ttl = self.shared.time_to_live(ttl)?;
        // Held from here on, so that two who ask at once cannot both get the last place.
        let _one_at_a_time = self.shared.storing.lock().await;
        let sandbox = self.find(owner, id)?;
        let most = self.shared.settings.per_principal.snapshots;
        let has = self.snapshots(owner).len();
        if has >= most {
            return Err(SandboxError::Snapshots { has, most });
        }
        let snapshot = Arc::new(self.snapshot_of(&sandbox, ttl).await?);
        self.lock_snapshots().insert(snapshot.id.clone(), snapshot.clone());
        Ok(snapshot)
    }

    async fn snapshot_of(&self, sandbox: &Sandbox, ttl: Duration) -> Result<Snapshot, SandboxError> {
        let stored = sandbox.store().await?;
        let now = OffsetDateTime::now_utc();
        Ok(Snapshot {
            id: format!("snp_{:032x}", rand::random::<u128>()),
            owner: sandbox.owner.clone(),
            sandbox: sandbox.id.clone(),
            spec: sandbox.spec.clone(),
            environment: sandbox.environment.clone(),
            created: now,
            expires: now + ttl,
            bytes: stored.bytes(),
            stored,
            end: Instant::now() + ttl,
        })
    }

    /// Makes a sandbox that goes on where the sandbox `id` of `owner` is now.
    pub(crate) async fn fork(&self, owner: &Principal, id: &str, wish: Wish) -> Result<Arc<Sandbox>, SandboxError> {
        let ttl = self.shared.time_to_live(wish.ttl)?;
        let sandbox = self.find(owner, id)?;
        // First of all: nothing is stored for those who have no room for a copy.
        let place = self.place(owner, &sandbox.spec).await?;
        let snapshot = self.snapshot_of(&sandbox, ttl).await?;
        drop(sandbox);
        self.wake_at(place, owner, &snapshot, wish).await
    }

    /// Makes a sandbox that goes on where `snapshot` was taken.
    pub(super) async fn wake(
        &self,
        owner: &Principal,
        snapshot: &Snapshot,
        wish: Wish,
    ) -> Result<Arc<Sandbox>, SandboxError> {
        if [wish.memory.is_some(), wish.vcpus.is_some(), wish.disk.is_some()].contains(&true) {
            return Err(SandboxError::Size);
        }
        let place = self.place(owner, &snapshot.spec).await?;
        self.wake_at(place, owner, snapshot, wish).await
    }

    async fn wake_at(
        &self,
        place: Place,
        owner: &Principal,
        snapshot: &Snapshot,
        mut wish: Wish,
    ) -> Result<Arc<Sandbox>, SandboxError> {
        let ttl = self.shared.time_to_live(wish.ttl)?;
        let mut environment = snapshot.environment.clone();
        environment.append(&mut wish.environment);
        wish.environment = environment;
        let machine = snapshot.stored.wake(&super::sandbox::new_id()).await?;
        self.begin(Sandbox::new(machine, owner, snapshot.spec.clone(), wish, ttl, false, place))
    }

    /// The snapshot `id` of `owner`.
    pub(super) fn snapshot(&self, owner: &Principal, id: &str) -> Result<Arc<Snapshot>, SandboxError> {
        let snapshots = self.lock_snapshots();
        let found = snapshots.get(id).filter(|found| found.owner == owner.id && !found.is_over(Instant::now()));
        found.cloned().ok_or_else(|| SandboxError::NoSnapshot(id.to_owned()))
    }

    /// All snapshots of `owner`, the oldest first.
    pub(crate) fn snapshots(&self, owner: &Principal) -> Vec<Arc<Snapshot>> {
        let mut found: Vec<_> =
            self.lock_snapshots().values().filter(|snapshot| snapshot.owner == owner.id).cloned().collect();
        found.sort_by_key(|snapshot| snapshot.created);
        found
    }

    /// Forgets the snapshot `id` of `owner`.
    pub(super) fn forget(&self, owner: &Principal, id: &str) -> Result<(), SandboxError> {
        self.snapshot(owner, id)?;
        self.lock_snapshots().remove(id);
        Ok(())
    }
}
