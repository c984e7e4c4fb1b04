//! The first process of a virtual machine: makes the place that code runs in, and then is its guest, without a privilege.
//!
//! It is started by the kernel from a file system in memory that holds this program as `/init` and, as `/modules/*.ko`,
//! what the kernel needs. The first disk is the root file system, which is only read; the
//! second, where there is one, is an ext4 that takes what is written.

mod dev;
mod files;
mod modules;

use std::{
    fs, io,
    os::fd::OwnedFd,
    path::{Path, PathBuf},
};

use rustix::{
    mount::{MountFlags, mount_move},
    process::{DumpableBehavior, Gid, Resource, Uid, chdir, chroot, set_dumpable_behavior},
    system::sethostname,
    thread::{
        CapabilitySet, remove_capability_from_bounding_set, set_thread_groups, set_thread_res_gid, set_thread_res_uid,
    },
};
use windlass_confine::{Filters, lower};

use crate::{
    home::{HOME, NAME, USER},
    os,
    steward::Steward,
    transport,
};

/// Open files of each process.
const OPEN_FILES: u64 = 4096;

/// The place is made.
pub(crate) struct Begun {
    pub(crate) steward: Steward,
    /// What [`Way`] led to.
    pub(crate) opened: Option<OwnedFd>,
}

/// A way to the host that can only be opened before the privileges are gone.
pub(crate) enum Way<'a> {
    /// The virtio port of that name.
    Port(&'a str),
    /// A listener at that port of vsock, whose sockets the system call filter refuses.
    Vsock(u32),
}

/// What did not work.
#[derive(Debug, thiserror::Error)]
#[error("{doing}: {source}")]
pub(crate) struct InitError {
    doing: String,
    source: io::Error,
}

/// Says what was being done when something did not work.
trait Doing<T> {
    fn doing(self, what: impl Into<String>) -> Result<T, InitError>;
}

impl<T, E: Into<io::Error>> Doing<T> for Result<T, E> {
    fn doing(self, what: impl Into<String>) -> Result<T, InitError> {
        self.map_err(|source| InitError { doing: what.into(), source: source.into() })
    }
}

/// Makes the place for at most so many processes of code, opens the `way` to the host, and gives up every privilege of the
/// calling thread.
pub(crate) fn begin(processes: u64, way: Option<Way<'_>>) -> Result<Begun, InitError> {
    for (kind, at) in [("devtmpfs", "/dev"), ("proc", "/proc"), ("sysfs", "/sys")] {
        files::mount(kind, kind, at, MountFlags::empty(), "")?;
    }
    modules::load(Path::new("/modules"))?;
    files::root()?;
    dev::fill(Path::new(files::NEW))?;
    os::bring_up("lo").doing("bringing up the loopback")?;
    sethostname(NAME.as_bytes()).doing("naming the machine")?;
    // The kernel's messages are the host's business.
    fs::write("/proc/sys/kernel/dmesg_restrict", "1").doing("closing the kernel's messages")?;
    let opened = match way {
        Some(Way::Port(name)) => Some(open_port(name)?),
        Some(Way::Vsock(port)) => Some(transport::listen(port).doing(format!("listening on port {port} of vsock"))?),
        None => None,
    };
    let steward = Steward::start().doing("starting the steward")?;
    switch_root()?;
    give_up(processes)?;
    Ok(Begun { steward, opened })
}

fn give_up(processes: u64) -> Result<(), InitError> {
    let limits = [(Resource::Core, 0), (Resource::Nofile, OPEN_FILES), (Resource::Nproc, processes)];
    for (resource, limit) in limits {
        lower(resource, limit).doing(format!("limiting {resource:?}"))?;
    }
    for capability in CapabilitySet::all() {
        // The kernel may not know the newest.
        let _ = remove_capability_from_bounding_set(capability);
    }
    let (user, group) = (Uid::from_raw(USER), Gid::from_raw(USER));
    set_thread_groups(&[]).doing("leaving groups")?;
    set_thread_res_gid(group, group, group).doing("changing the group")?;
    set_thread_res_uid(user, user, user).doing("changing the user")?;
    // Code runs as the same user, and must not look into us.
    set_dumpable_behavior(DumpableBehavior::NotDumpable).doing("hiding from code")?;
    let filters = Filters::compile(true, &[]).map_err(io::Error::other).doing("making the system call filter")?;
    filters.apply().map_err(io::Error::other).doing("putting on the system call filter")
}

/// The virtio port of that name.
fn open_port(name: &str) -> Result<OwnedFd, InitError> {
    let ports = Path::new("/sys/class/virtio-ports");
    let device = fs::read_dir(ports).doing("looking for virtio ports")?.flatten().map(|entry| entry.path());
    let named = |port: &PathBuf| fs::read_to_string(port.join("name")).is_ok_and(|found| found.trim() == name);
    let found =
        device.into_iter().find(named).and_then(|port| port.file_name().map(|name| Path::new("/dev").join(name)));
    let found = found.ok_or(io::ErrorKind::NotFound).map_err(io::Error::from);
    let device = found.doing(format!("looking for the virtio port {name}"))?;
    let port = fs::OpenOptions::new().read(true).write(true).open(&device);
    Ok(port.doing(format!("opening {}", device.display()))?.into())
}

fn switch_root() -> Result<(), InitError> {
    chdir(files::NEW).doing("entering the new root")?;
    mount_move(".", "/").doing("moving the new root")?;
    chroot(".").doing("changing the root")?;
    chdir(HOME).doing("going home")
}
