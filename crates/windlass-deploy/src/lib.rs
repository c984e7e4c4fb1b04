//! `windlass deploy`: from a commit to a proven endpoint on this machine, ECS Fargate, Lambda or EC2, and back.
//!
//! Five phases, each with a contract: [`Phase::Check`], [`Phase::Build`], [`Phase::Push`], [`Phase::Deploy`],
//! [`Phase::Verify`]. A phase reads the receipt of the one before, refuses a stranger, and writes its own. [`plan`] says
//! what would run and why, without doing anything; [`Pipeline`] does it. A [`Target`] knows one kind of place and nothing
//! of phases.
//!
//! **Invariants.** The version is the commit, the same in the image's tag and labels, the target and `/health`. What runs
//! is named by digest. A release becomes the one to go back to only once it is proven. Two deploys of one name never act
//! at the same time. Nothing here prints: [`Progress`] tells.

#![forbid(unsafe_code)]

mod error;
mod ledger;
mod lock;
mod phase;
mod plan;
mod progress;
mod proof;
mod receipt;
mod seal;
mod shelf;
mod version;

pub use error::{DeployError, Kind};
pub use ledger::{Ledger, Release, State};
pub use lock::{Lock, Owner};
pub use phase::Phase;
pub use plan::{Action, Held, Step, plan};
pub use progress::{Progress, Quiet};
pub use proof::{Outcome, Proof, failed};
pub use receipt::{Receipt, Receipts};
pub use version::Version;
