//! What bubblewrap is told.

use std::{fs, io, path::Path};

use windlass_guest::{home::NAME, parts::Inside};

use crate::{
    backend::{HOME, Spec, USER},
    jail::{Home, SEALED, Told},
};

/// Where the guest lies.
const GUEST: &str = "/run/windlass/guest";

/// Parts of a machine's /etc that programs need, and nobody minds.
const ETC: &[&str] = &["alternatives", "ld.so.cache", "ssl/certs", "localtime", "mime.types", "terminfo", "magic"];

/// Top-level directories of a root file system that a sandbox has its own of.
const OWN: &[&str] = &["dev", "proc", "sys", "tmp", "run", "home", "root", "mnt", "media", "boot", "lost+found", "var"];

pub(super) fn arguments(
    root: Option<(&Path, &Path)>,
    home: &Home,
    guest: &[String],
    spec: &Spec,
    inside: &Inside,
) -> io::Result<Vec<String>> {
    let mut told = Told::default();
    told.flags(SEALED);
    told.add(["--uid", &USER.to_string(), "--gid", &USER.to_string(), "--hostname", NAME]);
    // One file system holds everything that can be written, so that one size limits it.
    told.add(["--size", &spec.disk.to_string(), "--tmpfs", "/"]);
    match root {
        None => machine(&mut told)?,
        Some((root, shown)) => tree(&mut told, root, shown)?,
    }
    for (name, file) in home.etc() {
        told.bind(&file, &format!("/etc/{name}"));
    }
    told.flags("--proc /proc --dev /dev");
    told.add(["--size", &(spec.disk / 4).to_string(), "--perms", "1777", "--tmpfs", "/dev/shm"]);
    // Terminals are counted for the whole machine, so one sandbox could take them from everybody.
    told.flags("--size 4096 --tmpfs /dev/pts --remount-ro /dev/pts");
    told.flags("--remount-ro /dev --perms 1777 --dir /tmp --perms 1777 --dir /var/tmp --perms 0700 --dir /run/user");
    told.add(["--perms", "0755", "--dir", HOME, "--perms", "0755", "--dir", "/run/windlass"]);
    told.bind(home.guest(), GUEST);
    told.add(["--chdir", HOME, "--", GUEST]);
    told.add(guest.iter().map(String::as_str));
    told.add(["inside", &serde_json::to_string(inside)?]);
    Ok(told.0)
}

/// This machine's programs and libraries, and as much of its /etc as they need.
fn machine(told: &mut Told) -> io::Result<()> {
    told.programs()?;
    for name in ETC {
        let path = format!("/etc/{name}");
        told.add(["--ro-bind-try", &path, &path]);
    }
    Ok(())
}

/// A root file system of its own, which is found at `shown`.
fn tree(told: &mut Told, root: &Path, shown: &Path) -> io::Result<()> {
    let mut names: Vec<String> =
        fs::read_dir(root)?.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect();
    names.sort();
    names.iter().filter(|name| !OWN.contains(&name.as_str())).try_for_each(|name| told.entry(root, shown, name))
}
