//! What each phase does. A phase takes the output of the one before and returns its own, with what it proved; it knows
//! nothing of receipts.

mod build;
mod check;
mod push;
mod serve;
mod source;

use std::path::Path;

use serde::{Deserialize, Serialize};

pub(crate) use build::{build, included};
pub(crate) use check::{check, judge};
pub(crate) use push::push;

use crate::{DeployError, Proof};

/// What a phase came to.
pub(crate) struct Done<T> {
    /// For the next phase.
    pub output: T,
    /// What was proven.
    pub proofs: Vec<Proof>,
}

/// Out of `check`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Checked {
    /// Tools the configuration offers.
    pub tools: usize,
}

/// Out of `build`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Built {
    /// Digest of the image's manifest.
    pub image: String,
    /// Compressed size of the image in bytes.
    pub image_bytes: u64,
    /// SHA-256 of the Lambda zip, in base64 as AWS says it.
    pub package: String,
    /// Size of the zip in bytes.
    pub package_bytes: u64,
}

/// Out of `push`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Pushed {
    /// The image by digest, with the registry where there is one.
    pub image: String,
    /// The Lambda zip's hash.
    pub package: String,
}

/// Reads a file of the project.
fn read(path: &Path) -> Result<Vec<u8>, DeployError> {
    std::fs::read(path).map_err(|error| DeployError::file("the file", path, &error))
}
