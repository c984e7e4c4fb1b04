//! Toolset `files`: files below a directory the operator names, and nothing else.
//!
//! The kernel keeps a path inside: every one is resolved below a descriptor of the directory (`openat2` with
//! `RESOLVE_BENEATH`, by cap-std, which walks by hand where a kernel is older). So a link that is put in place between a
//! look and an open leads nowhere either. What is opened is looked at before it is read: only a regular file has bytes.
//!
//! A hard link is no way out that could be seen, since it is the file itself. None can be made by these tools, and a file
//! is written as a new one that takes the old one's place, so what else the old one was called stays as it was.

#![forbid(unsafe_code)]

mod arguments;
mod content;
mod error;
mod list;
mod path;
mod read;
mod root;
mod shown;
mod toolset;
mod write;

pub use toolset::FilesToolset;
