//! Which release is active, and what is under way on each.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::{Upstream, forward::Client};

/// The active release and those that are still answering.
#[derive(Default)]
pub(super) struct Routes {
    inner: Mutex<Inner>,
    pub served: AtomicU64,
    pub failed: AtomicU64,
}

#[derive(Default)]
struct Inner {
    active: Option<Arc<Route>>,
    /// Those that were active before and have something under way.
    leaving: Vec<Arc<Route>>,
}

/// The way to one release. It has connections of its own, which end with it.
pub(super) struct Route {
    pub upstream: Upstream,
    pub client: Client,
    /// Fires when what is under way is to end, answered or not.
    pub cut: CancellationToken,
    in_flight: AtomicUsize,
    idle: Notify,
}

/// A request that counts as its route's until this is dropped.
pub(super) struct InFlight(pub Arc<Route>);

impl Routes {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The active release, and a place on it. One step: nobody can find it drained in between.
    pub fn enter(&self) -> Option<InFlight> {
        let inner = self.lock();
        let route = inner.active.clone()?;
        route.in_flight.fetch_add(1, Ordering::AcqRel);
        Some(InFlight(route))
    }

    pub fn active(&self) -> Option<Upstream> {
        self.lock().active.as_ref().map(|route| route.upstream.clone())
    }

    /// Sends every request from now on there. Whether that changes anything.
    pub fn switch(&self, upstream: Upstream) -> bool {
        let mut inner = self.lock();
        if inner.active.as_ref().is_some_and(|route| route.upstream == upstream) {
            return false;
        }
        inner.leaving.retain(|route| route.in_flight() > 0);
        let before = inner.active.replace(Route::new(upstream));
        inner.leaving.extend(before.filter(|route| route.in_flight() > 0));
        true
    }

    /// Requests under way, by release.
    pub fn in_flight(&self) -> BTreeMap<String, usize> {
        let inner = self.lock();
        let mut counts = BTreeMap::new();
        for route in inner.leaving.iter().chain(&inner.active) {
            let count = route.in_flight();
            if count > 0 || inner.active.as_ref().is_some_and(|active| Arc::ptr_eq(active, route)) {
                *counts.entry(route.upstream.release.clone()).or_default() += count;
            }
        }
        counts
    }

    /// Waits until a release that is no longer active has nothing under way; after `patience` that is cut off. How much
    /// was; `None` where the release is the active one, which would never drain.
    pub async fn drain(&self, release: &str, patience: Duration) -> Option<usize> {
        let leaving: Vec<_> = {
            let inner = self.lock();
            let of = |route: &&Arc<Route>| route.upstream.release == release;
            let leaving: Vec<_> = inner.leaving.iter().filter(of).cloned().collect();
            if leaving.is_empty() && inner.active.as_ref().filter(of).is_some() {
                return None;
            }
            leaving
        };
        let deadline = tokio::time::Instant::now() + patience;
        let mut cut = 0;
        for route in leaving {
            if tokio::time::timeout_at(deadline, route.emptied()).await.is_err() {
                cut += route.in_flight();
                route.cut.cancel();
                route.emptied().await;
            }
        }
        Some(cut)
    }

    /// Cuts off everything.
    pub fn cut_all(&self) {
        let inner = self.lock();
        for route in inner.leaving.iter().chain(&inner.active) {
            route.cut.cancel();
        }
    }
}

impl Route {
    fn new(upstream: Upstream) -> Arc<Self> {
        Arc::new(Self {
            upstream,
            client: super::forward::client(),
            cut: CancellationToken::new(),
            in_flight: AtomicUsize::new(0),
            idle: Notify::new(),
        })
    }

    fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::Acquire)
    }

    async fn emptied(&self) {
        loop {
            let mut notified = std::pin::pin!(self.idle.notified());
            // In line before looking, so that an end in between is not missed.
            notified.as_mut().enable();
            if self.in_flight() == 0 {
                return;
            }
            notified.await;
        }
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        if self.0.in_flight.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.idle.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn upstream(release: &str) -> Upstream {
        Upstream { release: release.into(), address: "127.0.0.1:1".into() }
    }

    #[tokio::test]
    async fn a_release_has_drained_when_its_last_request_ends() {
        let routes = Arc::new(Routes::default());
        assert!(routes.enter().is_none());
        assert!(routes.switch(upstream("one")) && !routes.switch(upstream("one")));
        assert_eq!(routes.drain("one", Duration::ZERO).await, None, "the active one never drains");
        let (first, second) = (routes.enter().unwrap(), routes.enter().unwrap());
        routes.switch(upstream("two"));
        assert_eq!(routes.in_flight(), [("one".to_owned(), 2), ("two".to_owned(), 0)].into());
        let draining = tokio::spawn({
            let routes = routes.clone();
            async move { routes.drain("one", Duration::from_secs(60)).await }
        });
        drop(first);
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        assert!(!draining.is_finished());
        drop(second);
        assert_eq!(draining.await.unwrap(), Some(0));
        assert_eq!(routes.drain("unknown", Duration::ZERO).await, Some(0));
    }

    #[tokio::test]
    async fn after_its_time_what_is_left_is_cut_off_and_counted() {
        let routes = Routes::default();
        routes.switch(upstream("one"));
        let request = routes.enter().unwrap();
        routes.switch(upstream("two"));
        tokio::spawn(async move {
            request.0.cut.cancelled().await;
            drop(request);
        });
        assert_eq!(routes.drain("one", Duration::from_millis(5)).await, Some(1));
    }

    #[test]
    fn the_same_release_at_another_address_is_another_route() {
        let routes = Routes::default();
        routes.switch(upstream("one"));
        let request = routes.enter().unwrap();
        assert!(routes.switch(Upstream { address: "127.0.0.1:2".into(), ..upstream("one") }));
        assert_eq!(routes.in_flight(), [("one".to_owned(), 1)].into());
        drop(request);
        assert_eq!(routes.in_flight(), [("one".to_owned(), 0)].into());
    }
}
