//! Sandboxes, looked at from outside and from inside. The same for every backend.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod contract;
mod egress;
mod escape;
mod firecracker;
mod image;
mod place;
mod used;
