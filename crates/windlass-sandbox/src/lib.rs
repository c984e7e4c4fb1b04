//! Toolset: sandboxes for code that an agent wrote.
//!
//! - [`backend`] is what isolates: something makes a [`backend::Machine`] with a guest in it, and takes it away again;
//! - [`namespace`] is the backend that needs no virtual machine, [`qemu`] the one that runs them everywhere;
//! - [`egress`] is what a sandbox may reach;
//! - [`Sandboxes`] is the life of sandboxes: owners, quotas, time to live, the pool of warm ones;
//! - [`SandboxToolset`] is what a model sees of it.
//! - [`image`] makes the root file system of sandboxes, [`rootfs`] waits for one that is fetched.
//!
//! **Invariants.** Nothing is believed that comes out of a sandbox. No lock is held while a guest works, so no sandbox
//! waits for another. Whatever was made is taken away on every path, and what a killed server left is found at the next
//! start.

#![forbid(unsafe_code)]

pub mod backend;
pub mod egress;
pub mod firecracker;
pub mod image;
pub mod namespace;
pub mod program;
pub mod qemu;
pub mod rootfs;

mod choice;
mod jail;
mod life;
mod toolset;
mod vm;

pub use life::{SandboxError, Sandboxes};
pub use toolset::SandboxToolset;
