//! The last limits, put on the first process of a sandbox by itself, and so on everything it starts.

use std::path::Path;

use landlock::{
    ABI, Access, AccessFs, CompatLevel, Compatible, Ruleset, RulesetAttr, RulesetCreatedAttr, Scope, path_beneath_rules,
};
use rustix::process::{DumpableBehavior, Resource, set_dumpable_behavior};
use serde::{Deserialize, Serialize};
use windlass_confine::{Filters, lower};

/// The newest set of rights known to the library; the kernel enforces those it knows.
const RIGHTS: ABI = ABI::V9;

/// Where code may write.
pub const WRITABLE: [&str; 5] = ["/home", "/tmp", "/var/tmp", "/run/user", "/dev"];

/// What it is told.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inside {
    /// Bytes of memory of each process, where no group counts them together.
    pub memory: Option<u64>,
    /// Processes and threads.
    pub processes: u64,
    /// Bytes of a file.
    pub file_size: u64,
}

pub(super) fn confine(told: &str) -> Result<(), String> {
    let told: Inside = serde_json::from_str(told).map_err(|error| format!("the guest was told nonsense: {error}"))?;
    let mut limits = vec![
        (Resource::Core, 0),
        (Resource::Fsize, told.file_size),
        (Resource::Nofile, 4096),
        // Counted for the sandbox's own user.
        (Resource::Nproc, told.processes),
    ];
    limits.extend(told.memory.map(|memory| (Resource::Data, memory)));
    for (resource, limit) in limits {
        lower(resource, limit).map_err(|error| format!("cannot limit {resource:?}: {error}"))?;
    }
    // Code runs as the guest's own user, and must not look into it.
    set_dumpable_behavior(DumpableBehavior::NotDumpable).map_err(|error| format!("cannot hide the guest: {error}"))?;
    landlock().map_err(|error| format!("Landlock: {error}"))?;
    let filters = Filters::compile(true, &[])?;
    filters.apply().map_err(|error| format!("the system call filter was refused: {error}"))?;
    Ok(())
}

fn landlock() -> Result<(), landlock::RulesetError> {
    let all = AccessFs::from_all(RIGHTS);
    let run = AccessFs::ReadFile | AccessFs::ReadDir | AccessFs::Execute;
    let write = all & !(AccessFs::MakeChar | AccessFs::MakeBlock);
    Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(all)?
        .scope(Scope::from_all(RIGHTS))?
        .create()?
        .add_rules(path_beneath_rules([Path::new("/")], run))?
        .add_rules(path_beneath_rules(WRITABLE, write))?
        .restrict_self()
        .map(drop)
}
