use std::{io, path::PathBuf};

/// Why an image was not made or cannot be used. The message says what was wrong, [`hint`](Self::hint) what to do about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImageError {
    /// A program that builds images is not there.
    #[error("there is no `{tool}` on this machine")]
    Missing {
        /// The program.
        tool: &'static str,
        /// The packages to install.
        packages: &'static str,
    },
    /// A value of the recipe cannot be used.
    #[error("the {what} `{value}` cannot be used: {why}")]
    Value {
        /// Which value.
        what: &'static str,
        /// The value.
        value: String,
        /// Why not.
        why: &'static str,
    },
    /// There is something else where the image should go.
    #[error("`{}` is there already, and no image of a sandbox", path.display())]
    Occupied {
        /// Where.
        path: PathBuf,
    },
    /// Another build is under way.
    #[error("another build of `{}` is under way", path.display())]
    Busy {
        /// Of what.
        path: PathBuf,
    },
    /// The disk is too full.
    #[error("building takes {} MiB below `{}`, and {} MiB are free", needed >> 20, path.display(), free >> 20)]
    Room {
        /// Where.
        path: PathBuf,
        /// How many bytes it takes.
        needed: u64,
        /// How many there are.
        free: u64,
    },
    /// A program that builds images failed.
    #[error("{tool} failed while {doing} ({status}):\n{said}")]
    Tool {
        /// Which.
        tool: String,
        /// At what.
        doing: &'static str,
        /// How it ended.
        status: String,
        /// The last it said.
        said: String,
    },
    /// The packages are not what was expected of them.
    #[error("{0}")]
    Packages(String),
    /// The directory is no image, or one of a kind that is not read here.
    #[error("`{}` is no image of a sandbox that can be used: {why}", path.display())]
    Unusable {
        /// The directory.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The system refused something.
    #[error("{doing}: {source}")]
    Io {
        /// What was being done.
        doing: String,
        /// What it said.
        source: io::Error,
    },
}

impl ImageError {
    pub(super) fn io(doing: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { doing: doing.into(), source }
    }

    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::Missing { packages, .. } => format!("install the packages {packages}"),
            Self::Value { .. } => "change the value".into(),
            Self::Occupied { .. } => "name another directory with --out, or move away what is there".into(),
            Self::Busy { .. } => "wait for it to end, or name another directory with --out".into(),
            Self::Room { .. } => "make room, or name a directory on another disk with --out".into(),
            Self::Tool { tool, .. } if tool == "mmdebstrap" => {
                "see that `apt-get update` works here, that the suite and the packages exist, and, if you are not root, that \
                 the package uidmap is installed and this user has lines in /etc/subuid and /etc/subgid"
                    .into()
            }
            Self::Tool { .. } => "see what it said".into(),
            Self::Packages(_) => "name a suite of Debian, or leave the kernel out with --no-kernel".into(),
            Self::Unusable { .. } => "make it again: windlass sandbox image build".into(),
            Self::Io { .. } => "see that the path may be read and written, and that the disk has room".into(),
        }
    }
}
