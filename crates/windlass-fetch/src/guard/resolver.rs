use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use async_trait::async_trait;

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

/// A resolver that answers only with addresses the guard lets through. Given to the HTTP client as *its* resolver, which
/// makes checking and pinning one act: what is connected to is what was checked, and nobody asks a second time.
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

    /// The addresses of `host`, all of them allowed.
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

impl reqwest::dns::Resolve for GuardedResolver {
    fn resolve(&self, name: reqwest::dns::Name) -> reqwest::dns::Resolving {
        let this = self.clone();
        Box::pin(async move {
            let addresses = this.resolve(name.as_str()).await?;
            // Port 0 means "the one of the URL" to reqwest.
            let sockets = addresses.into_iter().map(|address| SocketAddr::new(address, 0));
            Ok(Box::new(sockets) as reqwest::dns::Addrs)
        })
    }
}
