//! The life of sandboxes: who has which, what they may have, and when it is over.

mod pool;
mod quota;
mod sandbox;
mod snapshot;

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use tokio::time::Instant;
use windlass_config::settings::SandboxesSettings;
use windlass_core::Principal;

use crate::backend::{About, Backend, BackendError, Machine, Spec};

pub(crate) use sandbox::{InUse, Sandbox};
pub(crate) use snapshot::Snapshot;

use pool::Pool;
use quota::{Place, Quotas};

/// How often sandboxes are looked at whose time may be over.
const ROUND: Duration = Duration::from_secs(1);
/// How long a guest may take to say that it is there.
const PING: Duration = Duration::from_secs(2);

/// Why there is no such sandbox.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// There is none, or it is somebody else's, which must look the same.
    #[error("there is no sandbox `{0}`")]
    NotFound(String),
    /// The same of a snapshot.
    #[error("there is no snapshot `{0}`")]
    NoSnapshot(String),
    /// A copy has the size of what it is a copy of.
    #[error("a sandbox that is made from another has its size")]
    Size,
    /// The caller keeps as many as it may.
    #[error("this caller has {has} of at most {most} snapshots")]
    Snapshots {
        /// How many it has.
        has: usize,
        /// How many it may have.
        most: usize,
    },
    /// Something asked for is more than anybody may have.
    #[error("a sandbox may have at most {most} {what}")]
    TooMuch {
        /// Of what.
        what: &'static str,
        /// How much there may be.
        most: String,
    },
    /// The caller has as much as it may have.
    #[error("this caller has {has} of at most {most} {what} in sandboxes")]
    Quota {
        /// Of what.
        what: &'static str,
        /// How much it has.
        has: String,
        /// How much it may have.
        most: String,
    },
    /// The server has as many as it may have.
    #[error("all {0} sandboxes of this server are in use")]
    Full(usize),
    /// The server is being stopped.
    #[error("the server is being stopped")]
    Closed,
    /// It could not be made.
    #[error("no sandbox could be made")]
    Backend(#[from] BackendError),
}

/// What somebody asks for. What is not said is as the settings have it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wish {
    pub memory: Option<u64>,
    pub vcpus: Option<u32>,
    pub disk: Option<u64>,
    pub ttl: Option<Duration>,
    pub environment: BTreeMap<String, String>,
    pub labels: BTreeMap<String, String>,
    /// Go on where this snapshot was taken.
    pub snapshot: Option<String>,
}

/// All sandboxes of a server. Clones share them.
#[derive(Clone)]
pub struct Sandboxes {
    shared: Arc<Shared>,
}

struct Shared {
    settings: SandboxesSettings,
    backend: Arc<dyn Backend>,
    quotas: Arc<Quotas>,
    pool: Option<Arc<Pool>>,
    /// Held for a look, never while a guest is waited for.
    alive: Mutex<HashMap<String, Arc<Sandbox>>>,
    snapshots: Mutex<HashMap<String, Arc<Snapshot>>>,
    /// Held while a sandbox is stored.
    storing: tokio::sync::Mutex<()>,
}

impl Sandboxes {
    /// Begins to make and to keep them. Needs to be in a tokio runtime.
    pub fn new(settings: SandboxesSettings, backend: Arc<dyn Backend>) -> Self {
        let quotas = Quotas::new(settings.per_principal.clone(), settings.max_sandboxes);
        let pool = settings
            .pool
            .enabled
            .then(|| Pool::start(backend.clone(), default_spec(&settings), settings.pool.clone(), quotas.clone()));
        let shared = Arc::new(Shared {
            settings,
            backend,
            quotas,
            pool,
            alive: Mutex::default(),
            snapshots: Mutex::default(),
            storing: Default::default(),
        });
        tokio::spawn(reap(Arc::downgrade(&shared)));
        Self { shared }
    }

    /// What makes them.
    pub fn about(&self) -> &About {
        self.shared.backend.about()
    }

