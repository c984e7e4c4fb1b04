//! Finding and killing every process of a tree.

use std::{collections::HashMap, fs, time::Duration};

use rustix::process::{Pid, Signal, kill_process};
use tokio::time::Instant;

/// What `/proc/PID/stat` says of one process.
#[derive(Debug, PartialEq, Eq)]
struct Process {
    pid: i32,
    parent: i32,
    /// Dead, and only waiting to be reaped.
    dead: bool,
}

/// The children of a process.
pub(super) fn children(parent: i32) -> Vec<i32> {
    processes().into_iter().filter(|process| process.parent == parent).map(|process| process.pid).collect()
}

/// Kills everything below `root`, not `root` itself, and says how many lived.
///
/// What is killed can fork no more, but what is not seen yet can: callers repeat this until nothing lives.
pub(super) fn kill_below(root: i32) -> usize {
    kill_children(root, |_| false)
}

/// Kills the children of `root` and everything below them, but for the children that are spared.
pub(super) fn kill_children(root: i32, spared: impl Fn(i32) -> bool) -> usize {
    let mut by_parent: HashMap<i32, Vec<Process>> = HashMap::new();
    for process in processes() {
        by_parent.entry(process.parent).or_default().push(process);
    }
    let mut family: Vec<Process> = by_parent.remove(&root).unwrap_or_default();
    family.retain(|process| !spared(process.pid));
    let mut lived = 0;
    while let Some(process) = family.pop() {
        if let Some(pid) = Pid::from_raw(process.pid) {
            // It may be gone by itself.
            let _ = kill_process(pid, Signal::KILL);
        }
        lived += usize::from(!process.dead);
        family.extend(by_parent.remove(&process.pid).unwrap_or_default());
    }
    lived
}

/// Repeats `round` until it finds nothing; gives up after `patience`, for a process can hang in the kernel. Says whether
/// anything was found at all.
pub(super) async fn until_none(round: impl Fn() -> usize, patience: Duration) -> bool {
    let start = Instant::now();
    let mut pause = Duration::from_micros(500);
    let mut found = false;
    while round() > 0 && start.elapsed() < patience {
        found = true;
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_millis(20));
    }
    found
}

fn processes() -> Vec<Process> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    entries.flatten().filter_map(|entry| read(entry.file_name().to_str()?.parse().ok()?)).collect()
}

fn read(pid: i32) -> Option<Process> {
    let stat = fs::read(format!("/proc/{pid}/stat")).ok()?;
    parse(pid, &String::from_utf8_lossy(&stat))
}

/// The name of the program stands in parentheses and may hold anything, parentheses and spaces too.
fn parse(pid: i32, stat: &str) -> Option<Process> {
    let mut fields = stat.get(stat.rfind(')')? + 1..)?.split_ascii_whitespace();
    let state = fields.next()?;
    let parent = fields.next()?.parse().ok()?;
    // The first thread of a process may have ended while others go on.
    let threads: u32 = fields.nth(15)?.parse().ok()?;
    let dead = matches!(state, "Z" | "X") && threads <= 1;
    Some(Process { pid, parent, dead })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hostile_name_does_not_hide_a_process() {
        let stat = "7 (a) S 1 (b) Z) R 42 7 7 0 -1 4194304 1 0 0 0 0 0 0 0 20 0 3 0 100 0 0";
        assert_eq!(parse(7, stat), Some(Process { pid: 7, parent: 42, dead: false }));
        let dead = "7 (x) Z 42 7 7 0 -1 4194304 1 0 0 0 0 0 0 0 20 0 1 0 100 0 0";
        assert!(parse(7, dead).unwrap().dead);
        let busy = "7 (x) Z 42 7 7 0 -1 4194304 1 0 0 0 0 0 0 0 20 0 2 0 100 0 0";
        assert!(!parse(7, busy).unwrap().dead, "other threads go on");
    }
}
