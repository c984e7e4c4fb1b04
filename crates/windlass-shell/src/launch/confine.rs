//! Everything that is put on a command between `fork` and `exec`.

use std::{fs, io, sync::Arc};

use landlock::{RulesetCreated, RulesetStatus};
use nix::sys::signal::SigSet;
use rustix::{
    io::Errno,
    process::{Pid, Resource, Signal, getppid, set_parent_process_death_signal, umask},
    thread::{CapabilitySet, clear_ambient_capability_set, remove_capability_from_bounding_set, set_no_new_privs},
};

use windlass_confine::{Cgroups, Filters, GroupLimits, lower};

use super::{Insist, Job, Limits, files, os, tree};

/// What a command of root keeps. The rest (tracing, mounting, raw devices, the network's configuration, ...) is no
/// business of commands, and without it the kernel does not let them look into the server either.
pub(super) const KEPT: CapabilitySet = CapabilitySet::CHOWN
    .union(CapabilitySet::DAC_OVERRIDE)
    .union(CapabilitySet::FOWNER)
    .union(CapabilitySet::FSETID)
    .union(CapabilitySet::SETUID)
    .union(CapabilitySet::SETGID)
    .union(CapabilitySet::NET_BIND_SERVICE);

/// What `spawn` answers when a protection could not be put on; no `exec` answers that.
pub(super) const UNPROTECTED: Errno = Errno::NOTRECOVERABLE;

/// The protections of a job, made ready once and put on each of its commands.
pub(super) struct Protection {
    supervisor: Pid,
    pub(super) cgroups: Cgroups,
    rlimits: Vec<(Resource, u64)>,
    landlock: Option<RulesetCreated>,
    landlock_required: bool,
    seccomp: Option<(Arc<Filters>, Insist)>,
}

impl Protection {
    /// Makes them ready; an error is what to tell about a protection that is insisted on and cannot be had.
    pub(super) fn prepare(job: &Job, supervisor: Pid) -> Result<Self, String> {
        let wanted = &job.confinement;
        let landlock = match wanted.landlock {
            Insist::Off => None,
            _ => Some(files::rules(job).map_err(|error| format!("Landlock rules: {error}"))?),
        };
        let number = supervisor.as_raw_nonzero().get();
        let group = Pid::from_raw(job.server).and_then(|server| rustix::process::getpgid(Some(server)).ok());
        let mut protected = vec![job.server, number];
        protected.extend(group.map(|group| group.as_raw_nonzero().get()));
        protected.sort_unstable();
        protected.dedup();
        let seccomp = match wanted.seccomp {
            Insist::Off => None,
            insist => match Filters::compile(wanted.network, &protected) {
                Ok(filters) => Some((Arc::new(filters), insist)),
                Err(error) if insist == Insist::Required => return Err(format!("seccomp: {error}")),
                Err(_) => None,
            },
        };
        let cgroups = {
            let Limits { memory, processes, .. } = job.limits;
            Cgroups::create(&number.unsigned_abs().to_string(), &GroupLimits { memory, processes, cpus: None })
        };
        Ok(Self {
            supervisor,
            rlimits: rlimits(job, &cgroups),
            cgroups,
            landlock,
            landlock_required: wanted.landlock == Insist::Required,
            seccomp,
        })
    }

    /// What the child does before `exec`. Fails closed: what cannot be put on ends the child with [`UNPROTECTED`].
    pub(super) fn for_child(&self) -> io::Result<impl FnMut() -> io::Result<()> + Send + Sync + 'static> {
        let (supervisor, cgroups, rlimits) = (self.supervisor, self.cgroups.clone(), self.rlimits.clone());
        let landlock_required = self.landlock_required;
        let mut landlock = self.landlock.as_ref().map(RulesetCreated::try_clone).transpose()?;
        let seccomp = self.seccomp.clone();
        Ok(move || {
            set_parent_process_death_signal(Some(Signal::KILL))?;
            if getppid() != Some(supervisor) {
                return Err(UNPROTECTED.into());
            }
            // The supervisor blocks signals to read them from a descriptor, and a mask is inherited.
            SigSet::empty().thread_set_mask()?;
            cgroups.join();
            // Under memory pressure a command goes before the server does.
            let _ = fs::write("/proc/self/oom_score_adj", "500");
            for (resource, limit) in &rlimits {
                lower(*resource, *limit).map_err(|_| UNPROTECTED)?;
            }
            umask(rustix::fs::Mode::from_raw_mode(0o022));
            drop_capabilities();
            os::close_all_on_exec().map_err(|_| UNPROTECTED)?;
            set_no_new_privs(true).map_err(|_| UNPROTECTED)?;
            if let Some(rules) = landlock.take() {
                let status = rules.restrict_self().map_err(|_| UNPROTECTED)?;
                if landlock_required && status.ruleset == RulesetStatus::NotEnforced {
                    return Err(UNPROTECTED.into());
                }
            }
            match &seccomp {
                // A kernel built without filters says EINVAL; whether that will do was settled by `insist`.
                Some((filters, insist)) if filters.apply().is_err() && *insist == Insist::Required => {
                    Err(UNPROTECTED.into())
                }
                _ => Ok(()),
            }
        })
    }
}

fn rlimits(job: &Job, cgroups: &Cgroups) -> Vec<(Resource, u64)> {
    let limits = &job.limits;
    let mut rlimits = vec![
        (Resource::Core, 0),
        (Resource::Cpu, limits.cpu_seconds),
        // Not address space: runtimes reserve far more of it than they ever touch.
        (Resource::Data, limits.memory),
        (Resource::Fsize, limits.file_size),
        (Resource::Nofile, limits.open_files),
    ];
    // The kernel counts every process of the user, the server's own threads included, so the limit goes on top of what
    // there is. (For root it does not count at all.)
    if !cgroups.limits_processes() && !rustix::process::getuid().is_root() {
        rlimits.push((Resource::Nproc, tree::tasks_of_this_user() + limits.processes));
    }
    rlimits
}

/// Best effort: who has no capabilities cannot drop any, and needs not.
fn drop_capabilities() {
    let _ = clear_ambient_capability_set();
    for bit in 0..u64::BITS {
        let Some(capability) = CapabilitySet::from_bits(1 << bit) else { continue };
        if !KEPT.contains(capability) {
            let _ = remove_capability_from_bounding_set(capability);
        }
    }
}
