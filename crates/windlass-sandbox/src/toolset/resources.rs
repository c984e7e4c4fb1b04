//! Files of sandboxes as resources: any bytes, without a model having to read them.

use async_trait::async_trait;
use base64::{Engine, prelude::BASE64_STANDARD};
use windlass_core::{
    Library, Principal, ToolError,
    mcp::{ResourceContents, ResourceTemplate},
};
use windlass_guest::protocol::ReadRequest;

use super::{SandboxToolset, errors, files, or_discard};

const SCHEME: &str = "sandbox://";
/// The biggest file that goes into one answer.
const MOST: usize = 8 << 20;

pub(super) struct Files(pub(super) SandboxToolset);

#[async_trait]
impl Library for Files {
    async fn resource_templates(&self, _who: &Principal) -> Result<Vec<ResourceTemplate>, ToolError> {
        let template = ResourceTemplate::new("sandbox://{sandbox_id}{+path}", "sandbox_file")
            .with_title("A file of a sandbox")
            .with_description(
                "The bytes of a file. `path` is absolute, e.g. sandbox://sbx_0123/home/sandbox/plot.png.",
            );
        Ok(vec![template])
    }

    async fn read(&self, who: &Principal, uri: &str) -> Result<Option<Vec<ResourceContents>>, ToolError> {
        let Some((id, path)) = uri.strip_prefix(SCHEME).and_then(|rest| rest.split_once('/')) else { return Ok(None) };
        let sandboxes = self.0.sandboxes().await.map_err(errors::unavailable)?;
        let sandbox = sandboxes.find(who, id)?;
        let path = format!("/{}", decoded(path));
        let request = ReadRequest { path: path.as_str().into(), offset: 0, length: Some(MOST as u64 + 1) };
        let opened = sandbox.guest.read_file(request, files::TIME).await;
        let reader = or_discard(sandboxes, &sandbox, opened).await?;
        let bytes = or_discard(sandboxes, &sandbox, reader.read_all(MOST).await).await?;
        Ok(Some(vec![match std::str::from_utf8(&bytes) {
            Ok(text) => ResourceContents::text(text, uri),
            Err(_) => ResourceContents::blob(BASE64_STANDARD.encode(&bytes), uri),
        }]))
    }
}

/// Percent signs and two digits become the byte they stand for.
fn decoded(path: &str) -> String {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let [first, tail @ ..] = rest {
        let pair = tail.get(..2).and_then(|pair| std::str::from_utf8(pair).ok());
        match pair.filter(|_| *first == b'%').and_then(|pair| u8::from_str_radix(pair, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            None => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
