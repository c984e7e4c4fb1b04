//! `windlass deploy`, from a commit to an endpoint and back, on real parts.

mod calls;
mod here;
mod line;
mod stops;
mod yard;
