//! Sandboxes, looked at from outside and from inside. The same for every backend.

mod contract;
mod escape;
mod place;
