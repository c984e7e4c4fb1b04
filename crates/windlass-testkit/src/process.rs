//! What Linux says of a process and its descendants.

use std::{collections::HashMap, fs, io};

/// One process, as `/proc` had it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// Its id.
    pub pid: u32,
    /// The id of its parent.
    pub parent: u32,
    /// `R`, `S`, `D`, `Z` (ended, not yet waited for) and so on.
    pub state: char,
    /// The name of its program, cut to 15 bytes by the kernel.
    pub name: String,
}

/// Resident memory of `pid` in bytes.
pub fn rss_bytes(pid: u32) -> io::Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    // A process that has ended and was not waited for has no such line.
    let Some(kib) = line.and_then(|line| line.split_whitespace().next()) else { return Ok(0) };
    kib.parse::<u64>().map(|kib| kib * 1024).map_err(io::Error::other)
}

/// Whether `pid` runs. A process that has ended and was not yet waited for does not.
pub fn is_running(pid: u32) -> bool {
    process(pid).is_some_and(|process| process.state != 'Z' && process.state != 'X')
}

/// Every process that descends from `root`, nearest first, without `root` itself. What was given to another parent (its
/// own had ended first) is not found this way.
pub fn descendants(root: u32) -> io::Result<Vec<Process>> {
    let mut children: HashMap<u32, Vec<Process>> = HashMap::new();
    for process in all()? {
        children.entry(process.parent).or_default().push(process);
    }
    let mut found = children.remove(&root).unwrap_or_default();
    let mut next = 0;
    while let Some(process) = found.get(next) {
        let more = children.remove(&process.pid).unwrap_or_default();
        found.extend(more);
        next += 1;
    }
    Ok(found)
}

/// Every process whose command line contains `text`: for descendants that were given to another parent. `text` should
/// be something no other test uses.
pub fn with_command_line(text: &str) -> io::Result<Vec<Process>> {
    let contains = |process: &Process| {
        fs::read(format!("/proc/{}/cmdline", process.pid))
            .is_ok_and(|line| String::from_utf8_lossy(&line).replace('\0', " ").contains(text))
    };
    Ok(all()?.into_iter().filter(contains).collect())
}

fn all() -> io::Result<Vec<Process>> {
    let entries = fs::read_dir("/proc")?;
    let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    Ok(pids.filter_map(process).collect())
}

/// `None` when it has ended meanwhile.
fn process(pid: u32) -> Option<Process> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name stands in parentheses and may itself contain some.
    let (open, close) = (stat.find('(')?, stat.rfind(')')?);
    let mut rest = stat.get(close + 1..)?.split_whitespace();
    let (state, parent) = (rest.next()?.chars().next()?, rest.next()?.parse().ok()?);
    Some(Process { pid, parent, state, name: stat.get(open + 1..close)?.to_owned() })
}

#[cfg(test)]
mod tests {
    use std::process::{Command, id};

    use super::*;

    #[test]
    fn a_child_is_seen_until_it_is_waited_for() {
        let mut child = Command::new("sleep").arg("600.0471").spawn().unwrap();
        let pid = child.id();
        assert!(is_running(pid));
        assert!(descendants(id()).unwrap().iter().any(|process| process.pid == pid && process.parent == id()));
        // Its command line is its own only once it has begun.
        while !with_command_line("600.0471").unwrap().iter().any(|process| process.pid == pid) {
            assert!(is_running(pid));
            std::thread::yield_now();
        }
        assert!(rss_bytes(pid).unwrap() > 0);
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!is_running(pid));
        assert!(rss_bytes(pid).is_err());
    }
}
