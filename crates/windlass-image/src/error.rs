use std::{io, path::PathBuf};

use crate::Digest;

/// Why an image, a zip or a layout could not be made or read. The message says what was wrong, [`hint`](Self::hint) what
/// to do about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImageError {
    /// The system refused.
    #[error("cannot {what} `{}`: {source}", path.display())]
    Io {
        /// What was tried: a verb, and a preposition where it needs one.
        what: &'static str,
        /// With what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The binary is no Linux program.
    #[error("`{}` is not a 64-bit Linux program: {why}", path.display())]
    NotAProgram {
        /// The binary.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The binary asks for a loader, and an image made from nothing has none.
    #[error("`{}` is linked dynamically: it asks for the loader `{loader}`", path.display())]
    Dynamic {
        /// The binary.
        path: PathBuf,
        /// The loader it asks for.
        loader: String,
    },
    /// The binary and the base are for different processors.
    #[error("the binary is for {binary}, the base image for {base}")]
    Platforms {
        /// What the binary is for.
        binary: String,
        /// What the base is for.
        base: String,
    },
    /// A file cannot have this place in the image.
    #[error("the image cannot hold a file at `{path}`: {why}")]
    Place {
        /// The path that was asked for.
        path: String,
        /// Why not.
        why: &'static str,
    },
    /// A value of the specification cannot be used.
    #[error("{what} `{value}` cannot be used: {why}")]
    Value {
        /// Which value.
        what: &'static str,
        /// The value.
        value: String,
        /// Why not.
        why: &'static str,
    },
    /// There is something where the result should go.
    #[error("`{}` is there already, and not an empty directory", path.display())]
    Occupied {
        /// Where.
        path: PathBuf,
    },
    /// The directory is no image layout, or one of a kind that is not read here.
    #[error("`{}` is not an image layout that can be used: {why}", path.display())]
    Layout {
        /// The directory.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// A blob the layout names is not there.
    #[error("`{}` lacks the blob {blob}", path.display())]
    Missing {
        /// The layout.
        path: PathBuf,
        /// What is not there.
        blob: Digest,
    },
    /// The bytes of a blob are not those its name stands for.
    #[error("the blob {blob} in `{}` is corrupted: its bytes are {found}", path.display())]
    Corrupted {
        /// The layout.
        path: PathBuf,
        /// The name, and so the digest that was expected.
        blob: Digest,
        /// The digest of the bytes that are there.
        found: Digest,
    },
    /// More than is taken in.
    #[error("{what} has more than {limit} bytes")]
    TooLarge {
        /// What is too large.
        what: String,
        /// How much would have been taken.
        limit: u64,
    },
}

impl ImageError {
    pub(crate) fn io(what: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { what, path, source }
    }

    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Io { .. } => "see that the path exists, that it may be read or written, and that the disk has room",
            Self::NotAProgram { .. } | Self::Dynamic { .. } => {
                "build for the musl target: cargo build --release --target x86_64-unknown-linux-musl \
                 (or aarch64-unknown-linux-musl)"
            }
            Self::Platforms { .. } => "name a base image of the binary's platform, or none",
            Self::Place { .. } => "a relative path is taken beneath /srv, an absolute one from the root of the image",
            Self::Value { .. } => "change the value",
            Self::Occupied { .. } => "name a directory that does not exist yet, or remove what is there",
            Self::Layout { .. } => "name the directory of an OCI image layout that holds a single image",
            Self::Missing { .. } | Self::Corrupted { .. } => "the image is not what was built: build or pull it again",
            Self::TooLarge { .. } => "leave out what does not belong into the image",
        }
    }
}
