//! Images on disk, and with real registries: the distribution project's own, and a proxy before it with ECR's habits.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod build;
mod ecr;
mod function;
mod hostile;
mod layout;
mod podman;
mod registry;
mod sbom;
mod support;
