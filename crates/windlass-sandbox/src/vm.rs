//! What every virtual machine is made of: a kernel, a file system in memory to start from, and disks.

mod disk;
mod image;
mod initrd;
mod templates;
mod warm;

use std::{
    fs::File,
    io::{self, Write},
    os::fd::{AsRawFd, OwnedFd},
};

use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};

pub(crate) use disk::{Disk, clone, format};
pub(crate) use image::Image;
pub use image::Parts;
pub(crate) use image::needs_libraries;
pub(crate) use templates::Templates;
pub(crate) use warm::warm;

/// The name of the virtio port to the guest.
pub(crate) const PORT: &str = "windlass";

/// A file in memory that has a name for nobody, but can be opened by every process that has it.
pub(crate) fn memory_file(name: &str) -> io::Result<File> {
    Ok(memfd_create(name, MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?.into())
}

/// From now on nobody changes it, whoever has it.
pub(crate) fn seal(file: &File) -> io::Result<()> {
    Ok(fcntl_add_seals(file, SealFlags::SEAL | SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE)?)
}

/// The same in memory, for good.
pub(crate) fn sealed(name: &str, content: &[u8]) -> io::Result<File> {
    let mut file = memory_file(name)?;
    file.write_all(content)?;
    seal(&file)?;
    Ok(file)
}

/// The file once more, with a position of its own, only to be read.
pub(crate) fn reopen(file: &File) -> io::Result<OwnedFd> {
    Ok(File::open(format!("/proc/self/fd/{}", file.as_raw_fd()))?.into())
}
