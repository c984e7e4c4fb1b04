//! A machine that was stored when its guest had just begun to answer.

use std::fs::File;

use super::{Shared, running::Running};
use crate::{
    backend::{BackendError, Spec},
    vm::{Disk, memory_file, seal, warm},
};

#[derive(Debug)]
pub(super) struct Template {
    pub spec: Spec,
    /// All of its memory; copies have their own of what they change.
    pub memory: File,
    /// The state of its devices.
    pub devices: File,
    pub disk: Disk,
}

impl Template {
    /// Boots one and stores it.
    pub async fn make(backend: &Shared, spec: &Spec) -> Result<Self, BackendError> {
        let preparing = || BackendError::io("preparing a machine");
        let mut disk = Disk::make(backend.jail.home().directory(), spec.disk).await?;
        let memory = memory_file("machine").map_err(preparing())?;
        memory.set_len(spec.memory).map_err(preparing())?;
        let devices = memory_file("devices").map_err(preparing())?;
        let id = format!("template-{:016x}", rand::random::<u64>());
        let mut running = Running::start(backend, &id, spec, &memory, &disk, None).await?;
        let stored = async {
            warm(&running.guest).await;
            // Nobody is connected to it while it sleeps.
            running.guest.hang_up();
            running.qmp.store(&devices).await?;
            running.qmp.quit().await
        };
        match stored.await {
            Ok(()) => running.ended().await,
            Err(error) => {
                running.kill().await;
                return Err(error);
            }
        }
        for file in [&memory, &devices] {
            seal(file).map_err(preparing())?;
        }
        disk.freeze().map_err(preparing())?;
        Ok(Self { spec: spec.clone(), memory, devices, disk })
    }
}
