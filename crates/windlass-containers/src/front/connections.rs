//! Open connections: counted, and at the cap the one that has done nothing for longest gives way.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
};

use tokio_util::sync::CancellationToken;

/// The table of open connections.
pub(super) struct Connections {
    open: Mutex<HashMap<u64, Arc<Connection>>>,
    cap: usize,
    clock: AtomicU64,
}

#[derive(Default)]
pub(super) struct Connection {
    /// Fires when it has to go.
    pub close: CancellationToken,
    /// Whether a request was ever read on it.
    pub proven: AtomicBool,
    busy: AtomicUsize,
    /// When something last happened, by the table's count of happenings.
    last: AtomicU64,
}

/// A place in the table, left when dropped.
pub(super) struct Entry {
    id: u64,
    table: Arc<Connections>,
    pub connection: Arc<Connection>,
}

/// A request that is being answered on a connection.
pub(super) struct Busy(Arc<Connections>, Arc<Connection>);

impl Connections {
    pub fn new(cap: usize) -> Arc<Self> {
        Arc::new(Self { open: Mutex::default(), cap: cap.max(1), clock: AtomicU64::new(0) })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Arc<Connection>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> u64 {
        self.clock.fetch_add(1, Ordering::Relaxed)
    }

    /// Room for one more; `None` where every connection is being answered.
    pub fn enter(self: &Arc<Self>) -> Option<Entry> {
        let id = self.now();
        let mut open = self.lock();
        if open.len() >= self.cap {
            let idle = open.iter().filter(|(_, connection)| connection.busy.load(Ordering::Acquire) == 0);
            let rank = |connection: &Connection| {
                (connection.proven.load(Ordering::Relaxed), connection.last.load(Ordering::Relaxed))
            };
            let oldest = *idle.min_by_key(|(_, connection)| rank(connection))?.0;
            if let Some(shed) = open.remove(&oldest) {
                shed.close.cancel();
            }
        }
        let connection = Arc::new(Connection { last: AtomicU64::new(id), ..Connection::default() });
        open.insert(id, connection.clone());
        Some(Entry { id, table: self.clone(), connection })
    }

    pub fn count(&self) -> usize {
        self.lock().len()
    }
}

impl Entry {
    /// A request was read.
    pub fn request(&self) -> Busy {
        self.connection.proven.store(true, Ordering::Relaxed);
        self.connection.busy.fetch_add(1, Ordering::AcqRel);
        Busy(self.table.clone(), self.connection.clone())
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.1.last.store(self.0.now(), Ordering::Relaxed);
        self.1.busy.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.table.lock().remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_the_cap_the_silent_give_way_and_the_busy_never() {
        let table = Connections::new(2);
        let busy = table.enter().unwrap();
        let request = busy.request();
        let silent = table.enter().unwrap();
        let next = table.enter().unwrap();
        assert!(silent.connection.close.is_cancelled() && !busy.connection.close.is_cancelled());
        let other = next.request();
        assert!(table.enter().is_none());
        drop((request, other));
        let _third = table.enter().unwrap();
        assert!(busy.connection.close.is_cancelled(), "idle for longest");
        drop((busy, silent, next));
        assert_eq!(table.count(), 1);
    }
}
