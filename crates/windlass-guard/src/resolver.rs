use std::{io, net::IpAddr, sync::Arc};

use async_trait::async_trait;
use url::Host;

use super::{AddressGuard, AddressRefused};

/// Turns a name into addresses.
#[async_trait]
pub trait Resolver: Send + Sync + 'static {
    /// Every address of `host`.
    async fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>>;
}

/// The system's resolver: hosts file, search domains and all.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemResolver;

#[async_trait]
impl Resolver for SystemResolver {
    async fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        Ok(tokio::net::lookup_host((host, 0)).await?.map(|address| address.ip()).collect())
    }
}

/// Why a name gave no address to connect to.
#[derive(Debug, thiserror::Error)]
pub enum ResolveError {
    /// The resolver said no.
    #[error("the name could not be resolved")]
    Lookup(#[from] io::Error),
    /// It exists and has no address.
    #[error("the name has no address")]
    Empty,
    /// One of its addresses may not be reached. That is enough: a name that points both ways is an attempt.
    #[error(transparent)]
    Refused(#[from] AddressRefused),
}

/// A resolver that answers only with addresses the guard lets through. Whoever connects to its answers makes checking and
/// pinning one act: what is connected to is what was checked, and nobody asks a second time.
#[derive(Clone)]
pub struct GuardedResolver {
    inner: Arc<dyn Resolver>,
    guard: AddressGuard,
}

impl GuardedResolver {
    /// `inner`'s answers, judged by `guard`.
    pub fn new(inner: Arc<dyn Resolver>, guard: AddressGuard) -> Self {
        Self { inner, guard }
    }

    /// The addresses of `host`, all of them allowed: its own, where it is one.
    pub async fn find(&self, host: &Host<String>) -> Result<Vec<IpAddr>, ResolveError> {
        let address = match host {
            Host::Domain(name) => return self.resolve(name).await,
            Host::Ipv4(address) => IpAddr::V4(*address),
            Host::Ipv6(address) => IpAddr::V6(*address),
        };
        self.guard.check(address)?;
        Ok(vec![address])
    }

    /// The addresses of the name `host`, all of them allowed.
    pub async fn resolve(&self, host: &str) -> Result<Vec<IpAddr>, ResolveError> {
        let addresses = self.inner.resolve(host).await?;
        if addresses.is_empty() {
            return Err(ResolveError::Empty);
        }
        for address in &addresses {
            self.guard.check(*address)?;
        }
        Ok(addresses)
    }
}
