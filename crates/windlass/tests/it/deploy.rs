//! `windlass deploy`, from a commit to an endpoint and back, on real parts.

mod calls;
mod cloud;
mod here;
mod line;
mod refusals;
mod sky;
mod stops;
mod twice;
mod yard;
