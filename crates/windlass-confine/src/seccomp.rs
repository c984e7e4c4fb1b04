//! The system call filter: what no confined program has business with, refused with EPERM.
//!
//! A list of what is denied and not of what is allowed: the programs are ordinary ones, and the list is of what would let
//! them out (new namespaces, tracing, kernel interfaces with a history) or let them end the server.

use std::collections::BTreeMap;

use nix::libc;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen::Dword, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    TargetArch,
};

/// The compiled filters, to be applied in order.
pub struct Filters(Vec<BpfProgram>);

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// The calls of x32 have this in their number. Elsewhere there is no such number.
const X32: i64 = 0x4000_0000;

/// Denied whatever the arguments.
const DENIED: &[i64] = &[
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_pidfd_getfd,
    libc::SYS_kcmp,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_mount_setattr,
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_kexec_load,
    libc::SYS_bpf,
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_reboot,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_open_by_handle_at,
    libc::SYS_name_to_handle_at,
    libc::SYS_personality,
    libc::SYS_acct,
    libc::SYS_quotactl,
    libc::SYS_syslog,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_clock_adjtime,
    libc::SYS_adjtimex,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_move_pages,
    libc::SYS_migrate_pages,
    libc::SYS_vhangup,
    libc::SYS_fanotify_init,
    // Counted for the whole machine, so one process could take them from all others.
    libc::SYS_io_setup,
    // open_tree_attr, which the library does not know yet.
    467,
];

/// Those that one architecture has and the other has not.
#[cfg(target_arch = "x86_64")]
const DENIED_HERE: &[i64] = &[
    libc::SYS_kexec_file_load,
    libc::SYS_iopl,
    libc::SYS_ioperm,
    libc::SYS_modify_ldt,
    libc::SYS_uselib,
    libc::SYS_ustat,
];
#[cfg(not(target_arch = "x86_64"))]
const DENIED_HERE: &[i64] = &[];

/// `clone` flags that make namespaces.
const NAMESPACES: [libc::c_int; 7] = [
    libc::CLONE_NEWNS,
    libc::CLONE_NEWCGROUP,
    libc::CLONE_NEWUTS,
    libc::CLONE_NEWIPC,
    libc::CLONE_NEWUSER,
    libc::CLONE_NEWPID,
    libc::CLONE_NEWNET,
];

/// ioctls that type into a terminal.
const TYPING: [u32; 2] = [0x5412, 0x541C];

impl Filters {
    /// Compiles them. `network` is whether sockets may be made; `protected` are the processes that may not be signalled:
    /// the server, a supervisor.
    pub fn compile(network: bool, protected: &[i32]) -> Result<Self, String> {
        let architecture: TargetArch = std::env::consts::ARCH
            .try_into()
            .map_err(|_| format!("there is no filter for {}", std::env::consts::ARCH))?;
        let denied = rules(network, protected).map_err(|error| error.to_string())?;
        // The flags of clone3 lie in memory, out of a filter's sight. With "no such call" C libraries use clone.
        let absent = BTreeMap::from([(libc::SYS_clone3, Vec::new()), (libc::SYS_clone3 | X32, Vec::new())]);
        [(denied, libc::EPERM), (absent, libc::ENOSYS)]
            .into_iter()
            .map(|(rules, errno)| {
                let action = SeccompAction::Errno(errno as u32);
                SeccompFilter::new(rules, SeccompAction::Allow, action, architecture)
                    .and_then(BpfProgram::try_from)
                    .map_err(|error| error.to_string())
            })
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Puts them on the calling thread and everything it starts, for ever.
    pub fn apply(&self) -> Result<(), seccompiler::Error> {
        self.0.iter().try_for_each(|filter| seccompiler::apply_filter(filter))
    }
}

fn rules(network: bool, protected: &[i32]) -> Result<Rules, seccompiler::BackendError> {
    let mut rules: Rules = DENIED.iter().chain(DENIED_HERE).map(|call| (*call, Vec::new())).collect();
    let argument = |index, operator, value: u32| {
        SeccompCondition::new(index, Dword, operator, u64::from(value)).and_then(|one| SeccompRule::new(vec![one]))
    };
    for flag in NAMESPACES {
        let flag = flag as u32;
        let rule = argument(0, SeccompCmpOp::MaskedEq(u64::from(flag)), flag)?;
        rules.entry(libc::SYS_clone).or_default().push(rule);
    }
    for request in TYPING {
        rules.entry(libc::SYS_ioctl).or_default().push(argument(1, SeccompCmpOp::Eq, request)?);
    }
    if network {
        // What is left reaches other machines past every namespace (vsock), or the kernel by ways of its own (ALG).
        let families = [libc::AF_UNIX, libc::AF_INET, libc::AF_INET6, libc::AF_NETLINK];
        let strange = families.map(|family| SeccompCondition::new(0, Dword, SeccompCmpOp::Ne, family as u64));
        let strange = SeccompRule::new(strange.into_iter().collect::<Result<_, _>>()?)?;
        for call in [libc::SYS_socket, libc::SYS_socketpair] {
            rules.insert(call, vec![strange.clone()]);
        }
    } else {
        // Unix sockets too: a container engine's is as good as root. Pairs of a process's own (socketpair) stay.
        rules.insert(libc::SYS_socket, Vec::new());
    }
    let aimed_at_pid = [
        libc::SYS_kill,
        libc::SYS_tkill,
        libc::SYS_tgkill,
        libc::SYS_rt_sigqueueinfo,
        libc::SYS_rt_tgsigqueueinfo,
        libc::SYS_pidfd_open,
        libc::SYS_prlimit64,
    ];
    for pid in protected {
        for call in aimed_at_pid {
            rules.entry(call).or_default().push(argument(0, SeccompCmpOp::Eq, *pid as u32)?);
        }
        // The process's group too.
        rules.entry(libc::SYS_kill).or_default().push(argument(0, SeccompCmpOp::Eq, (-*pid) as u32)?);
    }
    // "Everybody", which is the server as well.
    rules.entry(libc::SYS_kill).or_default().push(argument(0, SeccompCmpOp::Eq, u32::MAX)?);
    #[cfg(target_arch = "x86_64")]
    add_x32(&mut rules);
    Ok(rules)
}

/// The x32 calls reach the same kernel functions by other numbers: without this they would be a way around.
#[cfg(target_arch = "x86_64")]
fn add_x32(rules: &mut Rules) {
    let same_number: Vec<_> = rules.iter().map(|(call, rule)| (call | X32, rule.clone())).collect();
    let own_number = [
        (514, libc::SYS_ioctl),
        (521, libc::SYS_ptrace),
        (524, libc::SYS_rt_sigqueueinfo),
        (528, libc::SYS_kexec_load),
        (533, libc::SYS_move_pages),
        (536, libc::SYS_rt_tgsigqueueinfo),
        (539, libc::SYS_process_vm_readv),
        (540, libc::SYS_process_vm_writev),
        (543, libc::SYS_io_setup),
    ];
    for (number, call) in own_number {
        if let Some(rule) = rules.get(&call).cloned() {
            rules.insert(number | X32, rule);
        }
    }
    rules.extend(same_number);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_networks_compile_and_fit_the_kernels_limit() {
        for network in [true, false] {
            let filters = Filters::compile(network, &[1, 2]).unwrap();
            assert!(filters.0.iter().all(|filter| filter.len() < 4096));
        }
    }
}
