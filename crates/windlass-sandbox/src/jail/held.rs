//! What a sandbox holds of the machine besides its processes.

use std::{sync::Arc, time::Duration};

use tokio_util::task::AbortOnDropHandle;
use windlass_confine::{Cgroups, GroupLimits};

use super::{
    courtesy,
    home::{Home, emptied},
};
use crate::backend::BackendError;

/// How long the dead may take to leave their group.
const LEAVE: Duration = Duration::from_secs(10);

/// What a sandbox holds of the machine besides its processes.
pub(crate) struct Held {
    id: String,
    pub cgroups: Cgroups,
    home: Arc<Home>,
    left: bool,
    _looked_after: Option<AbortOnDropHandle<()>>,
}

impl Held {
    /// Makes the control groups of sandbox `id`, and writes down that they are there.
    pub(super) fn take(id: &str, limits: &GroupLimits, home: &Arc<Home>) -> Result<Self, BackendError> {
        let cgroups = Cgroups::create(&format!("sandbox-{id}"), limits);
        let looked_after = courtesy::look_after(cgroups.clone());
        let held = Self { id: id.to_owned(), cgroups, home: home.clone(), left: false, _looked_after: looked_after };
        held.home.hold(id, &held.cgroups).map_err(BackendError::io("writing down a new sandbox"))?;
        Ok(held)
    }

    /// Ends what is left inside and gives everything back.
    pub async fn leave(mut self) {
        self.cgroups.kill();
        let gone = async {
            while !self.cgroups.remove() {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        if tokio::time::timeout(LEAVE, gone).await.is_err() {
            tracing::warn!(sandbox = self.id, "the control groups of a sandbox cannot be removed");
        } else {
            self.home.release(&self.id);
        }
        self.left = true;
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if self.left {
            return;
        }
        let (id, cgroups, home) = (std::mem::take(&mut self.id), self.cgroups.clone(), self.home.clone());
        cgroups.kill();
        // Where nobody can wait.
        std::thread::spawn(move || {
            if emptied(&cgroups, LEAVE) {
                home.release(&id);
            }
        });
    }
}
