//! The directory that one process of Firecracker sees as the root of everything.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io,
    os::{
        fd::{AsRawFd, OwnedFd},
        unix::fs::{DirBuilderExt, FileTypeExt, OpenOptionsExt, fchown},
    },
    path::{Path, PathBuf},
    time::Duration,
};

use rustix::fs::{Mode, OFlags, ResolveFlags, openat2};
use tokio::net::UnixStream;
use windlass_confine::Cgroups;

use super::programs::FIRECRACKER;
use crate::vm;

/// Where Firecracker takes requests.
pub(super) const API: &str = "api.sock";
/// Where it leads connections on to the guest.
pub(super) const VSOCK: &str = "vsock.sock";
/// The parts of a machine.
pub(super) const KERNEL: &str = "kernel";
pub(super) const INITRD: &str = "initrd";
pub(super) const ROOTFS: &str = "rootfs";
pub(super) const DISK: &str = "disk";
/// What a stored machine is.
pub(super) const MEMORY: &str = "memory";
pub(super) const STATE: &str = "state";

/// Between two attempts to take one away.
const AGAIN: Duration = Duration::from_millis(20);
/// How many there are.
const ATTEMPTS: u32 = 500;

/// The name of a file as Firecracker knows it.
pub(super) fn inside(name: &str) -> String {
    format!("/{name}")
}

/// The directory of one process. It is taken away when dropped.
#[derive(Debug)]
pub(super) struct Chroot {
    directory: PathBuf,
    root: PathBuf,
    handle: OwnedFd,
    /// Whose members may still make something there.
    cgroups: Cgroups,
    gone: bool,
}

impl Chroot {
    /// Makes it where the jailer looks for that of machine `id` below `machines`.
    pub fn make(machines: &Path, id: &str, cgroups: Cgroups) -> io::Result<Self> {
        let directory = machines.join(FIRECRACKER).join(id);
        let root = directory.join("root");
        DirBuilder::new().recursive(true).mode(0o700).create(&root)?;
        let handle = File::open(&root)?.into();
        Ok(Self { directory, root, handle, cgroups, gone: false })
    }

    /// Where a file of it lies.
    pub fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// Lets it have a file that it only reads.
    pub fn link(&self, from: &Path, name: &str) -> io::Result<()> {
        fs::hard_link(from, self.path(name))
    }

    /// Gives `user` a copy of a file, to write to.
    pub fn copy(&self, from: &Path, name: &str, user: u32) -> io::Result<()> {
        let to = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(self.path(name))?;
        vm::clone(&File::open(from)?, &to)?;
        fchown(&to, Some(user), Some(user))
    }

    /// Connects to a socket in it. The name is never followed out of it, and as a path it would be too long.
    pub async fn connect(&self, name: &str) -> io::Result<UnixStream> {
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
        let socket: File = openat2(&self.handle, name, OFlags::PATH | OFlags::CLOEXEC, Mode::empty(), resolve)?.into();
        if !socket.metadata()?.file_type().is_socket() {
            return Err(io::Error::other(format!("{name} is no socket")));
        }
        UnixStream::connect(format!("/proc/self/fd/{}", socket.as_raw_fd())).await
    }

    /// Takes it away. Nothing runs in it any longer.
    pub async fn remove(mut self) {
        let directory = self.directory.clone();
        let removing = tokio::task::spawn_blocking(move || remove(&directory));
        self.gone = removing.await.is_ok();
    }
}

impl Drop for Chroot {
    fn drop(&mut self) {
        if self.gone {
            return;
        }
        let (directory, cgroups) = (std::mem::take(&mut self.directory), self.cgroups.clone());
        // Where nobody can wait.
        std::thread::spawn(move || {
            for _ in 0..ATTEMPTS {
                cgroups.kill();
                if cgroups.remove() {
                    break;
                }
                std::thread::sleep(AGAIN);
            }
            remove(&directory);
        });
    }
}

fn remove(directory: &Path) {
    for _ in 0..ATTEMPTS {
        match fs::remove_dir_all(directory) {
            Ok(()) => return,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return,
            // Somebody still makes files there.
            Err(_) => std::thread::sleep(AGAIN),
        }
    }
    tracing::warn!(directory = %directory.display(), "the directory of a machine cannot be taken away");
}
