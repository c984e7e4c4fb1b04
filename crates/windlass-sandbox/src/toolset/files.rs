//! Files of a sandbox.

use std::time::Duration;

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use schemars::JsonSchema;
use serde::Serialize;
use windlass_core::{Call, Output, Reply, ToolError};
use windlass_guest::{
    client::ClientError,
    protocol::{EntryKind, ReadRequest, WriteMode, WriteRequest},
};

use super::{
    arguments::{ListArguments, ReadArguments, WriteArguments},
    or_discard,
    run::absolute,
};
use crate::{Sandboxes, life::Sandbox};

/// How long a file may be on its way.
pub(super) const TIME: Duration = Duration::from_secs(60);
/// The most of a file in one answer.
const PART: u64 = 1 << 20;
/// The most entries of a directory in one answer.
const ENTRIES: u32 = 1000;

/// A file, or a part of it.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct FileAnswer {
    /// Its text, where it is text.
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<String>,
    /// Its bytes as base64, where it is no text.
    #[serde(skip_serializing_if = "Option::is_none")]
    content_base64: Option<String>,
    /// The size of the whole file.
    size: u64,
    /// Where to go on, if this is not the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_offset: Option<u64>,
}

/// A file was written.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct WriteAnswer {
    /// Always true.
    success: bool,
    /// Bytes written.
    bytes: u64,
}

/// A directory.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ListAnswer {
    /// What is in it, by name.
    entries: Vec<EntryAnswer>,
    /// How much there is.
    total: u64,
    /// Whether not all of it is listed.
    truncated: bool,
}

/// One entry.
#[derive(Debug, Serialize, JsonSchema)]
struct EntryAnswer {
    /// Its name.
    name: String,
    /// `file`, `directory`, `symlink` or `other`.
    kind: String,
    /// Whether it is a directory.
    is_dir: bool,
    /// Its size in bytes.
    size: u64,
}

pub(super) async fn read(sandboxes: &Sandboxes, call: &Call) -> Result<Reply, ToolError> {
    let given: ReadArguments = call.arguments()?;
    let sandbox = sandboxes.find(&call.principal, &given.sandbox_id)?;
    let length = given.limit.unwrap_or(PART).min(PART);
    let request =
        ReadRequest { path: absolute(Some(&given.path)).as_str().into(), offset: given.offset, length: Some(length) };
    let opened = sandbox.guest.read_file(request, TIME).await;
    let reader = or_discard(sandboxes, &sandbox, opened).await?;
    let size = reader.metadata().size;
    let all = reader.read_all(usize::try_from(length).unwrap_or(usize::MAX)).await;
    let bytes = or_discard(sandboxes, &sandbox, all).await?;
    // A device or a file of the kernel says it has no size, and has something all the same.
    let full = bytes.len() as u64 == length;
    let part = text_of(&bytes, full);
    let end = given.offset + part.as_ref().map_or(bytes.len(), |text| text.len()) as u64;
    let answer = FileAnswer {
        content: part.map(str::to_owned),
        content_base64: part.is_none().then(|| BASE64_STANDARD.encode(&bytes)),
        size: size.max(end),
        next_offset: (end < size || full).then_some(end),
    };
    let mut text = match (&answer.content, &answer.content_base64) {
        (Some(text), _) => text.clone(),
        (None, Some(base64)) => format!("[no text: {} bytes as base64]\n{base64}", bytes.len()),
        (None, None) => String::new(),
    };
    if let Some(next) = answer.next_offset {
        text.push_str(&format!("\n[{} of {} bytes; go on at offset {next}]", end - given.offset, answer.size));
    }
    Ok(Output::structured(text, &answer)?.into())
}

/// The bytes as text. Where they were cut, so may a character have been: it is left for the next part.
fn text_of(bytes: &[u8], cut: bool) -> Option<&str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Some(text),
        Err(error) if cut && error.error_len().is_none() && error.valid_up_to() > 0 => {
            std::str::from_utf8(&bytes[..error.valid_up_to()]).ok()
        }
        Err(_) => None,
    }
}

