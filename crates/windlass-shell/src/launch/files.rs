//! File rules of the kernel: what lies outside the roots cannot be reached, whatever a rule let pass.

use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access, AccessFs, BitFlags, CompatLevel, Compatible, PathBeneath, PathFd, Ruleset, RulesetAttr,
    RulesetCreated, RulesetCreatedAttr, RulesetError, Scope, path_beneath_rules,
};

use super::{Confinement, Job};

/// The newest set of rights known to the library; the kernel enforces those it knows.
const RIGHTS: ABI = ABI::V9;

/// Programs and libraries of the system.
const SYSTEM: &[&str] =
    &["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/nix/store", "/gnu/store", "/etc/alternatives"];

/// What ordinary programs read at their start and nobody minds. Not all of /etc: shadow, keys and secrets live there.
const READABLE: &[&str] = &[
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/ld.so.preload",
    "/etc/passwd",
    "/etc/group",
    "/etc/nsswitch.conf",
    "/etc/hosts",
    "/etc/host.conf",
    "/etc/hostname",
    "/etc/resolv.conf",
    "/etc/gai.conf",
    "/etc/services",
    "/etc/protocols",
    "/etc/networks",
    "/etc/localtime",
    "/etc/timezone",
    "/etc/locale.alias",
    "/etc/locale.conf",
    "/etc/os-release",
    "/etc/lsb-release",
    "/etc/debian_version",
    "/etc/machine-id",
    "/etc/terminfo",
    "/etc/inputrc",
    "/etc/magic",
    "/etc/mime.types",
    "/etc/gitconfig",
    "/etc/ssl/certs",
    "/etc/ssl/cert.pem",
    "/etc/ssl/openssl.cnf",
    "/etc/ca-certificates",
    "/etc/ca-certificates.conf",
    "/etc/pki/tls/certs",
    "/etc/pki/ca-trust/extracted",
    "/dev/zero",
    "/dev/full",
    "/dev/random",
    "/dev/urandom",
    // Secrets of other processes in /proc stay closed: Landlock refuses whatever ptrace would be asked for.
    "/proc",
    "/sys/devices/system/cpu",
    "/sys/fs/cgroup",
    "/sys/kernel/mm/transparent_hugepage",
];

/// The rules of one job, ready to be put on its commands.
pub(super) fn rules(job: &Job) -> Result<RulesetCreated, RulesetError> {
    let Confinement { read, write, execute, sealed, network, .. } = &job.confinement;
    let all = AccessFs::from_all(RIGHTS);
    let look = AccessFs::ReadFile | AccessFs::ReadDir;
    let run = look | AccessFs::Execute;
    let programs = job.plan.steps.iter().flat_map(|step| &step.pipeline).map(|command| &command.program);
    let granted: [(BitFlags<AccessFs>, Vec<&Path>); 6] = [
        (if *sealed { look } else { run }, SYSTEM.iter().map(Path::new).collect()),
        (look, READABLE.iter().map(Path::new).collect()),
        (run, programs.chain(execute).map(PathBuf::as_path).collect()),
        (look, read.iter().map(PathBuf::as_path).collect()),
        // Devices and sockets are not made by commands.
        (
            (all & !(AccessFs::Execute | AccessFs::MakeChar | AccessFs::MakeBlock)),
            write.iter().map(PathBuf::as_path).collect(),
        ),
        (look | AccessFs::WriteFile | AccessFs::Truncate, vec![Path::new("/dev/null")]),
    ];
    let mut rules = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(all)?
        .scope(Scope::from_all(RIGHTS))?
        .create()?;
    for (rights, paths) in granted {
        // Paths that do not exist on this machine are left out.
        rules = rules.add_rules(path_beneath_rules(paths, rights))?;
    }
    // From Linux 7.1 on this also guards the sockets of other programs, which are part of the network.
    if *network && let Ok(root) = PathFd::new("/") {
        rules = rules.add_rule(PathBeneath::new(root, AccessFs::ResolveUnix))?;
    }
    Ok(rules)
}
