//! One sandbox of namespaces.

use std::{process::Stdio, time::Duration};

use async_trait::async_trait;
use tokio::{io::AsyncReadExt, process::Child};
use windlass_confine::{Cgroups, GroupLimits};
use windlass_guest::{
    client::{ClientError, GuestClient},
    parts::Inside,
};

use super::{Namespaces, arguments};
use crate::{
    backend::{BackendError, Machine, Spec},
    egress::{PORT, Proxy},
    jail::{Held, Inmate},
};

/// How long a guest may take to answer for the first time.
const START: Duration = Duration::from_secs(20);
/// How long a guest may take to end by itself once its input has.
const END: Duration = Duration::from_secs(2);
/// As much of what a sandbox that did not start has said.
const SAID: u64 = 4096;

pub(super) struct NamespaceMachine {
    guest: GuestClient,
    child: Child,
    proxy: Option<Proxy>,
    held: Held,
}

impl NamespaceMachine {
    pub(super) async fn start(backend: &Namespaces, id: &str, spec: &Spec) -> Result<Self, BackendError> {
        let jail = &backend.jail;
        let limits = GroupLimits { memory: spec.memory, processes: spec.processes, cpus: Some(spec.vcpus) };
        let held = jail.hold(id, &limits)?;
        let inside = Inside {
            memory: (!held.cgroups.limits_memory()).then_some(spec.memory),
            processes: spec.processes,
            file_size: spec.disk,
        };
        let guest: Vec<String> = jail.program().args.iter().map(|arg| arg.to_string_lossy().into_owned()).collect();
        // The image may lie in a home that is closed to others.
        let bind =
            backend.root.clone().filter(|_| rustix::process::getuid().is_root()).map(|root| (root, jail.home().tree()));
        let root = bind.as_ref().map(|(_, shown)| &**shown).or(backend.root.as_deref());
        let names = backend.root.as_deref();
        let arguments = arguments::arguments(names.zip(root), jail.home(), &guest, spec, &inside)
            .map_err(BackendError::io("reading the root file system"))?;
        let (groups, files, stdin) = (Vec::new(), Vec::new(), Stdio::piped());
        let mut child = jail.start(&held, Inmate { arguments, groups, file_size: None, bind, stdin, files }).await?;
        let (Some(input), Some(output), Some(mut errors)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(BackendError::Ended("it has no pipes".into()));
        };
        let started = async {
            let guest = GuestClient::over(output, input, START).await?;
            let proxy = match &backend.egress {
                Some(egress) => Some(egress.serve(guest.clone()).await?),
                None => None,
            };
            Ok::<_, ClientError>((guest, proxy))
        };
        match started.await {
            Ok((guest, proxy)) => {
                // A guest says nothing more; what else writes there must not wait for a reader.
                tokio::spawn(async move { tokio::io::copy(&mut errors, &mut tokio::io::sink()).await });
                Ok(Self { guest, child, proxy, held })
            }
            Err(error) => {
                let _ = child.start_kill();
                let mut said = String::new();
                let _ = tokio::time::timeout(END, errors.take(SAID).read_to_string(&mut said)).await;
                let _ = child.wait().await;
                held.leave().await;
                Err(if said.trim().is_empty() { error.into() } else { BackendError::Ended(said.trim().to_owned()) })
            }
        }
    }

    pub(super) fn cgroups(&self) -> &Cgroups {
        &self.held.cgroups
    }
}

#[async_trait]
impl Machine for NamespaceMachine {
    fn guest(&self) -> &GuestClient {
        &self.guest
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
        let Self { guest, mut child, proxy, held } = *self;
        drop(proxy);
        guest.hang_up();
        drop(guest);
        if tokio::time::timeout(END, child.wait()).await.is_err() {
            let _ = child.start_kill();
            let _ = child.wait().await;
        }
        held.leave().await;
    }
}
