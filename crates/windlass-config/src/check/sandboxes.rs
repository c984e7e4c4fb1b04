use super::{Checker, access};
use crate::{ObjectUrl, Sha256Sum, node::Path, settings::SandboxesSettings};

/// Where to get the sum.
const SUM: &str = "set `sandbox.rootfs_sha256` (or PETTY_ROOTFS_SHA256) to what `sha256sum FILE` printed where the file was \
                   made; `windlass sandbox image show` prints it for an image of its own, and `windlass sandbox image pull \
                   URL` the one that S3 verified, where it did";

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
    rootfs(checker, sandboxes);
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

/// What runs in sandboxes is not taken on trust.
fn rootfs(checker: &mut Checker, sandboxes: &SandboxesSettings) {
    let (url, sum) = (Path::dotted("sandbox.rootfs_url"), Path::dotted("sandbox.rootfs_sha256"));
    if let Some(Err(error)) = sandboxes.rootfs_url.as_ref().map(|url| url.parse::<ObjectUrl>()) {
        checker.refuse(&url, error.to_string(), error.hint);
    }
    if let Some(Err(error)) = sandboxes.rootfs_sha256.as_ref().map(|sum| sum.parse::<Sha256Sum>()) {
        checker.refuse(&sum, error.to_string(), error.hint);
    }
    match (&sandboxes.rootfs_url, &sandboxes.rootfs_sha256) {
        (Some(_), None) => checker.refuse(&url, "nothing says what the file from there has to be", SUM),
        (None, Some(_)) => checker.notice(&sum, "not used, because no `sandbox.rootfs_url` is set"),
        _ => {}
    }
}
