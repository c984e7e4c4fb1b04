//! Generations that somebody reads, in this process or another, on this machine or another: a shared advisory lock on
//! each says so for as long as the session lives that holds it. That needs no right to write, and a process that is
//! killed leaves nothing behind.

use std::{collections::BTreeMap, sync::Arc};

use tokio::{runtime::Handle, sync::Mutex};

use super::{
    connect::{Maker, Session},
    fault::fault,
};
use crate::IndexError;

/// The first key of our advisory locks is this and a collection: `WL`, and room for the number.
pub(super) const SPACE: i32 = 0x574c_0000;

/// The one session that holds what this process reads.
pub(super) struct Pins {
    maker: Maker,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    session: Option<Session>,
    /// How many hold it.
    held: BTreeMap<(i32, u64), usize>,
}

/// A generation that is not dropped while this is held.
pub(super) struct Pin {
    pins: Arc<Pins>,
    key: (i32, u64),
}

impl Pins {
    pub(super) fn new(maker: Maker) -> Arc<Self> {
        Arc::new(Self { maker, state: Mutex::default() })
    }

    /// Holds it from now on; `None` where it is being dropped. Whether it was there still has to be asked afterwards.
    pub(super) async fn pin(self: &Arc<Self>, collection: i32, number: u64) -> Result<Option<Pin>, IndexError> {
        let key = (collection, number);
        let mut state = self.state.lock().await;
        if state.session.as_ref().is_none_or(|session| session.client.is_closed()) {
            let mut session = self.maker.open().await?;
            // What was held is held again; whether something was lost in between is seen by who reads it.
            for &(collection, number) in state.held.keys() {
                lock(&mut session, collection, number).await?;
            }
            state.session = Some(session);
        }
        if !state.held.contains_key(&key)
            && let Some(session) = &mut state.session
            && !lock(session, collection, number).await?
        {
            return Ok(None);
        }
        *state.held.entry(key).or_default() += 1;
        Ok(Some(Pin { pins: self.clone(), key }))
    }

    async fn release(&self, key: (i32, u64)) {
        let mut state = self.state.lock().await;
        let Some(count) = state.held.get_mut(&key) else { return };
        *count -= 1;
        if *count > 0 {
            return;
        }
        state.held.remove(&key);
        if let Some(session) = &mut state.session {
            let (space, number) = (space(key.0), lock_number(key.1));
            // Where it fails the session has ended, and the lock with it.
            drop(session.query("SELECT pg_advisory_unlock_shared($1, $2)", &[&space, &number]).await);
        }
    }
}

impl Drop for Pin {
    fn drop(&mut self) {
        let (pins, key) = (self.pins.clone(), self.key);
        // Without a runtime the process is ending.
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(async move { pins.release(key).await });
        }
    }
}

/// Whether it could be had: not while somebody drops the generation, and nobody waits for that.
async fn lock(session: &mut Session, collection: i32, number: u64) -> Result<bool, IndexError> {
    let (space, number) = (space(collection), lock_number(number));
    let rows = session.query("SELECT pg_try_advisory_lock_shared($1, $2)", &[&space, &number]).await;
    Ok(rows.map_err(fault)?.first().is_some_and(|row| row.get(0)))
}

/// The first key of the locks of a collection.
pub(super) fn space(collection: i32) -> i32 {
    SPACE | (collection & 0xffff)
}

/// The second one.
fn lock_number(number: u64) -> i32 {
    (number & 0x7fff_ffff) as i32
}
