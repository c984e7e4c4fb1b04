//! What bubblewrap is told.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::{home::Home, inside::Inside};
use crate::backend::{HOME, Spec, USER};

/// Where the guest lies.
const GUEST: &str = "/run/windlass/guest";
/// Where the socket of the proxy lies, where there is one.
pub(super) const EGRESS: &str = "/run/windlass/egress";

/// Parts of a machine's /etc that programs need, and nobody minds.
const ETC: &[&str] = &["alternatives", "ld.so.cache", "ssl/certs", "localtime", "mime.types", "terminfo", "magic"];

/// Top-level directories of a root file system that a sandbox has its own of.
const OWN: &[&str] = &["dev", "proc", "sys", "tmp", "run", "home", "root", "mnt", "media", "boot", "lost+found", "var"];

pub(super) fn arguments(
    root: Option<&Path>,
    home: &Home,
    egress: Option<&Path>,
    guest: &[String],
    spec: &Spec,
    inside: &Inside,
) -> io::Result<Vec<String>> {
    let mut told = Told::default();
    told.flags("--unshare-all --unshare-user --disable-userns --die-with-parent --new-session --as-pid-1 --clearenv --cap-drop ALL");
    told.add(["--uid", &USER.to_string(), "--gid", &USER.to_string(), "--hostname", "sandbox"]);
    // One file system holds everything that can be written, so that one size limits it.
    told.add(["--size", &spec.disk.to_string(), "--tmpfs", "/"]);
    match root {
        None => machine(&mut told)?,
        Some(root) => tree(&mut told, root)?,
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
    if let Some(socket) = egress {
        told.bind(socket, EGRESS);
    }
    told.add(["--chdir", HOME, "--", GUEST]);
    told.add(guest.iter().map(String::as_str));
    told.add(["inside", &serde_json::to_string(inside)?]);
    Ok(told.0)
}

#[derive(Default)]
struct Told(Vec<String>);

impl Told {
    fn flags(&mut self, flags: &str) {
        self.add(flags.split(' '));
    }

    fn add<'a>(&mut self, more: impl IntoIterator<Item = &'a str>) {
        self.0.extend(more.into_iter().map(str::to_owned));
    }

    fn bind(&mut self, from: &Path, to: &str) {
        self.add(["--ro-bind", &from.to_string_lossy(), to]);
    }
}

/// This machine's programs and libraries, and as much of its /etc as they need.
fn machine(told: &mut Told) -> io::Result<()> {
    told.flags("--ro-bind /usr /usr");
    for name in ["bin", "sbin", "lib", "lib32", "lib64", "libx32"] {
        entry(told, Path::new("/"), name)?;
    }
    for name in ETC {
        let path = format!("/etc/{name}");
        told.add(["--ro-bind-try", &path, &path]);
    }
    Ok(())
}

/// A root file system of its own.
fn tree(told: &mut Told, root: &Path) -> io::Result<()> {
    let mut names: Vec<String> =
        fs::read_dir(root)?.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect();
    names.sort();
    for name in names.iter().filter(|name| !OWN.contains(&name.as_str())) {
        entry(told, root, name)?;
    }
    Ok(())
}

/// A directory of `root` as it is there: itself, or a link.
fn entry(told: &mut Told, root: &Path, name: &str) -> io::Result<()> {
    let path: PathBuf = root.join(name);
    match fs::symlink_metadata(&path) {
        Ok(found) if found.is_symlink() => {
            let target = fs::read_link(&path)?;
            told.add(["--symlink", &target.to_string_lossy(), &format!("/{name}")]);
        }
        Ok(found) if found.is_dir() => told.bind(&path, &format!("/{name}")),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    Ok(())
}
