//! The jailer: what it takes, and the jail.

use std::{
    collections::BTreeMap,
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::{
        fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, chown, fchown, symlink},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::Command,
};

use nix::sched::{CloneFlags, unshare};
use rustix::{
    fs::{CWD, FileType, Mode, OFlags, makedev, mknodat},
    mount::{MountFlags, MountPropagationFlags, UnmountFlags, mount, mount_bind_recursive, mount_change, unmount},
    process::{Resource, chdir, chroot, pivot_root},
};
use windlass_confine::lower;

use crate::{say, told::Told};

/// Those that have one value.
const SINGLE: [&str; 8] =
    ["id", "exec-file", "uid", "gid", "chroot-base-dir", "cgroup-version", "parent-cgroup", "netns"];
const MULTIPLE: [&str; 2] = ["cgroup", "resource-limit"];
const FLAGS: [&str; 2] = ["daemonize", "new-pid-ns"];
/// Directories of the jail, and whose they are.
const FOLDERS: [&str; 4] = ["/", "/dev", "/dev/net", "/run"];
const DEVICES: [(&str, u32, u32); 4] =
    [("/dev/net/tun", 10, 200), ("/dev/kvm", 10, 232), ("/dev/urandom", 1, 9), ("/dev/null", 1, 3)];

/// What it was told.
#[derive(Debug, Default)]
struct Arguments {
    single: BTreeMap<String, String>,
    limits: Vec<String>,
    extra: Vec<String>,
}

pub fn play(told: &Told, arguments: &[String]) -> Result<(), String> {
    if arguments == ["--version"] {
        say(&format!("Jailer v{}\n", told.version));
        return Ok(());
    }
    let arguments = parse(arguments)?;
    let value = |name: &str| arguments.single.get(name).ok_or_else(|| format!("Argument '{name}' required"));
    let id = value("id")?;
    if id.is_empty() || id.len() > 64 {
        return Err(format!("Invalid instance ID: Invalid len ({});  the length must be between 1 and 64", id.len()));
    }
    if let Some((at, strange)) = id.chars().enumerate().find(|(_, one)| *one != '-' && !one.is_alphanumeric()) {
        return Err(format!("Invalid instance ID: Invalid char ({strange}) at position {at}"));
    }
    let words = |error: io::Error| error.to_string();
    let program = fs::canonicalize(value("exec-file")?).map_err(words)?;
    let name = program.file_name().and_then(|name| name.to_str()).ok_or("the program has no name")?.to_owned();
    let base = fs::canonicalize(value("chroot-base-dir")?).map_err(words)?;
    let number = |name: &str| value(name)?.parse::<u32>().map_err(|_| format!("Invalid {name}"));
    let (uid, gid) = (number("uid")?, number("gid")?);
    if uid == 0 || gid == 0 {
        return Err("a machine must not be root's".into());
    }
    if arguments.extra.iter().any(|argument| argument.contains("seccomp")) {
        return Err("the system call filter stays on".into());
    }
    for path in
        [&program, &base].into_iter().flat_map(|path| path.ancestors()).filter(|path| **path != *Path::new("/tmp"))
    {
        let found = fs::metadata(path).map_err(words)?;
        if found.uid() != 0 || found.mode() & 0o022 != 0 {
            return Err(format!("{} can be written by others than root", path.display()));
        }
    }
    let root = base.join(&name).join(id).join("root");
    fs::create_dir_all(&root).map_err(words)?;
    copy(&program, &root.join(&name), (uid, gid))?;
    lower(Resource::Nofile, 2048).map_err(|error| error.to_string())?;
    for limit in &arguments.limits {
        let (kind, value) =
            limit.split_once('=').ok_or_else(|| format!("Invalid format for resources limits: {limit}"))?;
        let value = value.parse().map_err(|_| format!("Invalid limit value for resource: {limit}"))?;
        let resource = match kind {
            "fsize" => Resource::Fsize,
            "no-file" => Resource::Nofile,
            other => return Err(format!("Invalid argument in resource limit: {other}")),
        };
        lower(resource, value).map_err(|error| error.to_string())?;
    }
    // A machine has its own loopback. Where this is not possible, what needs it in a test fails.
    let _ = Command::new("/usr/sbin/ip").args(["link", "set", "lo", "up"]).status();
    jail(&root).map_err(|error| format!("making the jail: {error}"))?;
    furnish(uid, gid).map_err(|error| format!("furnishing the jail: {error}"))?;
    let pid = OpenOptions::new().write(true).create_new(true).open(format!("/{name}.pid"));
    pid.and_then(|mut file| write!(file, "{}", std::process::id())).map_err(words)?;
    let mut command = Command::new(Path::new("/").join(&name));
    command.args(["--id", id, "--start-time-us", "1", "--start-time-cpu-us", "1", "--parent-cpu-time-us", "1"]);
    Err(format!("exec: {}", command.args(&arguments.extra).env_clear().uid(uid).gid(gid).exec()))
}