    pub(crate) fn settings(&self) -> &SandboxesSettings {
        &self.shared.settings
    }

    /// Makes a sandbox of `owner`, or hands over a warm one.
    pub(crate) async fn create(&self, owner: &Principal, wish: Wish) -> Result<Arc<Sandbox>, SandboxError> {
        let shared = &self.shared;
        if let Some(id) = &wish.snapshot {
            let snapshot = self.snapshot(owner, id)?;
            return self.wake(owner, &snapshot, wish).await;
        }
        let spec = shared.spec(&wish)?;
        let ttl = shared.time_to_live(wish.ttl)?;
        let place = self.place(owner, &spec).await?;
        let (machine, warm) = match self.warm_machine(&spec).await {
            Some(machine) => (machine, true),
            None => (shared.backend.create(&sandbox::new_id(), &spec).await?, false),
        };
        self.begin(Sandbox::new(machine, owner, spec, wish, ttl, warm, place))
    }

    /// Room for one more of `owner`.
    async fn place(&self, owner: &Principal, spec: &Spec) -> Result<Place, SandboxError> {
        loop {
            match self.shared.quotas.take(Some(&owner.id), spec) {
                // Nobody is turned away for the sake of one that only waits. Another may be quicker to take its place.
                Err(SandboxError::Full(_)) if self.spare_one().await => {}
                // There is none; but the last may have become somebody's, who had a place already.
                Err(SandboxError::Full(_)) => return self.shared.quotas.take(Some(&owner.id), spec),
                taken => return taken,
            }
        }
    }

    /// From now on it is there for its owner.
    fn begin(&self, sandbox: Sandbox) -> Result<Arc<Sandbox>, SandboxError> {
        let shared = &self.shared;
        let sandbox = Arc::new(sandbox);
        let mut alive = shared.alive.lock().unwrap_or_else(PoisonError::into_inner);
        if shared.quotas.closed() {
            return Err(SandboxError::Closed);
        }
        alive.insert(sandbox.id.clone(), sandbox.clone());
        Ok(sandbox)
    }

    /// Takes one of the pool away.
    async fn spare_one(&self) -> bool {
        let Some(pool) = &self.shared.pool else { return false };
        let Some(machine) = pool.spare().await else { return false };
        machine.destroy().await;
        true
    }

    async fn warm_machine(&self, spec: &Spec) -> Option<Box<dyn Machine>> {
        let pool = self.shared.pool.as_ref().filter(|pool| pool.spec() == spec)?;
        while let Some(machine) = pool.take() {
            // It may have died while it waited.
            if machine.guest().ping(PING).await.is_ok() {
                return Some(machine);
            }
            tokio::spawn(machine.destroy());
        }
        None
    }

    /// The sandbox `id` of `owner`, kept from the reaper for as long as it is held.
    pub(crate) fn find(&self, owner: &Principal, id: &str) -> Result<InUse, SandboxError> {
        let alive = self.shared.alive.lock().unwrap_or_else(PoisonError::into_inner);
        let found = alive.get(id).filter(|sandbox| sandbox.owner == owner.id && !sandbox.is_over(Instant::now()));
        found.map(InUse::new).ok_or_else(|| SandboxError::NotFound(id.to_owned()))
    }

    /// All sandboxes of `owner`, the oldest first.
    pub(crate) fn list(&self, owner: &Principal) -> Vec<Arc<Sandbox>> {
        let alive = self.shared.alive.lock().unwrap_or_else(PoisonError::into_inner);
        let mut found: Vec<_> = alive.values().filter(|sandbox| sandbox.owner == owner.id).cloned().collect();
        found.sort_by_key(|sandbox| sandbox.created);
        found
    }

