//! What belongs in a tree, and what was left by making it.

use crate::backend::{HOME, USER};

/// Directories that are there and empty: others are mounted over them, or nothing in them outlives making the tree.
const EMPTY: [&str; 7] = ["boot", "dev", "kernel.package", "proc", "run", "sys", "tmp"];

/// Directories of which only the directories stay.
const NO_FILES: [&str; 6] = ["etc/apt/sources.list.d", "var/backups", "var/cache", "var/lib/apt", "var/log", "var/tmp"];

/// What goes. The marker is Python's word that only Debian may install packages; a sandbox is there to install some.
const GOES: [&str; 19] = [
    "etc/.pwd.lock",
    "etc/apt/apt.conf.d/00mmdebstrap",
    "etc/apt/apt.conf.d/99mmdebstrap",
    "etc/apt/sources.list",
    "etc/dpkg/dpkg.cfg.d/99mmdebstrap",
    "etc/group-",
    "etc/gshadow-",
    "etc/machine-id",
    "etc/passwd-",
    "etc/shadow-",
    "etc/subgid-",
    "etc/subuid-",
    "kernel.package",
    "usr/lib/python3*/EXTERNALLY-MANAGED",
    "var/lib/dbus/machine-id",
    "var/lib/dpkg/*-old",
    "var/lib/dpkg/lock*",
    "var/lib/dpkg/triggers/Lock",
    "etc/ssh/ssh_host_*",
];

/// Below this, directories called `tests` go: a tenth of all there is. (dpkg could leave them out, but what compiles
/// Python's packages wants every file it knows of.)
const PYTHON: &str = "usr/lib/python3/dist-packages/";

/// Files that are written anew.
pub(super) const OURS: [(&str, &str); 3] = [
    ("etc/hostname", "sandbox\n"),
    ("etc/hosts", "127.0.0.1 localhost sandbox\n::1 localhost sandbox\n"),
    ("etc/resolv.conf", ""),
];

/// The lists of users and groups, which the sandbox's own is added to.
const USERS: [&str; 4] = ["etc/group", "etc/gshadow", "etc/passwd", "etc/shadow"];

/// Directories that have to be there, and their modes.
pub(super) const MOUNTED: [(&str, u32); 8] = [
    ("dev", 0o755),
    ("home", 0o755),
    ("mnt", 0o755),
    ("proc", 0o555),
    ("root", 0o700),
    ("run", 0o755),
    ("sys", 0o555),
    ("tmp", 0o1777),
];

/// What happens to an entry.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Stays,
    Goes,
    /// It is written again at the end, with one line more.
    Grows,
}

/// What happens to the entry at `path`.
pub(super) fn fate(path: &str, directory: bool) -> Fate {
    let below = |above: &str| path.strip_prefix(above).is_some_and(|rest| rest.starts_with('/'));
    let gone = |pattern: &str| match pattern.split_once('*') {
        None => path == pattern,
        Some((start, end)) => path.strip_prefix(start).is_some_and(|rest| rest.ends_with(end)),
    };
    let test = path.strip_prefix(PYTHON).is_some_and(|rest| rest.contains("/tests/") || rest.ends_with("/tests"));
    if test || EMPTY.iter().any(|above| below(above)) || !directory && NO_FILES.iter().any(|above| below(above)) {
        return Fate::Goes;
    }
    if GOES.iter().any(|pattern| gone(pattern)) || OURS.iter().any(|(ours, _)| path == *ours) {
        return Fate::Goes;
    }
    if USERS.contains(&path) { Fate::Grows } else { Fate::Stays }
}

/// A list of users or groups with the sandbox's own. Passwords have no dates: they would be the day's.
pub(super) fn with_user(path: &str, text: &str) -> String {
    let line = match path {
        "etc/passwd" => format!("sandbox:*:{USER}:{USER}::{HOME}:/bin/bash\n"),
        "etc/group" => format!("sandbox:*:{USER}:\n"),
        "etc/shadow" => "sandbox:!:::::::\n".to_owned(),
        _ => "sandbox:!::\n".to_owned(),
    };
    let mut all = String::new();
    for line in text.lines() {
        let fields: Vec<&str> = line.split(':').collect();
        match fields.as_slice() {
            [name, password, _, ..] if path == "etc/shadow" => all += &format!("{name}:{password}:::::::\n"),
            _ => all += &format!("{line}\n"),
        }
    }
    all + &line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_and_what_stays() {
        for path in [
            "dev/null",
            "run/lock",
            "tmp/x",
            "boot/vmlinuz",
            "kernel.package",
            "kernel.package/linux.deb",
            "etc/machine-id",
            "etc/resolv.conf",
            "etc/hosts",
            "etc/ssh/ssh_host_rsa_key",
            "etc/apt/sources.list",
            "var/log/apt/term.log",
            "etc/apt/sources.list.d/0000machine.sources",
            "var/cache/ldconfig/aux-cache",
            "var/lib/dpkg/status-old",
            "var/lib/apt/lists/mirror_Packages",
            "usr/lib/python3.11/EXTERNALLY-MANAGED",
            "usr/lib/python3/dist-packages/pandas/tests/frame/test_api.py",
            "etc/apt/apt.conf.d/99mmdebstrap",
        ] {
            assert_eq!(fate(path, false), Fate::Goes, "{path}");
        }
        for path in ["", "dev", "usr/bin/bash", "var/lib/dpkg/status", "etc/apt/apt.conf.d/70debconf", "devices/x"] {
            assert_eq!(fate(path, false), Fate::Stays, "{path}");
        }
        assert_eq!(fate("var/log/apt", true), Fate::Stays);
        assert_eq!(fate("etc/passwd", false), Fate::Grows);
    }

    #[test]
    fn lists_of_users() {
        assert_eq!(with_user("etc/group", "root:x:0:\n"), format!("root:x:0:\nsandbox:*:{USER}:\n"));
        assert_eq!(with_user("etc/shadow", "root:*:20412:0:99999:7:::\n"), "root:*:::::::\nsandbox:!:::::::\n");
    }
}
