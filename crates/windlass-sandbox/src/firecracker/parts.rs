//! The files that all machines read, as files of one directory: each machine has them by another name of its own.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use super::{
    chroot::{INITRD, KERNEL, ROOTFS},
    programs::Version,
    vsock,
};
use crate::{
    backend::{BackendError, Spec},
    vm::{self, Image, reopen},
};

/// The first release that boots a compressed kernel.
const BOOTS_COMPRESSED: Version = Version(1, 17, 0);

/// The files, and what the kernel is told.
#[derive(Debug)]
pub(super) struct Placed {
    pub kernel: PathBuf,
    pub initrd: PathBuf,
    pub rootfs: PathBuf,
    guest_args: Vec<String>,
}

impl Placed {
    /// Puts the parts of `image` below `directory`; `rootfs` is the path of its root file system.
    pub fn place(image: &Image, rootfs: &Path, directory: &Path, version: Version) -> Result<Self, BackendError> {
        check(&image.kernel, version)?;
        let placing = |what: &str| BackendError::io(format!("copying the {what} below {}", directory.display()));
        let this = Self {
            kernel: directory.join(KERNEL),
            initrd: directory.join(INITRD),
            rootfs: directory.join(ROOTFS),
            guest_args: image.guest_args.clone(),
        };
        copy(&image.kernel, &this.kernel).map_err(placing("kernel"))?;
        copy(&image.initrd, &this.initrd).map_err(placing("guest"))?;
        // Every machine's user reads it. On another file system it can only be copied.
        let readable = fs::metadata(rootfs).is_ok_and(|found| found.permissions().mode() & 0o004 != 0);
        if !(readable && fs::hard_link(rootfs, &this.rootfs).is_ok()) {
            copy(&image.rootfs, &this.rootfs).map_err(placing("root file system"))?;
        }
        Ok(this)
    }

    /// The command line of the kernel. What is behind the dashes is for the guest: Firecracker puts what it adds, such as
    /// the places of its devices, before them.
    pub fn command_line(&self, spec: &Spec) -> String {
        let kernel = "console=ttyS0 quiet panic=-1 reboot=k rdinit=/init random.trust_cpu=on \
                      i8042.noaux i8042.nomux i8042.dumbkbd --";
        let mut words = vec![kernel.to_owned()];
        words.extend(self.guest_args.iter().cloned());
        words.push(format!("--init --processes {} --vsock {}", spec.processes, vsock::PORT));
        words.join(" ")
    }
}

fn copy(from: &File, to: &Path) -> io::Result<()> {
    let to = OpenOptions::new().read(true).write(true).create_new(true).mode(0o444).open(to)?;
    vm::clone(&reopen(from)?.into(), &to)
}

/// Whether Firecracker boots this kernel.
fn check(kernel: &File, version: Version) -> Result<(), BackendError> {
    let mut head = Vec::new();
    let reading = reopen(kernel).and_then(|kernel| File::from(kernel).take(1024).read_to_end(&mut head));
    reading.map_err(BackendError::io("reading the kernel"))?;
    let compressed = head.get(0x202..0x206) == Some(b"HdrS");
    if !cfg!(target_arch = "x86_64") || head.starts_with(b"\x7fELF") || (compressed && version >= BOOTS_COMPRESSED) {
        return Ok(());
    }
    if compressed {
        return Err(BackendError::Missing {
            what: format!("the kernel is compressed (a bzImage, often called vmlinuz), and Firecracker {version} boots none"),
            hint: "unpack it (`scripts/extract-vmlinux vmlinuz > vmlinux` of the kernel's sources does) and name the result in \
                   `sandbox.kernel`, or take Firecracker 1.17"
                .into(),
        });
    }
    Err(BackendError::Missing {
        what: "the kernel is none that Firecracker boots".into(),
        hint: "name an uncompressed kernel in `sandbox.kernel`: an ELF file, often called vmlinux".into(),
    })
}
