//! Finding and signalling every process of a run.

use std::fs;

use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open, pidfd_send_signal};

/// What `/proc/PID/stat` says of one process.
struct Process {
    pid: i32,
    parent: i32,
    session: i32,
}

/// Signals every descendant of `root` and says how many there were.
///
/// A process can fork while we look: callers repeat this until nothing is left.
pub(crate) fn signal_descendants(root: i32, signal: Signal) -> usize {
    let found = descendants(root, &processes());
    for process in &found {
        send(process, signal);
    }
    found.len()
}

/// Kills every process of the session `session`: what can still be found of a run whose supervisor is gone.
pub(crate) fn kill_session(session: i32) -> usize {
    let found: Vec<_> = processes().into_iter().filter(|process| process.session == session).collect();
    for process in &found {
        send(process, Signal::KILL);
    }
    found.len()
}

/// How many processes and threads the current user has.
pub(super) fn tasks_of_this_user() -> u64 {
    use std::os::unix::fs::MetadataExt;
    let uid = rustix::process::getuid().as_raw();
    let Ok(entries) = fs::read_dir("/proc") else { return 0 };
    entries
        .flatten()
        .filter(|entry| entry.file_name().to_str().is_some_and(|name| name.bytes().all(|b| b.is_ascii_digit())))
        .filter(|entry| entry.metadata().is_ok_and(|metadata| metadata.uid() == uid))
        .map(|entry| fs::read_dir(entry.path().join("task")).map_or(1, |tasks| tasks.count() as u64))
        .sum()
}

fn descendants(root: i32, all: &[Process]) -> Vec<Process> {
    let mut family = vec![root];
    let mut next = 0;
    while let Some(&parent) = family.get(next) {
        family.extend(all.iter().filter(|process| process.parent == parent).map(|process| process.pid));
        next += 1;
    }
    let member = |process: &&Process| process.pid != root && family.contains(&process.pid);
    all.iter().filter(member).map(|process| Process { ..*process }).collect()
}

fn processes() -> Vec<Process> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    entries.flatten().filter_map(|entry| read(entry.file_name().to_str()?.parse().ok()?)).collect()
}

fn read(pid: i32) -> Option<Process> {
    parse(pid, &fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

fn parse(pid: i32, stat: &str) -> Option<Process> {
    // `PID (name) STATE PPID PGRP SESSION ...`, and the name may itself hold spaces and parentheses.
    let mut fields = stat[stat.rfind(')')? + 1..].split_ascii_whitespace();
    let (_state, parent, _group, session) = (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
    Some(Process { pid, parent: parent.parse().ok()?, session: session.parse().ok()? })
}

/// A number may be given to a stranger between the look and the signal. So the process is pinned first, then looked at
/// once more, then signalled.
fn send(process: &Process, signal: Signal) {
    let Some(pid) = Pid::from_raw(process.pid) else { return };
    match pidfd_open(pid, PidfdFlags::empty()) {
        Ok(pinned) => {
            if read(process.pid).is_some_and(|now| now.session == process.session || now.parent == process.parent) {
                // Gone already is as good.
                let _ = pidfd_send_signal(pinned, signal);
            }
        }
        Err(rustix::io::Errno::SRCH) => {}
        // Before Linux 5.3, or a sandbox that does not have the call.
        Err(_) => {
            let _ = kill_process(pid, signal);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_do_not_confuse_the_reader() {
        let process = parse(7, "7 (a) R 1 (evil) S 42 7 9 0 -1 0").unwrap();
        assert_eq!((process.parent, process.session), (42, 9));
        assert!(parse(7, "").is_none());
    }

    #[test]
    fn descendants_of_descendants() {
        let all: Vec<_> =
            [(2, 1), (3, 2), (4, 3), (5, 1), (6, 4)].map(|(pid, parent)| Process { pid, parent, session: 0 }).into();
        let found: Vec<_> = descendants(2, &all).iter().map(|process| process.pid).collect();
        assert_eq!(found, [3, 4, 6]);
    }
}
