//! Whose processes the sandboxes are.

use std::sync::atomic::{AtomicU32, Ordering};

/// A user that exists nowhere else, for every sandbox its own, where the server may choose: then two sandboxes are
/// strangers to each other and to the server for every part of the kernel, whatever its namespaces say. A server that is
/// not root has only itself to give.
pub(crate) fn next() -> Option<u32> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    if !rustix::process::getuid().is_root() {
        return None;
    }
    let (first, count) = range(&std::fs::read_to_string("/proc/self/uid_map").unwrap_or_default());
    // Two servers on one machine begin in different places.
    let start = std::process::id().wrapping_mul(4099);
    Some(first + start.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) % count)
}

/// Numbers that no user of an ordinary system has, within the largest range that is mapped here.
fn range(map: &str) -> (u32, u32) {
    const FAR: u32 = 0x7000_0000;
    const MANY: u32 = 1 << 24;
    let ranges = map.lines().filter_map(|line| {
        let mut fields = line.split_ascii_whitespace().map(|field| field.parse::<u32>());
        match (fields.next()?, fields.next()?, fields.next()?) {
            (Ok(first), Ok(_), Ok(count)) => Some((first, count)),
            _ => None,
        }
    });
    match ranges.max_by_key(|(_, count)| *count) {
        Some((first, count)) if first.saturating_add(count) < FAR + MANY => {
            // 65534 and 65535 are nobody, and no one.
            let end = first.saturating_add(count).min(65_534.max(first + 1));
            let middle = first + (end - first) / 2;
            (middle, (end - middle).max(1))
        }
        _ => (FAR, MANY),
    }
}

#[cfg(test)]
mod tests {
    use super::range;

    #[test]
    fn only_users_that_are_mapped() {
        assert_eq!(range("         0          0 4294967295\n"), (0x7000_0000, 1 << 24));
        assert_eq!(range("0 100000 65536\n"), (32767, 32767));
        assert_eq!(range("0 1000 1\n1 100000 65536\n"), (32767, 32767));
        assert_eq!(range("0 1000 1\n"), (0, 1));
        assert_eq!(range(""), (0x7000_0000, 1 << 24));
    }
}
