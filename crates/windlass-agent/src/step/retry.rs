//! A model that gives no answer.

use std::time::Duration;

use super::{Effect, End, Phase, State};
use crate::model::ModelError;

/// The first wait, and the longest, in milliseconds.
const FIRST: u64 = 500;
const LONGEST: u64 = 60_000;

impl State {
    /// Only being asked too often passes by itself. Everything else would be hidden by asking again, and paid for again.
    pub(super) fn failed(&mut self, error: ModelError, effects: &mut Vec<Effect>) {
        let Phase::Asking { refusals, .. } = self.phase else { return };
        match error {
            ModelError::Throttled(after) if refusals < self.spec.retries => {
                let millis = self.pause(refusals, after);
                self.phase = Phase::Waiting { refusals: refusals + 1 };
                effects.push(Effect::Save);
                effects.push(Effect::Wait { millis });
            }
            ModelError::ContextFull => self.overflowed(refusals, effects),
            error => self.stop(End::Model { error }, effects),
        }
    }

    /// After a wait.
    pub(super) fn ask_again(&mut self, effects: &mut Vec<Effect>) {
        let Phase::Waiting { refusals } = self.phase else { return };
        self.put(refusals, effects);
    }

    /// Twice as long each time, a random half of it: those who were refused together do not come back together. What the
    /// provider asks for is the least.
    fn pause(&self, refusals: u32, after: Option<Duration>) -> u64 {
        let whole = FIRST.saturating_mul(1 << refusals.min(16)).min(LONGEST);
        let jitter = scramble(self.spec.seed ^ self.counter) % (whole / 2 + 1);
        let asked = after.map_or(0, |after| u64::try_from(after.as_millis()).unwrap_or(u64::MAX));
        (whole / 2 + jitter).max(asked)
    }
}

/// A number that looks random (splitmix64).
fn scramble(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::step::{Event, step, tests::asked};

    fn refuse(state: State, after: Option<Duration>) -> (State, Vec<Effect>) {
        let Phase::Asking { ask, .. } = state.phase else { panic!("{:?}", state.phase) };
        step(state, 0, Event::Failed { ask, error: ModelError::Throttled(after) })
    }

    fn wait(effects: &[Effect]) -> u64 {
        match effects {
            [Effect::Save, Effect::Wait { millis }] => *millis,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn waits_grow_and_end() {
        let mut state = asked(|spec| spec.retries = 8);
        for refusals in 0..8 {
            let (next, effects) = refuse(state, None);
            let whole = (FIRST << refusals).min(LONGEST);
            assert!((whole / 2..=whole).contains(&wait(&effects)), "{refusals}: {effects:?}");
            let (next, effects) = step(next, 0, Event::Waited);
            assert!(matches!(effects[..], [Effect::Save, Effect::AskModel { .. }]));
            state = next;
        }
        let (state, effects) = refuse(state, None);
        let end = End::Model { error: ModelError::Throttled(None) };
        assert_eq!(effects, [Effect::Save, Effect::End { end: end.clone() }]);
        assert_eq!((state.end(), state.spent.turns), (Some(&end), 1));
    }

    #[test]
    fn the_providers_wish_is_the_least_and_seeds_differ() {
        let (_, effects) = refuse(asked(|_| {}), Some(Duration::from_secs(90)));
        assert_eq!(wait(&effects), 90_000);
        let waits: std::collections::BTreeSet<u64> =
            (0..20).map(|seed| wait(&refuse(asked(|spec| spec.seed = seed), None).1)).collect();
        assert!(waits.len() > 10, "{waits:?}");
    }

    #[test]
    fn nothing_else_is_asked_again() {
        for error in [
            ModelError::Unreachable("gone".into()),
            ModelError::Refused("no such model".into()),
            ModelError::Protocol("what".into()),
        ] {
            let state = asked(|_| {});
            let Phase::Asking { ask, .. } = state.phase else { panic!() };
            let (state, _) = step(state, 0, Event::Failed { ask, error: error.clone() });
            assert_eq!(state.end(), Some(&End::Model { error }));
        }
    }
}
