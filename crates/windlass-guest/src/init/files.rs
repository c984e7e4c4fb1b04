//! The file systems.

use std::{
    ffi::CString,
    fs::{self, DirBuilder, Permissions},
    os::unix::fs::{DirBuilderExt, PermissionsExt, chown},
    path::{Path, PathBuf},
};

use rustix::mount::{self, MountFlags};

use super::{Doing, InitError};
use crate::home::{ETC, HOME, USER};

/// Where the new root is put together.
pub(super) const NEW: &str = "/new";

/// The first disk: the root file system.
const LOWER: &str = "/dev/vda";
/// The second: what is written.
const UPPER: &str = "/dev/vdb";

/// What neither devices nor other users' programs come from.
const PLAIN: MountFlags = MountFlags::NODEV.union(MountFlags::NOSUID);

pub(super) fn mount(kind: &str, what: &str, at: &str, flags: MountFlags, data: &str) -> Result<(), InitError> {
    let options = CString::new(data).unwrap_or_default();
    directory(Path::new(at), 0o755)?;
    mount::mount(what, at, kind, flags, &*options).doing(format!("mounting {kind} at {at}"))
}

/// The root file system, under what is written, at [`NEW`].
pub(super) fn root() -> Result<(), InitError> {
    // What was not unmounted well is only read, and not put right.
    mount("ext4", LOWER, "/lower", PLAIN | MountFlags::RDONLY, "")
        .or_else(|_| mount("ext4", LOWER, "/lower", PLAIN | MountFlags::RDONLY, "noload"))?;
    if Path::new(UPPER).exists() {
        mount("ext4", UPPER, "/upper", PLAIN | MountFlags::NOATIME, "")?;
    } else {
        mount("tmpfs", "upper", "/upper", PLAIN, "size=50%,mode=755")?;
    }
    for name in ["/upper/files", "/upper/work"] {
        directory(Path::new(name), 0o755)?;
    }
    mount("overlay", "root", NEW, PLAIN, "lowerdir=/lower,upperdir=/upper/files,workdir=/upper/work")?;
    let new = |path: &str| PathBuf::from(format!("{NEW}{path}"));
    for (path, mode) in [("/tmp", 0o1777), ("/var/tmp", 0o1777), ("/run", 0o755), (HOME, 0o755), ("/run/user", 0o700)] {
        directory(&new(path), mode)?;
    }
    for path in [HOME, "/run/user"] {
        chown(new(path), Some(USER), Some(USER)).doing(format!("giving away {path}"))?;
    }
    for (name, text) in ETC {
        fs::write(new(&format!("/etc/{name}")), text).doing(format!("writing /etc/{name}"))?;
    }
    let inert = PLAIN | MountFlags::NOEXEC;
    mount("proc", "proc", &format!("{NEW}/proc"), inert, "")
}

/// A directory with these permissions, and those above it.
pub(super) fn directory(path: &Path, mode: u32) -> Result<(), InitError> {
    let doing = || format!("making {}", path.display());
    DirBuilder::new().recursive(true).mode(0o755).create(path).doing(doing())?;
    fs::set_permissions(path, Permissions::from_mode(mode)).doing(doing())
}
