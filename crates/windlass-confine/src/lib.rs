//! What the kernel offers to keep a process in its place, for whoever starts one: limits for a whole group of processes
//! ([`Cgroups`]) and a filter of system calls ([`Filters`]).

#![forbid(unsafe_code)]

mod cgroup;
mod seccomp;

pub use cgroup::{Cgroups, GroupLimits};
pub use seccomp::Filters;
