//! An issuer's keys, kept and renewed.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use arc_swap::ArcSwapOption;
use jsonwebtoken::{Algorithm, DecodingKey};
use tokio::sync::{Mutex, OwnedMutexGuard};
use url::Url;
use windlass_core::Check;

use super::{Timing, fetch::Fetcher, keyset::KeySet};
use crate::{AuthError, AuthErrorKind};

pub(super) struct Keyring {
    issuer: String,
    jwks_url: Option<Url>,
    ttl: Duration,
    timing: Timing,
    fetcher: Fetcher,
    current: ArcSwapOption<Fetched>,
    // Held while fetching: there is never more than one request to the issuer under way.
    attempts: Arc<Mutex<Attempts>>,
}

struct Fetched {
    keys: KeySet,
    at: Instant,
}

#[derive(Default)]
struct Attempts {
    last: Option<Instant>,
    error: Option<String>,
}

impl Keyring {
    pub fn new(issuer: String, jwks_url: Option<Url>, ttl: Duration, fetcher: Fetcher, timing: Timing) -> Self {
        Self { issuer, jwks_url, ttl, timing, fetcher, current: ArcSwapOption::empty(), attempts: Arc::default() }
    }

    /// The key with this id. Asks the issuer where the kept keys are too old or do not have it, as often as is decent.
    pub async fn key(self: &Arc<Self>, id: Option<&str>, algorithm: Algorithm) -> Result<DecodingKey, AuthError> {
        if let Some(key) = self.fresh(id, algorithm) {
            return Ok(key);
        }
        let attempts = self.attempts.clone().lock_owned().await;
        // Somebody may have fetched while we stood in line.
        if let Some(key) = self.fresh(id, algorithm) {
            return Ok(key);
        }
        self.renew(attempts).await;
        match self.current.load_full() {
            Some(fetched) if fetched.at.elapsed() < self.ttl.saturating_add(self.timing.stale) => fetched
                .keys
                .find(id, algorithm)
                .cloned()
                .ok_or_else(|| AuthError::unknown("no key of the issuer has that id and fits the algorithm")),
            _ => Err(AuthError::new(
                AuthErrorKind::IssuerUnavailable { retry_after: self.timing.retry },
                "the issuer's keys could not be fetched",
            )),
        }
    }

    fn fresh(&self, id: Option<&str>, algorithm: Algorithm) -> Option<DecodingKey> {
        let fetched = self.current.load();
        let fetched = fetched.as_ref().filter(|fetched| fetched.at.elapsed() < self.ttl)?;
        fetched.keys.find(id, algorithm).cloned()
    }

    /// Fetches, unless that was tried a moment ago. The work is a task of its own: a stranger who sends a made-up key id
    /// and hangs up must not be able to use up the attempt and cancel it.
    async fn renew(self: &Arc<Self>, attempts: OwnedMutexGuard<Attempts>) {
        let this = self.clone();
        // It can only fail by a panic or with the runtime; either way there are no new keys, and that is what counts.
        let _ = tokio::spawn(async move { this.fetch(attempts).await }).await;
    }

    async fn fetch(&self, mut attempts: OwnedMutexGuard<Attempts>) {
        let pause = if self.current.load().is_some() { self.timing.refetch } else { self.timing.retry };
        if attempts.last.is_some_and(|last| last.elapsed() < pause) {
            return;
        }
        attempts.last = Some(Instant::now());
        let fetched = self.fetcher.keys(&self.issuer, self.jwks_url.as_ref()).await;
        match fetched.and_then(|body| KeySet::read(&body)) {
            Ok(keys) => {
                tracing::debug!(issuer = self.issuer, keys = keys.len(), "fetched the issuer's keys");
                self.current.store(Some(Arc::new(Fetched { keys, at: Instant::now() })));
                attempts.error = None;
            }
            Err(error) => {
                tracing::warn!(issuer = self.issuer, error, "cannot fetch the issuer's keys");
                attempts.error = Some(error);
            }
        }
    }

    pub async fn ready(self: &Arc<Self>) -> Check {
        let name = format!("auth.oidc.{}", self.issuer);
        let fresh = |fetched: &Fetched| fetched.at.elapsed() < self.ttl;
        if !self.current.load().as_deref().is_some_and(fresh) {
            self.renew(self.attempts.clone().lock_owned().await).await;
        }
        let age = self.current.load_full().map(|fetched| (fetched.at.elapsed(), fetched.keys.len()));
        let why = || async { self.attempts.lock().await.error.clone().unwrap_or_else(|| "not fetched yet".into()) };
        match age {
            Some((age, keys)) if age < self.ttl => Check::ok(name, format!("{keys} keys")),
            Some((age, _)) if age < self.ttl.saturating_add(self.timing.stale) => Check::degraded(
                name,
                format!("keys are {} s old and cannot be renewed: {}", age.as_secs(), why().await),
            ),
            // Not failed: a replica that stopped serving keys and remembered tokens would make the issuer's outage ours.
            _ => Check::degraded(name, format!("no keys, so its tokens are refused with 503: {}", why().await)),
        }
    }
}
