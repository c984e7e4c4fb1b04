//! What of this machine is in use by sandboxes.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use crate::place::{PATIENCE, prefix};

/// What of this machine is in use: children of this process, control groups, descriptors, mounts, and the files of machines.
#[derive(Debug, PartialEq, Eq)]
pub struct Used {
    children: usize,
    groups: usize,
    descriptors: usize,
    mounts: usize,
    pub files: Vec<PathBuf>,
}

pub fn used(directory: &Path) -> Used {
    let children = fs::read_dir("/proc/self/task")
        .unwrap()
        .flatten()
        .map(|task| fs::read_to_string(task.path().join("children")).unwrap_or_default().split_whitespace().count());
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
    let groups = groups().len();
    let mut files = Vec::new();
    let mut folders = vec![directory.join("sandboxes")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            files.push(entry.path());
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                folders.push(entry.path());
            }
        }
    }
    files.sort();
    let descriptors = fs::read_dir("/proc/self/fd").unwrap().count();
    Used { children: children.sum(), groups, descriptors, mounts: mounts.lines().count(), files }
}

/// The control groups of all sandboxes of this process.
fn groups() -> Vec<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
    let is_group = |line: &&str| line.split(' ').nth(2).is_some_and(|kind| kind.starts_with("cgroup"));
    let places = mounts.lines().filter(is_group).filter_map(|line| line.split(' ').nth(1));
    let own = format!("windlass-sandbox-{}-", prefix());
    let entries = places.flat_map(|place| fs::read_dir(place).into_iter().flatten().flatten());
    entries
        .map(|entry| entry.path())
        .filter(|path| path.file_name().unwrap().to_string_lossy().starts_with(&own))
        .collect()
}

/// How many of them let everybody else go first. `None` where none could.
pub fn giving_way() -> Option<usize> {
    let told = groups().into_iter().filter_map(|group| fs::read_to_string(group.join("cpu.idle")).ok());
    let told: Vec<_> = told.collect();
    (!told.is_empty()).then(|| told.iter().filter(|idle| idle.trim() == "1").count())
}

/// Waits until no more is in use than before.
pub async fn settled(directory: &Path, before: &Used) {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        let after = used(directory);
        let same = after.files == before.files && after.mounts == before.mounts;
        let numbers = |used: &Used| [used.children, used.groups, used.descriptors];
        if same && numbers(&after).iter().zip(numbers(before)).all(|(after, before)| *after <= before) {
            return;
        }
        assert!(tokio::time::Instant::now() < deadline, "{before:#?} became {after:#?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
