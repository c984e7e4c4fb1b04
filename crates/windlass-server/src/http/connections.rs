//! Open connections: counted, and shed when idle ones would keep new ones out.
//!
//! Twenty thousand half-open connections must cost neither memory nor service. So there is a cap, and at the cap the
//! connection that has been idle longest gives way; one that is being answered never does. Connections that have not sent
//! a request yet may be half of all: what they have begun to send is what costs memory.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use tokio_util::sync::CancellationToken;

/// How long a connection may stay idle between requests. Longer than the 310 s after which the load balancer of our ECS
/// stack gives up, so that it is the balancer who closes first: a request never meets a connection that is going.
const KEEP_ALIVE: Duration = Duration::from_secs(330);

/// The table of open connections.
pub(super) struct Connections {
    open: Mutex<HashMap<u64, Arc<Connection>>>,
    next: AtomicU64,
    epoch: Instant,
    cap: usize,
    header_timeout: Duration,
    metrics: Arc<crate::Metrics>,
}

/// One open connection.
pub(super) struct Connection {
    /// Milliseconds since the epoch of the last thing that happened.
    last: AtomicU64,
    /// Whether a request was ever read on it.
    proven: AtomicU32,
    in_flight: AtomicU32,
    /// Fires when it has to go.
    pub close: CancellationToken,
}

/// Removes the connection from the table when dropped.
pub(super) struct Entry {
    id: u64,
    table: Arc<Connections>,
    pub connection: Arc<Connection>,
}

/// Marks a request as being answered until dropped (with its response's body).
pub(super) struct InFlight {
    connection: Arc<Connection>,
    epoch: Instant,
}

impl Connections {
    pub fn new(cap: usize, header_timeout: Duration, metrics: Arc<crate::Metrics>) -> Arc<Self> {
        Arc::new(Self {
            open: Mutex::default(),
            next: AtomicU64::new(0),
            epoch: Instant::now(),
            cap: cap.max(1),
            header_timeout,
            metrics,
        })
    }

    /// Room for one more, made if need be; `None` where every connection is being answered.
    pub fn enter(self: &Arc<Self>) -> Option<Entry> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let unproven = open.values().filter(|connection| connection.rank().0 == 0).count();
        if open.len() >= self.cap || unproven >= self.cap.div_ceil(2) {
            let idle = open.iter().filter(|(_, connection)| connection.idle());
            let oldest = idle.min_by_key(|(_, connection)| connection.rank()).map(|(id, _)| *id)?;
            if let Some(shed) = open.remove(&oldest) {
                shed.close.cancel();
                self.metrics.shed.increment(1);
            }
        }
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let connection = Arc::new(Connection {
            last: AtomicU64::new(millis(self.epoch)),
            proven: AtomicU32::new(0),
            in_flight: AtomicU32::new(0),
            close: CancellationToken::new(),
        });
        open.insert(id, connection.clone());
        self.metrics.connections.set(open.len() as f64);
        Some(Entry { id, table: self.clone(), connection })
    }

    /// Closes what has been idle too long; to be called every second.
    pub fn reap(&self) {
        let now = millis(self.epoch);
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        for connection in open.values().filter(|connection| connection.idle()) {
            let proven = connection.proven.load(Ordering::Relaxed) > 0;
            let patience = if proven { KEEP_ALIVE } else { self.header_timeout };
            if now.saturating_sub(connection.last.load(Ordering::Relaxed)) > patience.as_millis() as u64 {
                connection.close.cancel();
            }
        }
    }

    /// How many are open.
    pub fn count(&self) -> usize {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

impl Connection {
    fn idle(&self) -> bool {
        self.in_flight.load(Ordering::Acquire) == 0
    }

    /// Unproven connections go first, then the longest idle.
    fn rank(&self) -> (u32, u64) {
        (self.proven.load(Ordering::Relaxed), self.last.load(Ordering::Relaxed))
    }
}

impl Entry {
    /// A request has been read.
    pub fn request(&self) -> InFlight {
        self.connection.in_flight.fetch_add(1, Ordering::AcqRel);
        self.connection.proven.store(1, Ordering::Relaxed);
        InFlight { connection: self.connection.clone(), epoch: self.table.epoch }
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.connection.last.store(millis(self.epoch), Ordering::Relaxed);
        self.connection.in_flight.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let mut open = self.table.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.remove(&self.id);
        self.table.metrics.connections.set(open.len() as f64);
    }
}

fn millis(epoch: Instant) -> u64 {
    u64::try_from(epoch.elapsed().as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(cap: usize) -> Arc<Connections> {
        Connections::new(cap, Duration::from_secs(10), Arc::default())
    }

    #[test]
    fn at_the_cap_the_idle_and_unproven_go_first_and_the_busy_never() {
        let table = table(2);
        let busy = table.enter().unwrap();
        let request = busy.request();
        let proven = table.enter().unwrap();
        drop(proven.request());
        let newcomer = table.enter().unwrap();
        assert!(proven.connection.close.is_cancelled());
        let next = table.enter().unwrap();
        assert!(newcomer.connection.close.is_cancelled() && !busy.connection.close.is_cancelled());
        let _both_busy = next.request();
        assert!(table.enter().is_none(), "nobody gives way who is being answered");
        drop(request);
        assert!(table.enter().is_some());
    }

    #[test]
    fn the_table_forgets_what_has_closed() {
        let table = table(100);
        let entries: Vec<_> = (0..50).map(|_| table.enter().unwrap()).collect();
        assert_eq!(table.count(), 50);
        drop(entries);
        assert_eq!(table.count(), 0);
    }
}
