//! What Windlass knows about Terraform and OpenTofu: the stacks, which are embedded, and how to run them.
//!
//! [`eject`] writes a stack into its user's own repository. [`Terraform::find`] looks for the program and for providers
//! on this machine. [`Workspace::prepare`] writes a stack to a directory of its own, with its backend, and runs it there:
//! [`Workspace::init`], [`plan`](Workspace::plan), [`apply`](Workspace::apply), [`destroy`](Workspace::destroy).
//!
//! **Invariants.** No value of a variable is on a command line, and none that differs is in a [`Plan`]. The child gets
//! credentials and proxies and nothing that changes what a stack means. A run that is cancelled or dropped is interrupted
//! and may save its state; no provider outlives it. Every failure has a kind, and what to do next.

#![forbid(unsafe_code)]

mod eject;
mod error;
mod event;
mod plan;
mod run;
mod sources;
mod stack;
mod tool;
mod workspace;

pub use eject::{EjectError, Ejected, eject};
pub use error::{Diagnostic, Error, ErrorKind};
pub use event::Event;
pub use plan::{Action, Plan, ResourceChange, Summary};
pub use sources::{Sources, embedded};
pub use stack::{Stack, UnknownStack};
pub use tool::{Product, Terraform};
pub use workspace::{Backend, OnEvent, Tested, Variables, Work, Workspace};