fn parse(arguments: &[String]) -> Result<Arguments, String> {
    let mut parsed = Arguments::default();
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        if argument == "--" {
            parsed.extra = rest.cloned().collect();
            return Ok(parsed);
        }
        let name =
            argument.strip_prefix("--").ok_or_else(|| format!("Found argument '{argument}' which wasn't expected"))?;
        if FLAGS.contains(&name) {
            return Err(format!("its process would not end with the server: --{name}"));
        }
        let value = rest.next().filter(|value| !value.starts_with("--"));
        let value =
            value.ok_or_else(|| format!("The argument '{name}' requires a value, but none was supplied"))?.clone();
        match name {
            "cgroup" | "parent-cgroup" | "cgroup-version" if value != "1" => {
                return Err(format!("it would leave the groups of the server: --{name} {value}"));
            }
            "resource-limit" => parsed.limits.push(value),
            _ if SINGLE.contains(&name) => {
                if parsed.single.insert(name.to_owned(), value).is_some() {
                    return Err(format!("The argument '{name}' was provided more than once"));
                }
            }
            _ if MULTIPLE.contains(&name) => {}
            _ => return Err(format!("Found argument '{name}' which wasn't expected, or isn't valid in this context")),
        }
    }
    Ok(parsed)
}

/// Copies the program, which must not be a second name of another.
fn copy(from: &Path, to: &Path, (uid, gid): (u32, u32)) -> Result<(), String> {
    let copying = || -> io::Result<bool> {
        let mut source = File::open(from)?;
        let flags = OFlags::NOFOLLOW.bits().cast_signed();
        let mode = source.metadata()?.mode();
        let mut target =
            OpenOptions::new().write(true).create(true).truncate(false).custom_flags(flags).mode(mode).open(to)?;
        if target.metadata()?.nlink() > 1 {
            return Ok(false);
        }
        fchown(&target, Some(uid), Some(gid))?;
        io::copy(&mut source, &mut target)?;
        Ok(true)
    };
    match copying() {
        Ok(true) => Ok(()),
        Ok(false) => Err(format!("{} is a hard link", to.display())),
        Err(error) => Err(format!("Failed to copy {} to {}: {error}", from.display(), to.display())),
    }
}

/// Makes `root` the root directory, with the programs of this machine in it, which play those of the guest.
fn jail(root: &Path) -> Result<(), String> {
    let words = |error: rustix::io::Errno| error.to_string();
    unshare(CloneFlags::CLONE_NEWNS).map_err(|error| error.to_string())?;
    mount_change("/", MountPropagationFlags::DOWNSTREAM | MountPropagationFlags::REC).map_err(words)?;
    mount_bind_recursive(root, root).map_err(words)?;
    let programs = || -> io::Result<()> {
        for name in ["usr", "bin", "sbin", "lib", "lib64"] {
            let (own, inside) = (Path::new("/").join(name), root.join(name));
            match fs::read_link(&own) {
                Ok(target) => symlink(target, inside)?,
                Err(_) if own.is_dir() => {
                    fs::create_dir(&inside)?;
                    mount_bind_recursive(&own, &inside)?;
                }
                Err(_) => {}
            }
        }
        fs::create_dir(root.join("proc"))?;
        Ok(mount("proc", root.join("proc"), "proc", MountFlags::empty(), None)?)
    };
    programs().map_err(|error| error.to_string())?;
    chdir(root).map_err(words)?;
    fs::DirBuilder::new().mode(0o600).create("old_root").map_err(|error| error.to_string())?;
    pivot_root(".", "old_root").map_err(words)?;
    chdir("/").map_err(words)?;
    unmount("old_root", UnmountFlags::DETACH).map_err(words)?;
    fs::remove_dir("old_root").map_err(|error| error.to_string())?;
    chroot(".").map_err(words)
}

/// The directories and devices of the jail, and what a guest finds besides.
fn furnish(uid: u32, gid: u32) -> io::Result<()> {
    for folder in FOLDERS {
        fs::create_dir_all(folder)?;
        fs::set_permissions(folder, fs::Permissions::from_mode(0o700))?;
        chown(folder, Some(uid), Some(gid))?;
    }
    for (path, major, minor) in DEVICES {
        mknodat(CWD, path, FileType::CharacterDevice, Mode::RUSR | Mode::WUSR, makedev(major, minor))?;
        chown(path, Some(uid), Some(gid))?;
    }
    for folder in ["/tmp", "/home/sandbox"] {
        fs::create_dir_all(PathBuf::from(folder))?;
        chown(folder, Some(uid), Some(gid))?;
    }
    Ok(())
}
