//! A machine that was stored when its guest had just begun to answer.

use std::{
    fs::{self, DirBuilder, OpenOptions},
    io,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt, fchown},
    path::{Path, PathBuf},
    time::Duration,
};

use rustix::fs::OFlags;

use super::{
    Shared,
    chroot::{Chroot, DISK, MEMORY, STATE, inside},
    running::Running,
    shapes::{SnapshotCreate, SnapshotType, Vm, VmState},
};
use crate::{
    backend::{BackendError, Spec},
    vm::warm,
};

/// How long all of a machine's memory may take to be written.
const STORE: Duration = Duration::from_secs(120);
/// How long the end of its only connection may take to arrive in a machine: what is on the way when it is stored, and what
/// answers it, is lost or worse.
const SETTLE: Duration = Duration::from_millis(100);

/// The files of a stored machine. They go when dropped; copies have them by names of their own.
#[derive(Debug)]
pub(super) struct Template {
    pub spec: Spec,
    directory: PathBuf,
}

impl Template {
    /// Boots one and stores it.
    pub async fn make(backend: &Shared, spec: &Spec) -> Result<Self, BackendError> {
        let id = format!("template-{:016x}", rand::random::<u64>());
        let mut running = Running::start(backend, &id, spec, None).await?;
        let stored = async {
            warm(&running.guest).await;
            running.guest.hang_up();
            tokio::time::sleep(SETTLE).await;
            running.api.patch("/vm", &Vm { state: VmState::Paused }).await?;
            let (snapshot_path, mem_file_path) = (&*inside(STATE), &*inside(MEMORY));
            let create = SnapshotCreate { snapshot_type: SnapshotType::Full, snapshot_path, mem_file_path };
            running.api.put_within("/snapshot/create", &create, STORE).await?;
            Ok::<_, BackendError>(())
        };
        if let Err(error) = stored.await {
            return Err(running.fail(error).await);
        }
        let chroot = running.end().await;
        let this = Self { spec: spec.clone(), directory: backend.stored.join(id) };
        let kept = this.keep(&chroot);
        chroot.remove().await;
        kept.map_err(BackendError::io("keeping a stored machine"))?;
        Ok(this)
    }

    /// Where a file of it lies.
    pub fn file(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// Takes its files, which from now on only root could change.
    fn keep(&self, chroot: &Chroot) -> io::Result<()> {
        DirBuilder::new().mode(0o700).create(&self.directory)?;
        for (name, mode) in [(MEMORY, 0o444), (STATE, 0o444), (DISK, 0o400)] {
            let kept = self.file(name);
            fs::rename(chroot.path(name), &kept)?;
            own(&kept, mode)?;
        }
        Ok(())
    }
}

/// Makes a file root's. The machine that wrote it has ended, and nothing is followed that it may have put there instead.
fn own(path: &Path, mode: u32) -> io::Result<()> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let file = OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other(format!("{} is no file", path.display())));
    }
    fchown(&file, Some(0), Some(0))?;
    file.set_permissions(fs::Permissions::from_mode(mode))
}

impl Drop for Template {
    fn drop(&mut self) {
        let directory = std::mem::take(&mut self.directory);
        // A large file takes its time.
        std::thread::spawn(move || fs::remove_dir_all(directory));
    }
}
