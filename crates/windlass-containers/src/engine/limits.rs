use rustix::process::{Resource, getrlimit};

/// Resource limits for containers: what this process may have itself. Nobody can give more than that without
/// `CAP_SYS_RESOURCE`, and the defaults of runtimes (a million open files) fail where the machine allows less.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Limits {
    /// Open files of one process.
    pub open_files: Option<u64>,
    /// Processes and threads of one user.
    pub processes: Option<u64>,
}

impl Limits {
    /// The hard limits of this process, and no more than the kernel can count.
    pub fn of_this_process() -> Self {
        let hard = |resource| getrlimit(resource).maximum;
        Self {
            open_files: lower(hard(Resource::Nofile), kernel("fs/nr_open")),
            // podman sets its own limit to `pid_max` before it starts anything, and hands that on.
            processes: lower(hard(Resource::Nproc), kernel("kernel/pid_max")),
        }
    }

    /// As arguments. Soft equals hard: engines' programming interfaces refuse an unlimited one over a limited one.
    pub(super) fn arguments(self) -> impl Iterator<Item = String> {
        let named = [("nofile", self.open_files), ("nproc", self.processes)];
        named.into_iter().filter_map(|(name, limit)| Some(format!("--ulimit={name}={0}:{0}", limit?)))
    }
}

fn lower(one: Option<u64>, other: Option<u64>) -> Option<u64> {
    one.into_iter().chain(other).min()
}

/// `None` where there is no such file: another system, or a hidden `/proc`.
fn kernel(name: &str) -> Option<u64> {
    std::fs::read_to_string(format!("/proc/sys/{name}")).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lower_of_two_limits_counts_and_none_is_no_flag() {
        assert_eq!(lower(Some(20_000), Some(1 << 20)), Some(20_000));
        assert_eq!(lower(None, Some(32_768)), Some(32_768));
        let limits = Limits { open_files: Some(20_000), processes: None };
        assert_eq!(limits.arguments().collect::<Vec<_>>(), ["--ulimit=nofile=20000:20000"]);
    }

    #[test]
    fn no_container_gets_more_than_this_process_has() {
        let limits = Limits::of_this_process();
        if let (Some(given), Some(own)) = (limits.open_files, getrlimit(Resource::Nofile).maximum) {
            assert!(given <= own);
        }
    }
}
