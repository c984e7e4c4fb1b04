//! One sandbox: a copy of a stored machine.

use std::{fs::File, sync::Arc, time::Duration};

use async_trait::async_trait;
use tokio::sync::Mutex;
use windlass_confine::Cgroups;
use windlass_guest::client::{ClientError, GuestClient};

use super::{
    Shared,
    running::{From, Running},
    template::Template,
};
use crate::{
    backend::{BackendError, Machine, Stored},
    egress::{PORT, Proxy},
};

/// How long a copy may take to learn the time.
const RENEW: Duration = Duration::from_secs(20);

pub(super) struct QemuMachine {
    backend: Arc<Shared>,
    template: Arc<Template>,
    guest: GuestClient,
    /// What it has written: qemu has it open, and nobody has its name.
    layer: File,
    running: Mutex<Running>,
    proxy: Option<Proxy>,
}

impl QemuMachine {
    /// A copy of the template itself, or of a machine that was stored later.
    pub async fn copy(
        backend: &Arc<Shared>,
        id: &str,
        template: &Arc<Template>,
        later: Option<&QemuStored>,
    ) -> Result<Self, BackendError> {
        let disk = &template.disk;
        let layer = match later {
            None => disk.layer(),
            Some(stored) => disk.copy_of(&stored.layer),
        };
        let layer = layer.map_err(BackendError::io("making a layer of a disk"))?;
        let lent = layer.try_clone().map_err(BackendError::io("lending a layer of a disk"))?;
        let from = From { layer: lent, state: later.map_or(&template.devices, |stored| &stored.state) };
        let running = Running::start(backend, id, &template.spec, &template.memory, disk, Some(from)).await?;
        let ready = async {
            // It was asleep, and every copy of it has the same randomness.
            running.guest.renew(RENEW).await?;
            Ok::<_, ClientError>(match &backend.egress {
                Some(egress) => Some(egress.serve(running.guest.clone()).await?),
                None => None,
            })
        };
        match ready.await {
            Ok(proxy) => {
                let guest = running.guest.clone();
                let (backend, template, running) = (backend.clone(), template.clone(), Mutex::new(running));
                Ok(Self { backend, template, guest, layer, running, proxy })
            }
            Err(error) => {
                running.kill().await;
                Err(error.into())
            }
        }
    }

    pub fn cgroups(&mut self) -> &Cgroups {
        self.running.get_mut().cgroups()
    }
}

#[async_trait]
impl Machine for QemuMachine {
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

    async fn store(&self) -> Result<Box<dyn Stored>, BackendError> {
        let storing = || BackendError::io("storing a machine");
        let disk = &self.template.disk;
        let state = disk.nameless().map_err(storing())?;
        let mut running = self.running.lock().await;
        // It stands still from the moment its memory is written until it is told to go on, and so does its disk.
        let stored = running.qmp.store(&state).await;
        let layer = stored.and_then(|()| disk.copy_of(&self.layer).map_err(storing()));
        running.qmp.go_on().await?;
        let (backend, template) = (self.backend.clone(), self.template.clone());
        Ok(Box::new(QemuStored { backend, template, state, layer: layer? }))
    }

    async fn destroy(self: Box<Self>) {
        drop(self.proxy);
        self.running.into_inner().kill().await;
    }
}

/// A machine as it once was, in files without a name.
pub(super) struct QemuStored {
    backend: Arc<Shared>,
    template: Arc<Template>,
    state: File,
    layer: File,
}

#[async_trait]
impl Stored for QemuStored {
    async fn wake(&self, id: &str) -> Result<Box<dyn Machine>, BackendError> {
        Ok(Box::new(QemuMachine::copy(&self.backend, id, &self.template, Some(self)).await?))
    }

    fn bytes(&self) -> u64 {
        use std::os::unix::fs::MetadataExt;
        [&self.state, &self.layer]
            .iter()
            .filter_map(|file| file.metadata().ok())
            .map(|found| found.blocks() * 512)
            .sum()
    }
}
