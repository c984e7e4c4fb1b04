//! Whose processes the sandboxes are.

use std::sync::atomic::{AtomicU32, Ordering};

/// A user that exists nowhere else, for every sandbox its own, where the server may choose: then two sandboxes are
/// strangers to each other and to the server for every part of the kernel, whatever its namespaces say. A server that is
/// not root has only itself to give.
pub(super) fn next() -> Option<u32> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    if !rustix::process::getuid().is_root() {
        return None;
    }
    let (first, count) = range(&std::fs::read_to_string("/proc/self/uid_map").unwrap_or_default());
    // Two servers on one machine begin in different places.
    let start = std::process::id().wrapping_mul(4099);
    Some(first + start.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) % count)
}

/// Numbers that no user of an ordinary system has, within what is mapped here.
fn range(map: &str) -> (u32, u32) {
    const FAR: u32 = 0x7000_0000;
    let mut fields = map.split_ascii_whitespace().map(|field| field.parse::<u64>().unwrap_or_default());
    match (fields.next(), fields.next(), fields.next()) {
        (Some(0), _, Some(mapped)) if mapped < u64::from(FAR) + (1 << 24) => {
            let half = u32::try_from(mapped / 2).unwrap_or(FAR).max(1);
            (half, half)
        }
        _ => (FAR, 1 << 24),
    }
}

#[cfg(test)]
mod tests {
    use super::range;

    #[test]
    fn only_users_that_are_mapped() {
        assert_eq!(range("         0          0 4294967295\n"), (0x7000_0000, 1 << 24));
        assert_eq!(range("0 100000 65536\n"), (32768, 32768));
        assert_eq!(range("0 1000 1\n"), (1, 1));
        assert_eq!(range(""), (0x7000_0000, 1 << 24));
    }
}
