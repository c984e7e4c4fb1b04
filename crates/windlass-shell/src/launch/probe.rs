//! Which protections hold on this machine: found out by running a command under all of them that looks at itself.

use std::{fs, io::Write, os::fd::AsFd, path::Path, process::ExitCode};

use serde::{Deserialize, Serialize};

/// The capabilities a command may have, as the bits of `CapEff`: see `confine`.
const KEPT: u64 = super::confine::KEPT.bits();

/// One protection and whether it holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Protection {
    /// Its name, as in `shell.landlock`.
    pub name: String,
    /// Whether commands run under it.
    pub in_force: bool,
    /// What was seen, or why it does not hold and what would help.
    pub detail: String,
}

/// All of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Protections(pub Vec<Protection>);

impl Protections {
    /// The protection called `name`, if it holds.
    pub fn holds(&self, name: &str) -> bool {
        self.0.iter().any(|one| one.name == name && one.in_force)
    }
}

/// The inside half: writes what it finds to stdout, as JSON.
pub(super) fn report() -> ExitCode {
    match serde_json::to_vec(&look()).map(|json| std::io::stdout().write_all(&json)) {
        Ok(Ok(())) => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

fn look() -> Protections {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let field = |name: &str| {
        status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).unwrap_or_default().trim()
    };
    let one = |name: &str, in_force: bool, yes: &str, no: &str| Protection {
        name: name.into(),
        in_force,
        detail: if in_force { yes } else { no }.into(),
    };
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let grouped = groups.contains("/windlass-");
    let capabilities = u64::from_str_radix(field("CapEff"), 16).unwrap_or(u64::MAX);
    Protections(vec![
        one(
            "landlock",
            // Every machine has these, everybody may list them, and no command is granted that.
            denied(Path::new("/etc")) && denied(Path::new("/")),
            "files outside the roots cannot be reached",
            "the kernel has no Landlock (Linux 5.13 and lsm=landlock), or it is switched off: only the rules guard files",
        ),
        one(
            "seccomp",
            field("Seccomp") == "2" && setns_refused(),
            "dangerous system calls fail",
            "the kernel takes no system call filter, or it is switched off",
        ),
        one(
            "network",
            std::net::UdpSocket::bind("127.0.0.1:0").is_err(),
            "commands have no network",
            "commands can use the network: it is allowed, or there is no seccomp to deny it",
        ),
        one("no_new_privs", field("NoNewPrivs") == "1", "setuid programs gain nothing", "the kernel refused it"),
        one(
            "capabilities",
            capabilities & !KEPT == 0,
            "no command can administer the system or look into the server",
            "commands keep more privileges than they need: start the server without them",
        ),
        one(
            "descriptors",
            only_standard_descriptors(),
            "nothing of the server's is open in commands",
            "descriptors are inherited, or /proc is not mounted",
        ),
        one(
            "cgroup",
            grouped,
            "each run has a control group: memory and processes are limited for the whole of it",
            "control groups cannot be made here: limits hold for each process alone",
        ),
    ])
}

fn denied(directory: &Path) -> bool {
    fs::read_dir(directory).is_err_and(|error| error.kind() == std::io::ErrorKind::PermissionDenied)
}

/// Joining the namespace one is in already fails with EINVAL or EBADF where it is not filtered, with EPERM where it is.
fn setns_refused() -> bool {
    let Ok(here) = fs::File::open("/dev/null") else { return false };
    rustix::thread::move_into_link_name_space(here.as_fd(), None) == Err(rustix::io::Errno::PERM)
}

fn only_standard_descriptors() -> bool {
    let Ok(entries) = fs::read_dir("/proc/self/fd") else { return false };
    // The fourth is the directory being read.
    entries
        .flatten()
        .filter(|entry| entry.file_name().to_str().is_none_or(|name| name.parse::<u32>().is_ok_and(|n| n > 2)))
        .count()
        <= 1
}
