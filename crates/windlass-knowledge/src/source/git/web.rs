//! The wire: what git asks over HTTP, asked by our own client.
//!
//! So the roots are those of every other connection, the token goes to one address only, and everything has an end: the
//! bytes, the time, and the moment when nobody waits any more.

mod body;
mod exchange;

use std::{
    future::Future,
    io,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use reqwest::{Client, ClientBuilder, StatusCode, header::HeaderValue, redirect::Policy};
use tokio::{runtime::Handle, time::Instant};
use tokio_util::sync::CancellationToken;
use url::Url;
use windlass_config::is_loopback;
use windlass_core::{ExposeSecret, SecretString, chain};

use super::remote::Remote;
use crate::source::{SourceError, stopped};
use exchange::Exchange;

const CONNECT: Duration = Duration::from_secs(15);
/// Until the next byte. A server that packs a large repository says so in between.
const READ: Duration = Duration::from_secs(120);
/// For all of one fetch.
const WHOLE: Duration = Duration::from_secs(3600);
/// Of all answers of one fetch.
const MAX_BYTES: u64 = 4 << 30;

/// The connection to one server, for one fetch.
pub(super) struct Web {
    shared: Arc<Shared>,
}

/// What the parts of an exchange have in common.
struct Shared {
    runtime: Handle,
    client: Client,
    repository: Url,
    authorization: Option<HeaderValue>,
    name: String,
    stop: CancellationToken,
    until: Instant,
    left: AtomicU64,
    trouble: Mutex<Option<SourceError>>,
}

impl Web {
    pub fn new(
        runtime: &Handle,
        remote: &Remote,
        token: Option<&SecretString>,
        name: &str,
        stop: &CancellationToken,
    ) -> Result<Self, SourceError> {
        let client = windlass_cloud::web_client(|| builder(&remote.url));
        let client = client.map_err(|error| SourceError::Unreachable(format!("{name}: {}", chain(&error))))?;
        let authorization = match token {
            Some(token) => {
                let (user, password) = remote.login(token.expose_secret());
                let value = HeaderValue::from_str(&basic(&user, &password));
                let mut value = value.map_err(|_| SourceError::Refused(format!("{name}: the token is no token")))?;
                value.set_sensitive(true);
                Some(value)
            }
            None => None,
        };
        let shared = Shared {
            runtime: runtime.clone(),
            client,
            repository: remote.url.clone(),
            authorization,
            name: name.to_owned(),
            stop: stop.clone(),
            until: Instant::now() + WHOLE,
            left: AtomicU64::new(MAX_BYTES),
            trouble: Mutex::default(),
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// What git's protocol is spoken over.
    pub fn exchange(&self) -> Exchange {
        Exchange::new(self.shared.clone())
    }

    /// What went wrong on the wire.
    pub fn trouble(&self) -> Option<SourceError> {
        self.shared.trouble.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    pub fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) {
        self.shared.runtime.spawn(future);
    }
}

impl Shared {
    /// Waits for `future`, unless it should stop.
    fn wait<T>(&self, future: impl Future<Output = reqwest::Result<T>>) -> io::Result<T> {
        let done = self.runtime.block_on(async {
            tokio::select! {
                biased;
                () = self.stop.cancelled() => Err(stopped(&self.name)),
                () = tokio::time::sleep_until(self.until) => {
                    Err(SourceError::Unreachable(format!("{} takes longer than an hour", self.name)))
                }
                done = future => done.map_err(|error| {
                    SourceError::Unreachable(format!("{}: {}", self.name, chain(&error.without_url())))
                }),
            }
        });
        done.map_err(|trouble| self.failed(trouble))
    }

    /// So many more bytes have come.
    fn took(&self, bytes: usize) -> io::Result<()> {
        let taken = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(bytes as u64));
        let too_many = || SourceError::Refused(format!("{} sends more than {MAX_BYTES} bytes", self.name));
        taken.map(drop).map_err(|_| self.failed(too_many()))
    }

    /// Remembers the first trouble. Git's side gets one of its own kind.
    fn failed(&self, trouble: SourceError) -> io::Error {
        let error = io::Error::other(trouble.to_string());
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(trouble);
        error
    }

    fn refused(&self, status: StatusCode) -> io::Error {
        let name = &self.name;
        self.failed(match status.as_u16() {
            401 | 403 if self.authorization.is_none() => {
                SourceError::Refused(format!("{name} asks who we are ({status}): set `token`"))
            }
            401 | 403 => SourceError::Refused(format!("{name} does not accept the token ({status})")),
            // Hosts say so of what may not be seen, too.
            404 | 410 if self.authorization.is_none() => {
                SourceError::Gone(format!("{name} ({status}; or it is private, and `token` is not set)"))
            }
            404 | 410 => SourceError::Gone(format!("{name} ({status}; or the token may not see it)")),
            _ => SourceError::Unreachable(format!("{name} answers with {status}")),
        })
    }
}

fn builder(repository: &Url) -> ClientBuilder {
    let builder = Client::builder()
        .user_agent(concat!("git/2.40 windlass/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT)
        .read_timeout(READ)
        .referer(false)
        // Each one is looked at first.
        .redirect(Policy::none());
    // No proxy reaches this machine as this machine does.
    if is_loopback(repository) { builder.no_proxy() } else { builder }
}

fn basic(user: &str, password: &str) -> String {
    use base64::{Engine, engine::general_purpose::STANDARD};
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}
