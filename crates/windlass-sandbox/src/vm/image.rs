//! The kernel and the root file system.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use super::{initrd, sealed};
use crate::backend::BackendError;

/// Where the parts of virtual machines are.
#[derive(Debug, Clone)]
pub struct Parts {
    /// The kernel.
    pub kernel: PathBuf,
    /// What it needs besides, as files of one directory; `None` where it has everything built in.
    pub modules: Option<PathBuf>,
    /// The root file system, an ext4 image.
    pub rootfs: PathBuf,
    /// The guest's program, which needs no library.
    pub guest: PathBuf,
    /// Its arguments before any others.
    pub guest_args: Vec<String>,
}

/// The parts, opened: what becomes of the files concerns nobody any longer.
#[derive(Debug)]
pub(crate) struct Image {
    pub kernel: File,
    pub initrd: File,
    pub rootfs: File,
    pub guest_args: Vec<String>,
}

impl Image {
    pub fn open(parts: &Parts) -> Result<Self, BackendError> {
        let reading = |what: &str, path: &Path| BackendError::io(format!("reading the {what} {}", path.display()));
        let linked = needs_libraries(&parts.guest).map_err(reading("guest's program", &parts.guest))?;
        if linked {
            return Err(BackendError::Missing {
                what: format!(
                    "{} needs libraries, and a virtual machine has none of this machine's",
                    parts.guest.display()
                ),
                hint: "put a static `windlass-guest` beside the windlass binary, or use a static windlass".into(),
            });
        }
        let kernel = fs::read(&parts.kernel).map_err(reading("kernel", &parts.kernel))?;
        let kernel = sealed("kernel", &kernel).map_err(reading("kernel", &parts.kernel))?;
        let initrd = initrd::build(&parts.guest, parts.modules.as_deref());
        let initrd = initrd.and_then(|initrd| sealed("initrd", &initrd));
        let initrd = initrd.map_err(reading("guest's program and the kernel's modules beside", &parts.guest))?;
        let rootfs = File::open(&parts.rootfs).map_err(reading("root file system", &parts.rootfs))?;
        Ok(Self { kernel, initrd, rootfs, guest_args: parts.guest_args.clone() })
    }
}

/// Whether a program asks for an interpreter to load libraries: the third kind of entry in its program headers.
pub(crate) fn needs_libraries(program: &Path) -> io::Result<bool> {
    const INTERPRETER: u32 = 3;
    let file = fs::read(program)?;
    let number = |at: usize, length: usize| -> Option<usize> {
        let mut bytes = [0; 8];
        bytes[..length].copy_from_slice(file.get(at..at + length)?);
        usize::try_from(u64::from_le_bytes(bytes)).ok()
    };
    if !file.starts_with(b"\x7fELF\x02\x01") {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "it is no program for this machine"));
    }
    let (start, size, count) = (number(32, 8), number(54, 2), number(56, 2));
    let (Some(start), Some(size), Some(count)) = (start, size, count) else { return Ok(false) };
    Ok((0..count)
        .any(|index| start.checked_add(index * size).and_then(|at| number(at, 4)) == Some(INTERPRETER as usize)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_with_libraries_is_told_from_one_without() {
        assert!(needs_libraries(Path::new("/bin/sh")).unwrap());
        assert!(needs_libraries(Path::new("/etc/hostname")).is_err());
    }
}
