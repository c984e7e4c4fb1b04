//! One that computes for a minute delays nobody: as long as it has half a processor or more, everybody else goes first.
//!
//! The kernel's scheduler gives each sandbox its turn, and whoever wakes up waits for the end of somebody else's: some
//! milliseconds, several times in each command. A group that gives way waits instead. It would starve where others have
//! always something to do, so who gets less than half a processor takes turns again.

use std::time::{Duration, Instant};

use tokio_util::task::AbortOnDropHandle;
use windlass_confine::Cgroups;

/// How often it is looked at while it does something, and while it does not.
const OFTEN: Duration = Duration::from_millis(100);
const RARELY: Duration = Duration::from_millis(250);
/// Of a processor.
const MUCH: f64 = 0.5;
const NOTHING: f64 = 0.01;

/// Looks after these groups until the handle is dropped. `None` where nothing is counted here, or nobody can give way.
pub(super) fn look_after(cgroups: Cgroups) -> Option<AbortOnDropHandle<()>> {
    let mut used = cgroups.used()?;
    let runtime = tokio::runtime::Handle::try_current().ok()?;
    if !cgroups.give_way(false) {
        return None;
    }
    let look = async move {
        let (mut gives, mut share, mut looked) = (false, 0.0, Instant::now());
        loop {
            tokio::time::sleep(if share < NOTHING { RARELY } else { OFTEN }).await;
            let (before, since) = (used, looked.elapsed());
            // It is gone.
            let Some(now) = cgroups.used() else { return };
            (used, looked) = (now, Instant::now());
            share = now.saturating_sub(before).as_secs_f64() / since.as_secs_f64();
            if gives != (share >= MUCH) {
                gives = !gives;
                cgroups.give_way(gives);
            }
        }
    };
    Some(AbortOnDropHandle::new(runtime.spawn(look)))
}
