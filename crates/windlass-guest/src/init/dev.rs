//! The few devices that programs need.

use std::{
    fs::{self, Permissions},
    os::unix::fs::{PermissionsExt, symlink},
    path::Path,
};

use rustix::{
    fs::{CWD, FileType, Mode, makedev, mknodat},
    mount::MountFlags,
};

use super::{Doing, InitError, files::mount};

/// By name and number.
const DEVICES: [(&str, u32, u32); 6] =
    [("null", 1, 3), ("zero", 1, 5), ("full", 1, 7), ("random", 1, 8), ("urandom", 1, 9), ("tty", 5, 0)];

const LINKS: [(&str, &str); 5] = [
    ("fd", "/proc/self/fd"),
    ("stdin", "/proc/self/fd/0"),
    ("stdout", "/proc/self/fd/1"),
    ("stderr", "/proc/self/fd/2"),
    ("ptmx", "pts/ptmx"),
];

/// Makes `/dev` below `root`.
pub(super) fn fill(root: &Path) -> Result<(), InitError> {
    let dev = root.join("dev");
    let at = |name: &str| dev.join(name).to_string_lossy().into_owned();
    let inert = MountFlags::NOSUID | MountFlags::NOEXEC;
    mount("tmpfs", "dev", &at(""), inert, "mode=755,size=64k")?;
    for (name, major, minor) in DEVICES {
        let all = Mode::from_raw_mode(0o666);
        let made = mknodat(CWD, dev.join(name), FileType::CharacterDevice, all, makedev(major, minor));
        made.doing(format!("making /dev/{name}"))?;
        fs::set_permissions(dev.join(name), Permissions::from_mode(0o666)).doing(format!("opening /dev/{name}"))?;
    }
    for (name, target) in LINKS {
        symlink(target, dev.join(name)).doing(format!("making /dev/{name}"))?;
    }
    mount("devpts", "devpts", &at("pts"), inert, "newinstance,ptmxmode=0666,mode=620,gid=5")?;
    mount("tmpfs", "shm", &at("shm"), inert | MountFlags::NODEV, "mode=1777,size=25%")
}
