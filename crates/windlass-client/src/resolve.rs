//! Names below `localhost` are this machine, whatever a name server would say (RFC 6761): most systems' resolvers know
//! only the name itself.

use std::{
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// The system's resolver, but for those names.
#[derive(Debug, Clone, Copy, Default)]
pub struct Localhost;

impl Localhost {
    /// As clients take it.
    pub fn resolver() -> Arc<Self> {
        Arc::new(Self)
    }
}

impl Resolve for Localhost {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let host = name.as_str().trim_end_matches('.').to_owned();
            if host.ends_with(".localhost") {
                let here = [SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), SocketAddr::from((Ipv6Addr::LOCALHOST, 0))];
                return Ok(Box::new(here.into_iter()) as Addrs);
            }
            let found: Vec<SocketAddr> = tokio::net::lookup_host((host, 0)).await?.collect();
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_name_below_localhost_is_this_machine() {
        for name in ["a.localhost", "tools.alb.localhost."] {
            let found: Vec<SocketAddr> = Localhost.resolve(name.parse().unwrap()).await.unwrap().collect();
            assert!(!found.is_empty() && found.iter().all(|address| address.ip().is_loopback()), "{name}");
        }
    }
}