pub(super) async fn write(sandboxes: &Sandboxes, call: &Call) -> Result<Reply, ToolError> {
    let given: WriteArguments = call.arguments()?;
    let content: Bytes = match (given.content, given.content_base64) {
        (Some(text), None) => text.into(),
        (None, Some(base64)) => BASE64_STANDARD
            .decode(base64.as_bytes())
            .map_err(|error| {
                ToolError::invalid(format!("`content_base64` is not base64: {error}"))
                    .hint("use the standard alphabet with padding; for text use `content`")
            })?
            .into(),
        _ => {
            return Err(ToolError::invalid("give exactly one of `content` and `content_base64`")
                .hint("text goes into `content`; an empty file is an empty `content`"));
        }
    };
    let sandbox = sandboxes.find(&call.principal, &given.sandbox_id)?;
    let path = absolute(Some(&given.path));
    let request = WriteRequest {
        path: path.as_str().into(),
        mode: if given.append { WriteMode::Append } else { WriteMode::Replace },
        permissions: given.executable.then_some(0o755),
        owner: None,
        parents: true,
    };
    let bytes = content.len() as u64;
    let written = write_bytes(&sandbox, request, content).await;
    or_discard(sandboxes, &sandbox, written).await?;
    Ok(Output::structured(format!("wrote {bytes} bytes to {path}"), &WriteAnswer { success: true, bytes })?.into())
}

pub(super) async fn write_bytes(sandbox: &Sandbox, request: WriteRequest, content: Bytes) -> Result<(), ClientError> {
    let mut writer = sandbox.guest.write_file(request, TIME).await?;
    writer.write(content).await?;
    writer.finish().await.map(drop)
}

pub(super) async fn list(sandboxes: &Sandboxes, call: &Call) -> Result<Reply, ToolError> {
    let given: ListArguments = call.arguments()?;
    let sandbox = sandboxes.find(&call.principal, &given.sandbox_id)?;
    let path = absolute(given.path.as_deref());
    let listed = sandbox.guest.list(path.as_str(), ENTRIES, TIME).await;
    let listing = or_discard(sandboxes, &sandbox, listed).await?;
    let entries: Vec<_> = listing
        .entries
        .iter()
        .map(|entry| EntryAnswer {
            name: entry.name.to_text(),
            kind: match entry.kind {
                EntryKind::File => "file",
                EntryKind::Directory => "directory",
                EntryKind::Symlink => "symlink",
                EntryKind::Other => "other",
            }
            .into(),
            is_dir: entry.kind == EntryKind::Directory,
            size: entry.size,
        })
        .collect();
    let lines: Vec<_> = entries
        .iter()
        .map(|entry| match entry.kind.as_str() {
            "file" => format!("{:>12}  {}", entry.size, entry.name),
            "directory" => format!("{:>12}  {}/", "", entry.name),
            kind => format!("{kind:>12}  {}", entry.name),
        })
        .collect();
    let mut text = if lines.is_empty() { format!("{path} is empty") } else { lines.join("\n") };
    if listing.truncated {
        text.push_str(&format!("\n[{} of {} entries]", entries.len(), listing.total));
    }
    let answer = ListAnswer { entries, total: listing.total, truncated: listing.truncated };
    Ok(Output::structured(text, &answer)?.into())
}

#[cfg(test)]
mod tests {
    use super::text_of;

    #[test]
    fn a_cut_character_is_left_for_the_next_part() {
        let text = "aé€😀z".as_bytes();
        for cut in 1..=text.len() {
            let part = text_of(&text[..cut], cut < text.len()).unwrap();
            assert!(part.len() <= cut && "aé€😀z".starts_with(part), "{cut}");
        }
        assert_eq!(text_of(b"\xff", true), None);
        assert_eq!(text_of(b"a\xc3", false), None);
    }
}
