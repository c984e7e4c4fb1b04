//! What callers give, and what they get.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A file to read.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReadArguments {
    /// Path below the directory, as list_files shows it.
    pub path: String,
    /// The first line to read, from 1.
    #[schemars(range(min = 1))]
    pub first_line: Option<usize>,
    /// The last line to read.
    #[schemars(range(min = 1))]
    pub last_line: Option<usize>,
    /// Begin at this byte, in a file too large to be read at once. Lines are then counted from there.
    pub offset: Option<u64>,
    /// `auto` gives text as text, an image as an image, and anything else as base64.
    #[serde(default)]
    pub encoding: Encoding,
}

/// How content comes back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Encoding {
    /// As what it is.
    #[default]
    Auto,
    /// As text; what is none is replaced.
    Text,
    /// As base64.
    Base64,
}

/// A file, or a part of it.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub(crate) struct ReadAnswer {
    /// The path, to be given back.
    pub path: String,
    /// Its text, where it is text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
    /// Its bytes as base64, where they are no text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_base64: Option<String>,
    /// What an image is; it comes as an image beside this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    /// The size of the whole file in bytes.
    pub size: u64,
    /// The first line of `content`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_line: Option<usize>,
    /// The last line of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_line: Option<usize>,
    /// How many lines there are, in as much as was read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lines: Option<usize>,
    /// The sum of the whole file: write_file takes it as `expected_sha256`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// When it was last changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub modified: Option<String>,
    /// Whether `content` is not all that was asked for.
    pub truncated: bool,
    /// Where read_output and search_output find what was left out of `content`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub handle: Option<String>,
    /// Where to go on, if this is not the end of the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_offset: Option<u64>,
}

/// A file to write.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WriteArguments {
    /// Path below the directory. Directories above it are made.
    pub path: String,
    /// The whole text of the file.
    pub content: Option<String>,
    /// Or its bytes, as base64.
    pub content_base64: Option<String>,
    /// `create` fails where there is a file already, `replace` where there is none. Without it the file is written either
    /// way.
    pub mode: Option<Mode>,
    /// The sum that read_file gave: the file is only written if it is still so.
    pub expected_sha256: Option<String>,
}

/// What may be there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Mode {
    /// Nothing.
    Create,
    /// The file.
    Replace,
}

/// A file was written.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct WriteAnswer {
    /// The path, to be given back.
    pub path: String,
    /// Bytes written.
    pub size: u64,
    /// Whether there was no file before.
    pub created: bool,
    /// The sum of what was written.
    pub sha256: String,
}

/// A directory to list.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListArguments {
    /// Path of a directory. Default: the whole of what is served.
    pub path: Option<String>,
    /// Only what matches: `*.md` by name, `docs/**/*.md` by path below `path`.
    pub glob: Option<String>,
    /// Whether to list what is in directories below as well. Default: only if `glob` has a `/`.
    pub recursive: Option<bool>,
    /// How many to list at most. Default: 500.
    #[schemars(range(min = 1, max = 2000))]
    pub limit: Option<usize>,
}

/// What is there.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct ListAnswer {
    /// Files, directories and links, by path.
    pub files: Vec<EntryAnswer>,
    /// How many these are.
    pub count: usize,
    /// Whether there is, or may be, more.
    pub truncated: bool,
    /// Why there may be more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// One of them.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct EntryAnswer {
    /// The path, to be given to read_file.
    pub path: String,
    /// `file`, `directory`, `link` or `other`.
    pub kind: &'static str,
    /// The size of a file in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// When it was last changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub modified: Option<String>,
}
