//! Verdicts already given. One Cedar evaluation costs tens of microseconds and a call may pay for it only once.

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    sync::{Arc, PoisonError, RwLock},
};

use windlass_core::Principal;

use crate::{
    Verdict,
    facts::{Action, Asked, ToolFacts},
};

const SHARDS: usize = 16;
const ENTRIES_PER_SHARD: usize = 1024;

/// A bounded map from questions to verdicts. The hash only finds the place: an entry answers nothing but the very
/// question it was made for, every group and scope compared, so two callers who share an id and nothing else (a key that
/// was rotated into another group, say) can never share a verdict.
#[derive(Default)]
pub(crate) struct Verdicts {
    // Seeded at random, so that nobody can choose names that fall together.
    hasher: RandomState,
    shards: [RwLock<HashMap<u64, Entry>>; SHARDS],
}

struct Entry {
    principal: Principal,
    action: OwnedAction,
    transport: Box<str>,
    verdict: Arc<Verdict>,
}

enum OwnedAction {
    Call(ToolFacts),
    Read(Box<str>),
}

impl Verdicts {
    pub fn get_or_decide(&self, asked: &Asked<'_>, decide: impl FnOnce() -> Verdict) -> Arc<Verdict> {
        self.at(self.hasher.hash_one(asked), asked, decide)
    }

    fn at(&self, hash: u64, asked: &Asked<'_>, decide: impl FnOnce() -> Verdict) -> Arc<Verdict> {
        let shard = &self.shards[hash as usize % SHARDS];
        if let Some(entry) = shard.read().unwrap_or_else(PoisonError::into_inner).get(&hash)
            && entry.answers(asked)
        {
            return entry.verdict.clone();
        }
        let verdict = Arc::new(decide());
        let mut entries = shard.write().unwrap_or_else(PoisonError::into_inner);
        if entries.len() >= ENTRIES_PER_SHARD {
            // Starting over is cheaper than knowing which entry is old, and this happens to nobody in earnest.
            entries.clear();
        }
        entries.insert(hash, Entry::new(asked, verdict.clone()));
        verdict
    }
}

impl Entry {
    fn new(asked: &Asked<'_>, verdict: Arc<Verdict>) -> Self {
        let action = match asked.action {
            Action::Call(tool) => OwnedAction::Call(tool.clone()),
            Action::Read(toolset) => OwnedAction::Read(toolset.into()),
        };
        Self { principal: asked.principal.clone(), action, transport: asked.transport.into(), verdict }
    }

    fn answers(&self, asked: &Asked<'_>) -> bool {
        let same_action = match (&self.action, &asked.action) {
            (OwnedAction::Call(mine), Action::Call(tool)) => mine == *tool,
            (OwnedAction::Read(mine), Action::Read(toolset)) => **mine == **toolset,
            _ => false,
        };
        same_action && *self.transport == *asked.transport && self.principal == *asked.principal
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(allowed: bool) -> Verdict {
        Verdict { allowed, by: "test".into(), errors: Vec::new(), policies: Vec::new() }
    }

    #[test]
    fn a_collision_of_hashes_is_a_miss() {
        let verdicts = Verdicts::default();
        let admin = Principal::local();
        let other = Principal { groups: Default::default(), ..Principal::local() };
        let ask = |principal, allowed| {
            let asked = Asked { principal, action: Action::Read("shell"), transport: "http" };
            verdicts.at(7, &asked, || verdict(allowed)).allowed
        };
        assert!(ask(&admin, true));
        assert!(!ask(&other, false), "the same hash must not answer for another principal");
        assert!(!ask(&other, true), "the same question is answered from memory");
    }

    #[test]
    fn it_does_not_grow_without_bound() {
        let verdicts = Verdicts::default();
        let who = Principal::local();
        for n in 0..(SHARDS * ENTRIES_PER_SHARD * 3) as u64 {
            let toolset = n.to_string();
            let asked = Asked { principal: &who, action: Action::Read(&toolset), transport: "http" };
            verdicts.at(n, &asked, || verdict(true));
        }
        let kept: usize = verdicts.shards.iter().map(|shard| shard.read().unwrap().len()).sum();
        assert!(kept <= SHARDS * ENTRIES_PER_SHARD, "{kept}");
    }
}
