//! Images without Docker: one static program becomes an OCI image or a Lambda zip, with a list of what it is made of, and
//! goes to a registry and back.
//!
//! [`build`] makes an image from an [`ImageSpec`] as a [`Layout`], a directory; [`lambda_zip`] packs the same program for
//! Lambda; [`sbom`] says what is in it. [`Registry`] pushes, pulls and attaches.
//!
//! **Invariants.** The same specification makes the same bytes: no time, no user, no order of a hash table gets into
//! them. A value of type [`Layout`] was verified: every blob hashes to its name. What is half made never stands where the
//! result goes.

#![forbid(unsafe_code)]

mod assemble;
mod digest;
mod elf;
mod error;
mod function;
mod json;
mod layer;
mod layout;
mod manifest;
mod registry;
mod sbom;
mod spec;
mod system;

pub use assemble::{Built, build};
pub use digest::{Digest, DigestError};
pub use elf::Architecture;
pub use error::ImageError;
pub use function::{LAMBDA_AUTHORITIES, Zip, lambda_zip};
pub use layout::{FileKind, LayerFile, Layout};
pub use manifest::Descriptor;
pub use registry::{Attached, Credentials, Progress, Referrer, Registry, RegistryError, RegistryOptions, Unreachable};
pub use sbom::{SBOM_MEDIA_TYPE, sbom};
pub use spec::{ImageFile, ImageSpec, Source};
