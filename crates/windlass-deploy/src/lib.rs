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

mod ci;
mod cloud;
mod contract;
mod cost;
mod endpoint;
mod error;
mod ledger;
mod lock;
mod phase;
mod phases;
mod pipeline;
mod plan;
mod progress;
mod project;
mod proof;
mod receipt;
mod registry;
mod seal;
mod shelf;
mod target;
mod version;

pub use ci::Forge;
pub use cost::{Estimate, Item, estimate};
pub use error::{DeployError, Kind};
pub use ledger::{Ledger, Release, Releases, State};
pub use lock::{Lock, Owner};
pub use phase::Phase;
pub use pipeline::{Pipeline, RolledBack, Standing, Summary};
pub use plan::{Action, Held, Step, plan};
pub use progress::{Progress, Quiet};
pub use project::Project;
pub use proof::{Outcome, Proof, failed};
pub use receipt::{Receipt, Receipts};
pub use target::{Artifacts, Changes, Deployed, Running, Target};
pub use version::Version;

/// An error of an image, a zip or a layout.
fn image_error(error: windlass_image::ImageError) -> DeployError {
    let hint = error.hint();
    DeployError::new(Kind::Failed, error.to_string()).hint(hint)
}

/// An error of a registry.
fn registry_error(error: windlass_image::RegistryError) -> DeployError {
    let kind = match &error {
        windlass_image::RegistryError::Unauthorized { .. } => Kind::Credentials,
        _ => Kind::Failed,
    };
    let hint = error.hint();
    DeployError::new(kind, error.to_string()).hint(hint)
}

/// An error of a container engine.
fn engine_error(error: windlass_containers::engine::EngineError) -> DeployError {
    let kind = match &error {
        windlass_containers::engine::EngineError::NotInstalled { .. } => Kind::Missing,
        _ => Kind::Failed,
    };
    let hint = error.hint();
    DeployError::new(kind, error.to_string()).hint(hint)
}

/// A token nobody can guess.
fn new_token() -> Result<String, DeployError> {
    let mut bytes = [0_u8; 32];
    let filled = aws_lc_rs::rand::fill(&mut bytes);
    filled.map_err(|_| DeployError::new(Kind::Failed, "the system gives no random numbers"))?;
    Ok(format!("wl_{}", hex::encode(bytes)))
}

/// The hash of a zip as AWS says it.
fn code_sha256(bytes: &[u8]) -> String {
    use base64::Engine;
    use sha2::Digest;
    base64::engine::general_purpose::STANDARD.encode(sha2::Sha256::digest(bytes))
}
