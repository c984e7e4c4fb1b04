//! What can go wrong with a file, and what a model is told of it.

use std::io;

use rustix::io::Errno;
use windlass_core::{ErrorKind, ToolError, units::Bytes};

use crate::shown::shown;

/// Why something was not read, written or listed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FileError {
    /// The path is none.
    #[error("`{}` is no path: {why}", shown(.path))]
    Form {
        /// The path, or its beginning.
        path: String,
        why: &'static str,
    },
    /// It leads out.
    #[error("{} is outside of the directory that is served", shown(.0))]
    Outside(String),
    /// It has a `..` in it.
    #[error("{} has `..` in it, and that is not followed here", shown(.0))]
    Up(String),
    /// A name that begins with a dot.
    #[error("{} is hidden: names that begin with a dot are not served here", shown(.0))]
    Hidden(String),
    /// Nothing is called so.
    #[error("there is no {}", shown(.0))]
    Missing(String),
    /// The user of the server may not.
    #[error("{} may not be opened by the server", shown(.0))]
    Forbidden(String),
    /// Links that go round, or of a kind that is not followed.
    #[error("{} is a link that leads nowhere", shown(.0))]
    Loop(String),
    /// A directory, where a file is meant.
    #[error("{} is a directory", shown(.0))]
    Directory(String),
    /// No directory, where one is meant.
    #[error("{} is not a directory", shown(.0))]
    NoDirectory(String),
    /// A pipe, a device, a socket.
    #[error("{} is not a file: it is {what}", shown(.path))]
    NoFile { path: String, what: &'static str },
    /// A link, where the file itself would be replaced.
    #[error("{} is a link, and would be replaced by a file", shown(.0))]
    Link(String),
    /// More than may be written.
    #[error("the content has {size} bytes, and a file may have {}", Bytes(*.most))]
    TooLarge { size: usize, most: u64 },
    /// It is there, and was not to be.
    #[error("{} is there already", shown(.0))]
    Exists(String),
    /// It is not what the caller thought it was.
    #[error("{} has been changed since it was read", shown(.path))]
    Changed { path: String, sha256: String },
    /// No room left.
    #[error("there is no room for it: {0}")]
    Full(io::Error),
    /// The directory itself.
    #[error("the directory of files cannot be opened now")]
    Root(io::Error),
    /// The caller went away.
    #[error("cancelled; nothing was changed")]
    Cancelled,
    /// Arguments that contradict each other.
    #[error("{0}")]
    Arguments(String),
    /// Anything else the system says.
    #[error("{} cannot be read or written: {source}", shown(.path))]
    System { path: String, source: io::Error },
}

impl FileError {
    /// What the system said of `path`.
    pub fn of(path: &str, error: io::Error) -> Self {
        let path = path.to_owned();
        match error.raw_os_error().map(Errno::from_raw_os_error) {
            // cap-std's own verdict has no number, and the kernel's on links that leave is EXDEV.
            None if error.kind() == io::ErrorKind::PermissionDenied => Self::Outside(path),
            Some(Errno::XDEV) => Self::Outside(path),
            Some(Errno::NOENT) => Self::Missing(path),
            Some(Errno::ACCESS | Errno::PERM | Errno::ROFS) => Self::Forbidden(path),
            Some(Errno::LOOP) => Self::Loop(path),
            Some(Errno::ISDIR) => Self::Directory(path),
            Some(Errno::NOTDIR) => Self::NoDirectory(path),
            Some(Errno::NXIO | Errno::NODEV) => Self::NoFile { path, what: "a socket, or a device without a driver" },
            Some(Errno::NOSPC | Errno::DQUOT | Errno::FBIG) => Self::Full(error),
            _ => Self::System { path, source: error },
        }
    }
}

impl From<FileError> for ToolError {
    fn from(error: FileError) -> Self {
        use FileError as E;
        let (kind, hint) = match &error {
            E::Form { .. } => (ErrorKind::InvalidArguments, "give a path below the directory, as list_files shows it"),
            E::Outside(_) | E::Up(_) => {
                (ErrorKind::Denied, "give a path below the directory, without `..`; list_files shows what there is")
            }
            E::Hidden(_) => (ErrorKind::Denied, "the server's owner can set `files.hidden: true`"),
            E::Missing(_) => (ErrorKind::NotFound, "list_files shows what there is"),
            E::Forbidden(_) => (ErrorKind::Denied, "the server's owner decides about its permissions"),
            E::Loop(_) => (ErrorKind::NotFound, "name the file that is meant itself"),
            E::Directory(_) => (ErrorKind::InvalidArguments, "list_files shows what is in it"),
            E::NoDirectory(_) => {
                (ErrorKind::InvalidArguments, "a name before the last one is a file; list_files shows what there is")
            }
            E::NoFile { .. } => (ErrorKind::Denied, "only files can be read and written"),
            E::Link(_) => (ErrorKind::Denied, "name the file that the link leads to"),
            E::TooLarge { .. } => (ErrorKind::InvalidArguments, "write less, or several files"),
            E::Exists(_) => (ErrorKind::Failed, "leave out `mode: create` to replace it"),
            E::Changed { .. } => {
                (ErrorKind::Failed, "read it again, and write what it should be now with its new `sha256`")
            }
            E::Full(_) => (ErrorKind::Unavailable, "the server's owner has to make room"),
            E::Root(_) => (ErrorKind::Unavailable, "the server's owner finds the reason in its log and under /ready"),
            E::Cancelled => (ErrorKind::Cancelled, ""),
            E::Arguments(_) => (ErrorKind::InvalidArguments, ""),
            E::System { .. } => (ErrorKind::Failed, ""),
        };
        let mut told = Self::new(kind, error.to_string());
        if !hint.is_empty() {
            told = told.hint(hint);
        }
        match &error {
            E::Root(source) => told.detail(source),
            E::Changed { sha256, .. } => told.data(serde_json::json!({ "sha256": sha256 })),
            _ => told,
        }
    }
}
