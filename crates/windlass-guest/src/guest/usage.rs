//! How much of the machine is in use.

use std::fs;

use crate::protocol::{Done, Name, Outcome, Usage};

pub(super) fn measure(path: &Name) -> Done {
    let disk = rustix::fs::statvfs(path.as_path())?;
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let uptime = fs::read_to_string("/proc/uptime").unwrap_or_default();
    Ok(Outcome::Usage(Usage {
        memory_total_bytes: kib(&memory, "MemTotal:") * 1024,
        memory_available_bytes: kib(&memory, "MemAvailable:") * 1024,
        disk_total_bytes: disk.f_blocks * disk.f_frsize,
        disk_free_bytes: disk.f_bavail * disk.f_frsize,
        files_free: disk.f_favail,
        load: first(&load),
        processes: processes(),
        uptime_ms: (first(&uptime) * 1000.0) as u64,
    }))
}

fn kib(text: &str, name: &str) -> u64 {
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|line| line.split_ascii_whitespace().next()?.parse().ok()).unwrap_or_default()
}

fn first(text: &str) -> f64 {
    text.split_ascii_whitespace().next().and_then(|number| number.parse().ok()).unwrap_or_default()
}

fn processes() -> u32 {
    let Ok(entries) = fs::read_dir("/proc") else { return 0 };
    let numbers = entries.flatten().filter(|entry| entry.file_name().as_encoded_bytes().iter().all(u8::is_ascii_digit));
    u32::try_from(numbers.count()).unwrap_or(u32::MAX)
}
