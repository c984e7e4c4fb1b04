//! What the kernel offers to keep a process in its place, for whoever starts one: limits for a whole group of processes
//! ([`Cgroups`]) and for each ([`lower`]), and a filter of system calls ([`Filters`]).

#![forbid(unsafe_code)]

mod cgroup;
mod rlimit;
mod seccomp;

pub use cgroup::{Cgroups, GroupLimits};
pub use rlimit::lower;
pub use seccomp::Filters;
