//! What the kernel says of the container's first process.

use std::{fs, path::Path};

use super::{Expectations, Fact};
use crate::engine::Container;

/// `/proc/PID`, where it is on this machine.
struct Seen {
    status: String,
    mounts: String,
    uid_map: String,
    shared: Vec<&'static str>,
}

pub(super) fn prove(container: &Container, expected: &Expectations, facts: &mut Vec<Fact>) {
    let root = Fact::new("container.root", "the root file system is read-only");
    let user = Fact::new("container.user", "it runs as user 65532");
    let capabilities = Fact::new("container.capabilities", "it has no capabilities and can get none");
    let privileges = Fact::new("container.privileges", "it can gain no privileges");
    let seccomp = Fact::new("container.seccomp", "its system calls are filtered");
    let separate = Fact::new("container.separate", "it runs without privileged access, in namespaces of its own");
    let memory = Fact::new(
        "container.memory",
        match expected.memory {
            Some(limit) => format!("it needs less than the {} MiB it gets", limit >> 20),
            None => "it says how much memory it needs".into(),
        },
    );
    let seen = match look(container) {
        Ok(seen) => seen,
        Err(why) => {
            let all = [root, user, capabilities, privileges, seccomp, separate, memory];
            facts.extend(all.map(|fact| fact.skipped(&why)));
            return;
        }
    };
    let field = |name| field(&seen.status, name).unwrap_or_default();
    let options = root_options(&seen.mounts).unwrap_or("not mounted");
    facts.push(root.when(options.split(',').any(|option| option == "ro"), options));

    let outside: u32 = first(field("Uid")).parse().unwrap_or(0);
    let inside = inside(&seen.uid_map, outside);
    let detail = match inside {
        Some(inside) if inside == outside => format!("user {inside}"),
        Some(inside) => format!("user {inside}, which is {outside} outside"),
        None => format!("user {outside} outside, nobody inside"),
    };
    facts.push(user.when(inside == Some(65532), detail));

    let sets = ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"];
    let held: Vec<String> =
        sets.iter().filter(|set| !none(field(set))).map(|set| format!("{set} {}", field(set))).collect();
    facts.push(capabilities.when(held.is_empty(), held.join(", ")));
    facts.push(privileges.when(field("NoNewPrivs") == "1", format!("NoNewPrivs {}", field("NoNewPrivs"))));
    facts.push(seccomp.when(field("Seccomp") == "2", format!("Seccomp {}", field("Seccomp"))));
    let detail = match (container.privileged, seen.shared.is_empty()) {
        (true, _) => "it is privileged".to_owned(),
        (false, true) => String::new(),
        (false, false) => format!("it shares with the machine: {}", seen.shared.join(", ")),
    };
    facts.push(separate.when(detail.is_empty(), detail));

    let mebibytes = |name| first(field(name)).parse::<f64>().ok().map(|kib| kib / 1024.0);
    facts.push(match (mebibytes("VmRSS"), mebibytes("VmHWM")) {
        (Some(now), Some(most)) => {
            let limit = expected.memory.map_or(f64::INFINITY, |bytes| (bytes >> 20) as f64);
            memory.when(most < limit, format!("{most:.1} MiB at most")).measured(now, "MiB")
        }
        _ => memory.skipped("the kernel does not say"),
    });
}

fn look(container: &Container) -> Result<Seen, String> {
    let pid = container.pid.ok_or("the engine names no process")?;
    let directory = format!("/proc/{pid}");
    let read = |name: &str| {
        fs::read_to_string(Path::new(&directory).join(name)).map_err(|error| format!("{directory}/{name}: {error}"))
    };
    let status = read("status")?;
    // An engine in a virtual machine or elsewhere counts processes of its own. A container's first process is number 1
    // inside, which no other process here with that number is likely to be.
    if field(&status, "NSpid").and_then(|ids| ids.split_whitespace().last()) != Some("1") {
        return Err(format!("process {pid} is not the container's: the engine runs on another machine"));
    }
    let names = ["pid", "mnt", "net", "ipc", "uts"];
    let same = |name: &&&'static str| {
        let link = |process: &str| fs::read_link(format!("/proc/{process}/ns/{name}")).ok();
        let theirs = link(&pid.to_string());
        theirs.is_some() && theirs == link("self")
    };
    let shared = names.iter().filter(same).copied().collect();
    Ok(Seen { status, mounts: read("mountinfo")?, uid_map: read("uid_map")?, shared })
}

/// A line's value in `/proc/PID/status`.
fn field<'a>(status: &'a str, name: &str) -> Option<&'a str> {
    status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
}

fn first(values: &str) -> &str {
    values.split_whitespace().next().unwrap_or_default()
}

fn none(set: &str) -> bool {
    u64::from_str_radix(set, 16) == Ok(0)
}

/// The options `/` is mounted with; those of the mount, not those of the file system under it.
fn root_options(mounts: &str) -> Option<&str> {
    let mut last = None;
    for line in mounts.lines() {
        let mut words = line.split(' ').skip(4);
        if words.next() == Some("/") {
            last = words.next();
        }
    }
    last
}

/// A user's number inside, by what it is outside.
fn inside(map: &str, outside: u32) -> Option<u32> {
    map.lines().find_map(|line| {
        let mut numbers = line.split_whitespace().filter_map(|word| word.parse::<u32>().ok());
        let (inner, outer, count) = (numbers.next()?, numbers.next()?, numbers.next()?);
        let offset = outside.checked_sub(outer).filter(|offset| *offset < count)?;
        inner.checked_add(offset)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_kernel_writes_is_read() {
        let status = "Name:\tserver\nUid:\t65532\t65532\t65532\t65532\nNSpid:\t4711\t1\nCapEff:\t0000000000000000\nSeccomp:\t2\nSeccomp_filters:\t1\n";
        assert_eq!(first(field(status, "Uid").unwrap()), "65532");
        assert_eq!(field(status, "Seccomp"), Some("2"));
        assert!(none(field(status, "CapEff").unwrap()) && !none("00000000a80425fb") && !none(""));
        let mounts = "1 2 0:1 / / rw,relatime - overlay overlay rw\n3 1 0:2 / /tmp rw - tmpfs tmpfs rw\n4 1 0:3 / / ro,relatime - overlay overlay rw\n";
        assert_eq!(root_options(mounts), Some("ro,relatime"), "the last one is on top");
        assert_eq!(root_options(""), None);
    }

    #[test]
    fn a_user_has_another_number_outside_where_there_is_no_root() {
        assert_eq!(inside("         0          0 4294967295\n", 65532), Some(65532));
        let rootless = "0 1000 1\n1 100000 65536\n";
        assert_eq!(inside(rootless, 165_531), Some(65532));
        assert_eq!(inside(rootless, 1000), Some(0));
        assert_eq!(inside(rootless, 2000), None);
    }
}
