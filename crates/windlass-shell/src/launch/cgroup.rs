//! Control groups, where this user may make them: limits for the whole run, and a kill that no process can outrun.
//!
//! Version 2 gives `cgroup.kill`; on version 1 (and the hybrid of both) the `pids` and `memory` controllers give the
//! limits. Nothing here is needed for correctness, so nothing here fails a run.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use rustix::process::{Pid, Signal, kill_process};

use super::Limits;

/// The groups of one run.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cgroups {
    directories: Vec<PathBuf>,
    /// Whether the number of processes is limited here.
    pub(super) limits_processes: bool,
}

impl Cgroups {
    /// Makes groups named after the supervisor `pid` wherever it is allowed.
    pub(super) fn create(pid: u32, limits: &Limits) -> Self {
        let mut groups = Self::default();
        let (Ok(own), Ok(mounts)) = (fs::read_to_string("/proc/self/cgroup"), fs::read_to_string("/proc/self/mounts"))
        else {
            return groups;
        };
        for (controller, parent) in parents(&own, &mounts) {
            let directory = parent.join(format!("windlass-{pid}"));
            // A group left behind by a supervisor of the same number that was killed is as good as a new one.
            if let Err(error) = fs::create_dir(&directory)
                && error.kind() != io::ErrorKind::AlreadyExists
            {
                continue;
            }
            let set = |file: &str, value: u64| fs::write(directory.join(file), value.to_string()).is_ok();
            let (memory, processes) = match controller {
                "memory" => (set("memory.limit_in_bytes", limits.memory), false),
                "pids" => (false, set("pids.max", limits.processes)),
                _ => (set("memory.max", limits.memory), set("pids.max", limits.processes)),
            };
            // Joining a group of version 2 stops every fork on the machine for some milliseconds. That is worth it for
            // limits, not for the kill alone: the supervisor finds everything without.
            if !memory && !processes {
                let _ = fs::remove_dir(&directory);
                continue;
            }
            groups.limits_processes |= processes;
            groups.directories.push(directory);
        }
        groups
    }

    /// The groups at `directories`, made by a supervisor.
    pub(crate) fn at(directories: Vec<PathBuf>) -> Self {
        Self { directories, limits_processes: false }
    }

    pub(super) fn directories(&self) -> &[PathBuf] {
        &self.directories
    }

    /// Moves the calling process into the groups.
    pub(super) fn join(&self) {
        for directory in &self.directories {
            // `tasks` exists on version 1 only. It moves one thread, which is all there is here, and so waits for nobody.
            if !directory.join("tasks").exists() || fs::write(directory.join("tasks"), "0").is_err() {
                let _ = fs::write(directory.join("cgroup.procs"), "0");
            }
        }
    }

    /// Kills everything inside.
    pub(crate) fn kill(&self) {
        for directory in &self.directories {
            if fs::write(directory.join("cgroup.kill"), "1").is_ok() {
                continue;
            }
            let Ok(members) = fs::read_to_string(directory.join("cgroup.procs")) else { continue };
            for pid in members.lines().filter_map(|line| Pid::from_raw(line.parse().ok()?)) {
                let _ = kill_process(pid, Signal::KILL);
            }
        }
    }

    /// Removes the groups, which must be empty; true once none is there.
    pub(crate) fn remove(&self) -> bool {
        self.directories.iter().fold(true, |gone, directory| {
            let removed = fs::remove_dir(directory).or_else(|error| match error.kind() {
                io::ErrorKind::NotFound => Ok(()),
                _ => Err(error),
            });
            removed.is_ok() && gone
        })
    }
}

/// Where this process may try to make groups: the unified hierarchy (named ``) and two of version 1.
fn parents<'a>(own: &'a str, mounts: &'a str) -> Vec<(&'static str, PathBuf)> {
    let mut parents = Vec::new();
    for controller in ["", "memory", "pids"] {
        let mount = mounts.lines().find_map(|line| {
            let mut fields = line.split(' ');
            let (_, point, kind, options) = (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
            let right = match controller {
                "" => kind == "cgroup2",
                name => kind == "cgroup" && options.split(',').any(|option| option == name),
            };
            right.then_some(point)
        });
        let path = own.lines().find_map(|line| {
            let mut fields = line.splitn(3, ':');
            let (_, controllers, path) = (fields.next()?, fields.next()?, fields.next()?);
            let right = controllers.split(',').any(|name| name == controller);
            right.then_some(path)
        });
        if let (Some(mount), Some(path)) = (mount, path) {
            // Inside a container the path may be that of the host, while the mount starts at the container's own group.
            let full = Path::new(mount).join(path.trim_start_matches('/'));
            let parent = if full.is_dir() { full } else { mount.into() };
            parents.push((controller, parent));
        }
    }
    parents
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hierarchies() {
        let own = "8:pids:/\n4:memory:/nowhere/at/all\n0::/\n";
        let mounts = "none /sys/fs/cgroup/pids cgroup rw,pids 0 0\nnone /m cgroup rw,memory 0 0\nc /u cgroup2 rw 0 0\n";
        let found = parents(own, mounts);
        assert_eq!(
            found,
            [
                ("", PathBuf::from("/u")),
                ("memory", PathBuf::from("/m")),
                ("pids", PathBuf::from("/sys/fs/cgroup/pids"))
            ]
        );
        assert!(parents("", "").is_empty());
    }
}
