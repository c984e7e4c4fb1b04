//! What one caller, and everybody together, may have at once.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use windlass_config::settings::QuotaSettings;
use windlass_core::units::Bytes;

use super::SandboxError;
use crate::backend::Spec;

/// Who has how much.
pub(super) struct Quotas {
    each: QuotaSettings,
    most: usize,
    taken: Mutex<Taken>,
}

#[derive(Default)]
struct Taken {
    closed: bool,
    all: usize,
    of: HashMap<String, Share>,
}

#[derive(Default, Clone)]
struct Share {
    count: usize,
    memory: u64,
    vcpus: u32,
    disk: u64,
}

/// Room for one sandbox, given back when dropped. It is taken before anything is made, so that two who ask at once
/// cannot both get the last one.
pub(crate) struct Place {
    quotas: Arc<Quotas>,
    owner: Option<String>,
    spec: Spec,
}

impl Quotas {
    pub fn new(each: QuotaSettings, most: usize) -> Arc<Self> {
        Arc::new(Self { each, most, taken: Mutex::default() })
    }

    /// Room for a sandbox of `owner`, or for one that waits for an owner.
    pub fn take(self: &Arc<Self>, owner: Option<&str>, spec: &Spec) -> Result<Place, SandboxError> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if taken.closed {
            return Err(SandboxError::Closed);
        }
        if let Some(owner) = owner {
            let share = taken.of.get(owner).cloned().unwrap_or_default();
            self.fits(&share, spec)?;
        }
        // The last place is for those who ask: whoever makes room must not lose it to one that waits.
        let kept_free = usize::from(owner.is_none());
        if taken.all + kept_free >= self.most {
            return Err(SandboxError::Full(self.most));
        }
        taken.all += 1;
        if let Some(owner) = owner {
            let share = taken.of.entry(owner.to_owned()).or_default();
            share.count += 1;
            share.memory += spec.memory;
            share.vcpus += spec.vcpus;
            share.disk += spec.disk;
        }
        Ok(Place { quotas: self.clone(), owner: owner.map(str::to_owned), spec: spec.clone() })
    }

    fn fits(&self, share: &Share, spec: &Spec) -> Result<(), SandboxError> {
        let each = &self.each;
        let bytes = |bytes: u64| Bytes(bytes).to_string();
        let rows = [
            (share.count >= each.count, "sandboxes", share.count.to_string(), each.count.to_string()),
            (share.memory + spec.memory > each.memory.0, "memory", bytes(share.memory), bytes(each.memory.0)),
            (share.vcpus + spec.vcpus > each.vcpus, "vcpus", share.vcpus.to_string(), each.vcpus.to_string()),
            (share.disk + spec.disk > each.disk.0, "disk", bytes(share.disk), bytes(each.disk.0)),
        ];
        match rows.into_iter().find(|(over, ..)| *over) {
            Some((_, what, has, most)) => Err(SandboxError::Quota { what, has, most }),
            None => Ok(()),
        }
    }

    /// No more places are given.
    pub fn close(&self) {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).closed = true;
    }

    pub fn closed(&self) -> bool {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).closed
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.quotas.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.all -= 1;
        let Some(owner) = &self.owner else { return };
        if let Some(share) = taken.of.get_mut(owner) {
            share.count -= 1;
            share.memory -= self.spec.memory;
            share.vcpus -= self.spec.vcpus;
            share.disk -= self.spec.disk;
            if share.count == 0 {
                taken.of.remove(owner);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec() -> Spec {
        Spec { memory: 100, vcpus: 1, disk: 10, processes: 1 }
    }

    #[test]
    fn nobody_has_more_than_a_share_and_what_is_given_back_can_be_had() {
        let each = QuotaSettings { count: 3, memory: Bytes(250), vcpus: 9, disk: Bytes(1000), snapshots: 1 };
        let quotas = Quotas::new(each, 4);
        let take = |owner: &str| quotas.take(Some(owner), &spec());
        let first = take("alice").unwrap();
        let _second = take("alice").unwrap();
        let told = take("alice").err().unwrap().to_string();
        assert_eq!(told, "this caller has 200B of at most 250B memory in sandboxes");
        let _waits = quotas.take(None, &spec()).unwrap();
        assert!(matches!(quotas.take(None, &spec()), Err(SandboxError::Full(4))), "the last place is no pool's");
        let _last = take("bob").unwrap();
        assert!(matches!(take("carol"), Err(SandboxError::Full(4))));
        drop(first);
        let _again = take("alice").unwrap();
        quotas.close();
        assert!(matches!(take("dave"), Err(SandboxError::Closed)));
    }
}
