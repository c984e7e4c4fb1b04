//! A model that uses tools, within budgets.
//!
//! - [`step()`] is the loop, as a function without any effect: [`State`] and [`Event`] to state and [`Effect`]s;
//! - [`Agent`] does what the steps say, with a [`model::Model`], [`tools::Tools`], an [`Approver`] and a [`Keeper`], and
//!   tells whoever watches by a [`Feed`] of [`Notice`]s;
//! - [`budget`] counts, [`approval`] binds a person's word to one call, [`transcript`] replays.
//!
//! Nothing here prints; the binary does.

#![forbid(unsafe_code)]

pub mod approval;
pub mod budget;
pub mod conversation;
pub mod model;
pub mod models;
pub mod tools;
pub mod transcript;

mod feed;
mod keep;
mod run;
mod sound;
mod step;

pub use feed::{Feed, Notice, What};
pub use keep::{Forget, KeepError, Keeper, StateFile, read_state};
pub use run::{Agent, Approver, Clock, Nobody};
pub use sound::{Unsound, sound};
pub use step::{Compacted, Effect, End, Event, Job, Phase, Spec, Stage, State, step};

/// The tracing target of spans of models and tools: that of the server's calls, so that both go the same way.
pub const CALLS: &str = "windlass::calls";
