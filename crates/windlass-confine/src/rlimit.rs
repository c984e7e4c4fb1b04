//! Limits of each process.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Limits the calling process and what it starts. Limits only ever go down: raising a hard one takes a privilege that root
/// in a container does not have.
pub fn lower(resource: Resource, limit: u64) -> rustix::io::Result<()> {
    let hard = getrlimit(resource).maximum.map_or(limit, |hard| hard.min(limit));
    setrlimit(resource, Rlimit { current: Some(hard), maximum: Some(hard) })
}
