//! One sandbox: a copy of a stored machine.

use std::time::Duration;

use async_trait::async_trait;
use windlass_confine::Cgroups;
use windlass_guest::client::{ClientError, GuestClient};

use super::{Shared, running::Running, template::Template};
use crate::{
    backend::{BackendError, Machine},
    egress::{PORT, Proxy},
};

/// How long a copy may take to learn the time.
const RENEW: Duration = Duration::from_secs(10);

/// A sandbox cannot be stored and go on: Firecracker ends the connection to the guest of a machine that it stores, and with
/// it everything that runs there for somebody.
pub(super) struct FirecrackerMachine {
    running: Running,
    proxy: Option<Proxy>,
}

impl FirecrackerMachine {
    /// Starts one.
    pub async fn copy(backend: &Shared, id: &str, template: &Template) -> Result<Self, BackendError> {
        let running = Running::start(backend, id, &template.spec, Some(template)).await?;
        let ready = async {
            // It was asleep, and every copy of it has the same randomness.
            running.guest.renew(RENEW).await?;
            Ok::<_, ClientError>(match &backend.egress {
                Some(egress) => Some(egress.serve(running.guest.clone()).await?),
                None => None,
            })
        };
        match ready.await {
            Ok(proxy) => Ok(Self { running, proxy }),
            Err(error) => Err(running.fail(error.into()).await),
        }
    }

    pub fn cgroups(&self) -> &Cgroups {
        self.running.cgroups()
    }
}

#[async_trait]
impl Machine for FirecrackerMachine {
    fn guest(&self) -> &GuestClient {
        &self.running.guest
    }

    fn proxy(&self) -> Option<u16> {
        self.proxy.as_ref().map(|_| PORT)
    }

    fn given_to(&self, id: &str, principal: &str) {
        if let Some(proxy) = &self.proxy {
            proxy.whose.set(id, principal);
        }
    }

    async fn destroy(self: Box<Self>) {
        drop(self.proxy);
        self.running.kill().await;
    }
}
