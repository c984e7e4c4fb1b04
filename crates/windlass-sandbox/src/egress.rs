//! What a sandbox may reach: the hosts on a list, through a proxy that belongs to it.
//!
//! A sandbox has no network of its own. Its guest takes connections on a port of its loopback and hands them over by the
//! one stream there is; here every one is judged by name, resolved, judged by address, pinned, and written into the audit
//! log.

mod hello;
mod proxy;

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{net::TcpStream, sync::Semaphore};
use tokio_util::sync::{CancellationToken, DropGuard};
use windlass_config::settings::EgressSettings;
use windlass_core::{AuditEvent, AuditSink, Decision};
use windlass_guard::{
    AddressGuard, GuardSettingError, GuardedResolver, Host, HostRefused, HostRules, ResolveError, Resolver,
};
use windlass_guest::client::{ClientError, GuestClient};

/// The port of a sandbox's own loopback where its proxy is.
pub(crate) const PORT: u16 = 3128;

/// How long a host may take to be found and to answer.
const CONNECT: Duration = Duration::from_secs(10);

/// Names that are looked up at once, for all sandboxes.
const LOOKUPS: usize = 32;

/// The list, and who is told what came of it.
pub struct Egress {
    hosts: HostRules,
    addresses: AddressGuard,
    resolver: GuardedResolver,
    /// Names that are looked up at once: each takes a thread for as long as a name server pleases.
    lookups: Arc<Semaphore>,
    audit: Arc<dyn AuditSink>,
    /// For people.
    list: Vec<String>,
}

/// Whose connections they are: nobody's while a sandbox waits in the pool.
#[derive(Debug, Clone, Default)]
pub(crate) struct Whose(Arc<Mutex<Option<(String, String)>>>);

/// The proxy of one sandbox. It ends when dropped.
#[derive(Debug)]
pub(crate) struct Proxy {
    pub whose: Whose,
    /// Ends it, and every connection there is through it.
    _over: DropGuard,
}

/// Why a connection was not made.
#[derive(Debug, thiserror::Error)]
enum Refused {
    #[error(transparent)]
    Host(#[from] HostRefused),
    #[error(transparent)]
    Name(#[from] ResolveError),
    #[error("{0}")]
    Said(&'static str),
    #[error("the connection asked for `{asked}` and then speaks to `{named}`")]
    OtherName { asked: String, named: String },
    #[error("it does not answer")]
    Unreachable(#[source] io::Error),
}

impl Refused {
    /// Whether a rule said no, rather than the network.
    fn by_rule(&self) -> bool {
        !matches!(self, Self::Unreachable(_) | Self::Name(ResolveError::Lookup(_) | ResolveError::Empty))
    }
}

impl Egress {
    /// What `settings` let through; `None` where that is nothing.
    pub fn new(
        settings: &EgressSettings,
        resolver: Arc<dyn Resolver>,
        audit: Arc<dyn AuditSink>,
    ) -> Result<Option<Arc<Self>>, GuardSettingError> {
        let presets = settings.presets.iter().flat_map(|preset| preset.hosts()).map(|host| (*host).to_owned());
        let list: Vec<String> = settings.allow.iter().cloned().chain(presets).collect();
        if list.is_empty() {
            return Ok(None);
        }
        let hosts = HostRules::new("sandbox.egress.allow", &list)?;
        let addresses = AddressGuard::new("sandbox.egress.allowed_private", &settings.allowed_private)?;
        let resolver = GuardedResolver::new(resolver, addresses.clone());
        Ok(Some(Arc::new(Self { hosts, addresses, resolver, lookups: Arc::new(Semaphore::new(LOOKUPS)), audit, list })))
    }

    /// The hosts, for people.
    pub(crate) fn list(&self) -> &[String] {
        &self.list
    }

    /// Serves the sandbox of `guest`.
    pub(crate) async fn serve(self: &Arc<Self>, guest: GuestClient) -> Result<Proxy, ClientError> {
        let first = guest.accept(PORT).await?;
        let whose = Whose::default();
        let over = CancellationToken::new();
        let serving = proxy::serve(self.clone(), guest, first, whose.clone(), over.clone());
        tokio::spawn(over.clone().run_until_cancelled_owned(serving));
        Ok(Proxy { whose, _over: over.drop_guard() })
    }

    /// Connects to a host that may be reached.
    async fn connect(&self, host: &str, port: u16) -> Result<TcpStream, Refused> {
        let host = self.hosts.check_host(host, port, &self.addresses)?;
        let mut last: io::Error = io::ErrorKind::TimedOut.into();
        let found = tokio::time::timeout(CONNECT, self.find(host)).await;
        for address in found.unwrap_or_else(|_| Err(io::Error::from(io::ErrorKind::TimedOut).into()))? {
            match tokio::time::timeout(CONNECT, TcpStream::connect(SocketAddr::new(address, port))).await {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(error)) => last = error,
                Err(_) => last = io::ErrorKind::TimedOut.into(),
            }
        }
        Err(Refused::Unreachable(last))
    }

    async fn find(&self, host: Host<String>) -> Result<Vec<IpAddr>, ResolveError> {
        let gone = |_| ResolveError::Lookup(io::Error::other("the server is being stopped"));
        let place = self.lookups.clone().acquire_owned().await.map_err(|_| gone(()))?;
        let resolver = self.resolver.clone();
        // Whoever asked may be gone before the thread is free again, and the place goes with the thread.
        let looking = tokio::spawn(async move {
            let found = resolver.find(&host).await;
            drop(place);
            found
        });
        looking.await.map_err(|_| gone(()))?
    }

    fn record(&self, whose: &Whose, what: &str, refused: Option<&Refused>) {
        let decision = match refused {
            None => Decision::Allowed,
            Some(refused) if refused.by_rule() => Decision::Denied,
            Some(_) => Decision::Failed,
        };
        let mut event = AuditEvent::new(decision, "sandbox.egress", "sandbox");
        let (sandbox, principal) = whose.get();
        event.principal = principal;
        event.reason = Some(match refused {
            None => format!("{sandbox}: {what}"),
            Some(refused) => format!("{sandbox}: {what}: {}", windlass_core::chain(refused)),
        });
        self.audit.record(event);
    }
}

impl Whose {
    /// From now on they are those of this sandbox, which belongs to this principal.
    pub fn set(&self, sandbox: &str, principal: &str) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((sandbox.to_owned(), principal.to_owned()));
    }

    fn get(&self) -> (String, Option<String>) {
        match &*self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            Some((sandbox, principal)) => (sandbox.clone(), Some(principal.clone())),
            None => ("a sandbox in the pool".into(), None),
        }
    }
}
