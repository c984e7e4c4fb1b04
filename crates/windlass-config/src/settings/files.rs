use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use windlass_core::units::Bytes;

/// Files below one directory: `read_file`, `list_files`, and `write_file` where that is wanted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FilesSettings {
    /// The directory. Nothing outside of it is ever opened: no `..`, no other absolute path, no link that leads out. A
    /// hard link is the file itself, wherever else it has a name.
    pub directory: PathBuf,
    /// Whether files can be written.
    #[serde(default)]
    pub writable: bool,
    /// The most bytes that are read of a file at once, and that a written one may have.
    #[serde(default = "most")]
    pub max_bytes: Bytes,
    /// Whether names that begin with a dot are served too, as `.env` and `.git` do.
    #[serde(default)]
    pub hidden: bool,
}

fn most() -> Bytes {
    Bytes(10 << 20)
}

impl FilesSettings {
    /// Files below `directory`, to be read.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self { directory: directory.into(), writable: false, max_bytes: most(), hidden: false }
    }
}
