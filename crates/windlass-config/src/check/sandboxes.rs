use super::{Checker, access};
use crate::{node::Path, settings::SandboxesSettings};

/// What a default asks for must be something that may be asked for.
pub(super) fn check(checker: &mut Checker, sandboxes: Option<&SandboxesSettings>) {
    let Some(sandboxes) = sandboxes else { return };
    let path = |key: &str| Path::dotted("sandbox").key(key);
    let pairs = [
        ("memory", "max_memory", sandboxes.memory > sandboxes.max_memory),
        ("vcpus", "max_vcpus", sandboxes.vcpus > sandboxes.max_vcpus),
        ("disk", "max_disk", sandboxes.disk > sandboxes.max_disk),
        ("ttl", "max_ttl", sandboxes.ttl > sandboxes.max_ttl),
        ("timeout", "max_timeout", sandboxes.timeout > sandboxes.max_timeout),
    ];
    for (key, most, _) in pairs.into_iter().filter(|(.., over)| *over) {
        checker.refuse(&path(key), format!("is more than `{most}`"), format!("raise `{most}` or lower `{key}`"));
    }
    if sandboxes.vcpus == 0 {
        checker.refuse(&path("vcpus"), "nothing runs without a processor", "write 1 or more");
    }
    // Smaller, and the programs themselves do not fit.
    if sandboxes.memory.0 < 32 << 20 {
        checker.refuse(&path("memory"), "is too little for an interpreter", "write 32MiB or more");
    }
    if sandboxes.disk.0 < 1 << 20 {
        checker.refuse(&path("disk"), "is too little for a home directory", "write 1MiB or more");
    }
    access::reachable(checker, &path("egress").key("allow"), &sandboxes.egress.allow);
    access::private(checker, &path("egress").key("allowed_private"), &sandboxes.egress.allowed_private);
    let pool = &sandboxes.pool;
    if pool.enabled && pool.min > pool.max {
        checker.refuse(&path("pool").key("min"), "is more than `max`", "raise `max` or lower `min`");
    }
    if pool.enabled && pool.boots == 0 {
        checker.refuse(&path("pool").key("boots"), "no sandbox could ever be made", "write 1 or more");
    }
    if let Some(root) = sandboxes.root.as_ref().map(|root| checker.base.join(root))
        && !root.join("usr").is_dir()
    {
        let message = format!("{} is no root file system: it has no directory `usr`", root.display());
        checker.refuse(&path("root"), message, "unpack one there, or leave `root` out to use this machine's /usr");
    }
}