    fn lock_snapshots(&self) -> MutexGuard<'_, HashMap<String, Arc<Snapshot>>> {
        self.shared.snapshots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the sandbox `id` of `owner`, and whatever runs in it, or forgets the snapshot of that name.
    pub(crate) async fn destroy(&self, owner: &Principal, id: &str) -> Result<(), SandboxError> {
        if self.forget(owner, id).is_ok() {
            return Ok(());
        }
        let sandbox = {
            let mut alive = self.shared.alive.lock().unwrap_or_else(PoisonError::into_inner);
            alive.get(id).filter(|sandbox| sandbox.owner == owner.id).ok_or(SandboxError::NotFound(id.to_owned()))?;
            alive.remove(id)
        };
        if let Some(sandbox) = sandbox {
            sandbox.destroy().await;
        }
        Ok(())
    }

    /// Takes a sandbox of ours away that is no good any longer.
    pub(crate) async fn discard(&self, sandbox: &Sandbox) {
        self.shared.alive.lock().unwrap_or_else(PoisonError::into_inner).remove(&sandbox.id);
        sandbox.destroy().await;
    }

    /// Ends all of them; none is made any longer.
    pub async fn shutdown(&self) {
        self.shared.quotas.close();
        self.lock_snapshots().clear();
        let alive = std::mem::take(&mut *self.shared.alive.lock().unwrap_or_else(PoisonError::into_inner));
        let ending = alive.into_values().map(|sandbox| tokio::spawn(async move { sandbox.destroy().await }));
        for ended in ending.collect::<Vec<_>>() {
            let _ = ended.await;
        }
        if let Some(pool) = &self.shared.pool {
            pool.shutdown().await;
        }
    }
}

impl Shared {
    fn time_to_live(&self, asked: Option<Duration>) -> Result<Duration, SandboxError> {
        let ttl = asked.unwrap_or(self.settings.ttl.0);
        if ttl > self.settings.max_ttl.0 {
            return Err(SandboxError::TooMuch { what: "time to live", most: self.settings.max_ttl.to_string() });
        }
        Ok(ttl)
    }

    fn spec(&self, wish: &Wish) -> Result<Spec, SandboxError> {
        let settings = &self.settings;
        let default = default_spec(settings);
        let spec = Spec {
            memory: wish.memory.unwrap_or(default.memory),
            vcpus: wish.vcpus.unwrap_or(default.vcpus),
            disk: wish.disk.unwrap_or(default.disk),
            processes: default.processes,
        };
        let too_much = |what, most: String| Err(SandboxError::TooMuch { what, most });
        if spec.memory > settings.max_memory.0 {
            return too_much("memory", settings.max_memory.to_string());
        }
        if spec.vcpus > settings.max_vcpus {
            return too_much("vcpus", settings.max_vcpus.to_string());
        }
        if spec.disk > settings.max_disk.0 {
            return too_much("disk", settings.max_disk.to_string());
        }
        Ok(spec)
    }
}

/// What a sandbox has whose creator does not say.
pub(crate) fn default_spec(settings: &SandboxesSettings) -> Spec {
    Spec { memory: settings.memory.0, vcpus: settings.vcpus, disk: settings.disk.0, processes: settings.processes }
}

/// Ends sandboxes whose time is over, for as long as somebody has them.
async fn reap(shared: Weak<Shared>) {
    let mut rounds = tokio::time::interval(ROUND);
    loop {
        rounds.tick().await;
        let Some(shared) = shared.upgrade() else { return };
        let now = Instant::now();
        shared.snapshots.lock().unwrap_or_else(PoisonError::into_inner).retain(|_, snapshot| !snapshot.is_over(now));
        let idle = shared.settings.idle.0;
        let over: Vec<_> = {
            let mut alive = shared.alive.lock().unwrap_or_else(PoisonError::into_inner);
            alive.extract_if(|_, sandbox| sandbox.is_over(now) || sandbox.is_idle(now, idle)).collect()
        };
        for (id, sandbox) in over {
            tracing::info!(sandbox = id, "its time is over");
            tokio::spawn(async move { sandbox.destroy().await });
        }
    }
}
