//! Finds the address of a release by its container's name, and remembers it: an engine's name server is away for a
//! moment whenever a container comes or goes, which is when releases change.

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use futures::future::BoxFuture;
use hyper_util::client::legacy::connect::dns::Name;
use tokio::time::Instant;
use tower::Service;

/// How long a name that was never found is looked for.
const PATIENCE: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_millis(25);

/// The addresses of one name, asked for each time and kept for when nobody answers.
#[derive(Clone, Default)]
pub(super) struct Remembering {
    last: Arc<Mutex<Vec<SocketAddr>>>,
}

impl Remembering {
    async fn find(self, name: Name) -> io::Result<std::vec::IntoIter<SocketAddr>> {
        let until = Instant::now() + PATIENCE;
        loop {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await.map(Vec::from_iter);
            let known = self.known(found.as_deref().unwrap_or_default());
            match found {
                _ if !known.is_empty() => return Ok(known.into_iter()),
                Err(error) if Instant::now() >= until => return Err(error),
                Ok(_) if Instant::now() >= until => return Err(io::ErrorKind::NotFound.into()),
                _ => tokio::time::sleep(PAUSE).await,
            }
        }
    }

    /// What was found, or else what was found before.
    fn known(&self, found: &[SocketAddr]) -> Vec<SocketAddr> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if !found.is_empty() {
            *last = found.to_vec();
        }
        last.clone()
    }
}

impl Service<Name> for Remembering {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = BoxFuture<'static, io::Result<Self::Response>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        Box::pin(self.clone().find(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_was_found_once_is_found_while_nobody_answers() {
        let address: SocketAddr = ([127, 0, 0, 1], 0).into();
        let name: Name = "release.invalid".parse().unwrap();
        let resolver = Remembering::default();
        assert!(resolver.clone().find(name.clone()).await.is_err());
        resolver.last.lock().unwrap().push(address);
        assert_eq!(resolver.clone().find(name).await.unwrap().collect::<Vec<_>>(), [address]);
        let found = resolver.clone().find("localhost".parse().unwrap()).await.unwrap();
        assert!(found.collect::<Vec<_>>().iter().all(|found| found.ip().is_loopback()));
    }
}
