//! What must outlive a call: output too long for an answer, kept behind a handle that `read_output` and
//! `search_output` page and search. [`Store`] takes output in (it is the [`windlass_core::Outputs`] of every call),
//! [`OutputToolset`] gives it back.
//!
//! **Invariants.** Output small enough for an answer costs no IO. Nothing here fails a call: where the disk is full,
//! read-only or missing, or the bucket out of reach, less is kept and the answer says so. A handle opens for its owner
//! only; to anybody else it looks like one that never was. The file behind a handle describes itself, so any process
//! sharing the directory can serve it; so can any that shares the bucket and its table. What an answer names is kept
//! before the answer goes: a frozen function uploads nothing.

#![forbid(unsafe_code)]

mod cloud;
mod directory;
mod disk;
mod entry;
mod memory;
mod page;
mod search;
mod shelf;
mod sink;
mod store;
mod text;
mod toolset;

pub use directory::Environment;
pub use store::{Store, StoreError};
pub use toolset::OutputToolset;
