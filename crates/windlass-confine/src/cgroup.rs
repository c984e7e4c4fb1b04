//! Control groups, where this user may make them: limits for everything inside, and a kill that no process can outrun.
//!
//! Version 2 gives `cgroup.kill`; on version 1 (and the hybrid of both) the `pids`, `memory` and `cpu` controllers give
//! the limits. Nothing here is needed for correctness, so nothing here fails.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use serde::{Deserialize, Serialize};

/// The time in which a share of the processor is counted, in microseconds.
const PERIOD: u64 = 100_000;
/// Of 100, which is what everybody else has.
const WEIGHT: u64 = 25;

/// What everything in a group may use up together.
#[derive(Debug, Clone, Default)]
pub struct GroupLimits {
    /// Bytes of memory.
    pub memory: u64,
    /// Processes and threads.
    pub processes: u64,
    /// Processors, where that is to be limited.
    pub cpus: Option<u32>,
}

/// A group in each hierarchy that would have one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cgroups {
    directories: Vec<PathBuf>,
    limits_processes: bool,
    limits_memory: bool,
    limits_processors: bool,
}

impl Cgroups {
    /// Makes groups called `windlass-NAME` wherever it is allowed.
    pub fn create(name: &str, limits: &GroupLimits) -> Self {
        let mut groups = Self::default();
        let (Ok(own), Ok(mounts)) = (fs::read_to_string("/proc/self/cgroup"), fs::read_to_string("/proc/self/mounts"))
        else {
            return groups;
        };
        for (controller, parent) in parents(&own, &mounts) {
            if controller == "cpu" && limits.cpus.is_none() {
                continue;
            }
            let directory = parent.join(format!("windlass-{name}"));
            // A group left behind by a process of the same number that was killed is as good as a new one.
            if let Err(error) = fs::create_dir(&directory)
                && error.kind() != io::ErrorKind::AlreadyExists
            {
                continue;
            }
            let set = |file: &str, value: String| fs::write(directory.join(file), value).is_ok();
            let quota = limits.cpus.map(|cpus| u64::from(cpus) * PERIOD);
            let (memory, processes, cpu) = match controller {
                "memory" => (set("memory.limit_in_bytes", limits.memory.to_string()), false, false),
                "pids" => (false, set("pids.max", limits.processes.to_string()), false),
                "cpu" => (false, false, quota.is_some_and(|quota| set("cpu.cfs_quota_us", quota.to_string()))),
                _ => (
                    set("memory.max", limits.memory.to_string()),
                    set("pids.max", limits.processes.to_string()),
                    quota.is_some_and(|quota| set("cpu.max", format!("{quota} {PERIOD}"))),
                ),
            };
            if memory {
                // Otherwise whoever is over its limit goes on in the swap. Not every kernel counts that.
                let _ = set("memory.swap.max", "0".into());
                let _ = set("memory.memsw.limit_in_bytes", limits.memory.to_string());
            }
            if cpu {
                weigh(&directory);
            }
            // Joining a group of version 2 stops every fork on the machine for some milliseconds. That is worth it for
            // limits, not for the kill alone: everything is found without.
            if !memory && !processes && !cpu {
                let _ = fs::remove_dir(&directory);
                continue;
            }
            groups.limits_processes |= processes;
            groups.limits_memory |= memory;
            groups.limits_processors |= cpu;
            groups.directories.push(directory);
        }
        groups
    }

    /// Whether the number of processes is limited here.
    pub fn limits_processes(&self) -> bool {
        self.limits_processes
    }

    /// Whether the time of processors is limited here.
    pub fn limits_processors(&self) -> bool {
        self.limits_processors
    }

    /// Whether memory is limited here.
    pub fn limits_memory(&self) -> bool {
        self.limits_memory
    }

    /// Moves the calling process into the groups.
    pub fn join(&self) {
        for directory in &self.directories {
            // `tasks` exists on version 1 only. It moves one thread, which is all there is here, and so waits for nobody.
            if !directory.join("tasks").exists() || fs::write(directory.join("tasks"), "0").is_err() {
                let _ = fs::write(directory.join("cgroup.procs"), "0");
            }
        }
    }

    /// The time of processors that was used up inside so far, where that can be told.
    pub fn used(&self) -> Option<Duration> {
        self.directories.iter().find_map(|directory| counted(directory)).or_else(|| {
            // Version 1 may count in a hierarchy of its own, and joining one costs each sandbox more than a millisecond.
            let members =
                self.directories.iter().find_map(|group| fs::read_to_string(group.join("cgroup.procs")).ok())?;
            Some(members.lines().filter_map(used_by).sum())
        })
    }

    /// Whether everybody else goes before everything inside, at once and whenever there is something to do; otherwise they take
    /// turns. False where that cannot be said here.
    pub fn give_way(&self, gives: bool) -> bool {
        let Some(directory) = self.directories.iter().find(|directory| directory.join("cpu.idle").exists()) else {
            return false;
        };
        let said = fs::write(directory.join("cpu.idle"), if gives { "1" } else { "0" }).is_ok();
        if said && !gives {
            // The kernel has forgotten it.
            weigh(directory);
        }
        said
    }

    /// Kills everything inside.
    pub fn kill(&self) {
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
    pub fn remove(&self) -> bool {
        self.directories.iter().fold(true, |gone, directory| {
            let removed = fs::remove_dir(directory).or_else(|error| match error.kind() {
                io::ErrorKind::NotFound => Ok(()),
                _ => Err(error),
            });
            removed.is_ok() && gone
        })
    }
}

/// What the kernel counts for a group.
fn counted(group: &Path) -> Option<Duration> {
    if let Ok(nanoseconds) = fs::read_to_string(group.join("cpuacct.usage")) {
        return Some(Duration::from_nanos(nanoseconds.trim().parse().ok()?));
    }
    let told = fs::read_to_string(group.join("cpu.stat")).ok()?;
    let microseconds = told.lines().find_map(|line| line.strip_prefix("usage_usec "))?;
    Some(Duration::from_micros(microseconds.trim().parse().ok()?))
}

/// What a process used, and those of its children that it has seen the end of.
fn used_by(pid: &str) -> Option<Duration> {
    let told = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // After the name, which may have anything in it: the state is the third field, the four times begin with the fourteenth.
    let (_, rest) = told.rsplit_once(')')?;
    let times = rest.split_whitespace().skip(11).take(4).map(|ticks| ticks.parse::<u64>().ok());
    let ticks: u64 = times.sum::<Option<u64>>()?;
    Some(Duration::from_millis(ticks * 1000 / rustix::param::clock_ticks_per_second()))
}

/// What answers goes before what computes: the server does not wait for the turn of a busy group to end.
fn weigh(directory: &Path) {
    let _ = fs::write(directory.join("cpu.weight"), WEIGHT.to_string());
    let _ = fs::write(directory.join("cpu.shares"), (WEIGHT * 1024 / 100).to_string());
}

/// Where this process may try to make groups: the unified hierarchy (named ``) and three of version 1.
fn parents<'a>(own: &'a str, mounts: &'a str) -> Vec<(&'static str, PathBuf)> {
    let mut parents = Vec::new();
    for controller in ["", "memory", "pids", "cpu"] {
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
    fn what_a_process_used_is_read() {
        let began = std::time::Instant::now();
        while used_by("self").unwrap() < Duration::from_millis(30) {
            assert!(began.elapsed() < Duration::from_secs(60), "{:?}", used_by("self"));
        }
        assert_eq!(used_by("0"), None);
    }

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
