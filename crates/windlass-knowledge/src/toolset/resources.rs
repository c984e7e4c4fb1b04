//! Documents as resources: `doc://COLLECTION/PATH`.

use std::sync::Arc;

use async_trait::async_trait;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use windlass_core::{
    Library, Principal, ToolError,
    mcp::{CompleteRequestParams, CompletionInfo, Reference, Resource, ResourceContents, ResourceTemplate},
};
use windlass_index::{DocumentEntry, Filter};

use super::scope::{self, Open};
use crate::collections::Collections;

const SCHEME: &str = "doc://";
const TEMPLATE: &str = "doc://{collection}/{+path}";
/// Documents that are listed at most; any other can be read by its path.
const MOST: usize = 300;
/// Bytes of a document that are read as a resource.
const LONGEST: usize = 1 << 20;
/// What may stand in a path as it is.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// The address of a document.
pub(super) fn uri(collection: &str, path: &str) -> String {
    let part = |text: &str| utf8_percent_encode(text, ENCODED).to_string();
    format!("{SCHEME}{}/{}", part(collection), part(path))
}

/// The collection and path of an address.
pub(super) fn parse(uri: &str) -> Option<(String, String)> {
    let (collection, path) = uri.strip_prefix(SCHEME)?.split_once('/')?;
    let decoded = |part: &str| Some(percent_decode_str(part).decode_utf8().ok()?.into_owned());
    Some((decoded(collection)?, decoded(path)?)).filter(|(_, path)| !path.is_empty())
}

fn mime(entry: &DocumentEntry) -> &'static str {
    if entry.language == "markdown" { "text/markdown" } else { "text/plain" }
}

/// The library of the toolset.
pub(super) struct Documents(pub Arc<Collections>);

impl Documents {
    /// Those that can be asked; the others' documents are nobody's loss.
    async fn open(&self, names: &[String]) -> Vec<Open> {
        scope::open(&self.0, names).await.map(|(open, _)| open).unwrap_or_default()
    }
}

#[async_trait]
impl Library for Documents {
    async fn resources(&self, _who: &Principal) -> Result<Vec<Resource>, ToolError> {
        let mut resources = Vec::new();
        for one in self.open(&[]).await {
            let entries = one.snapshot.documents(&Filter::default(), None, MOST - resources.len()).await;
            let Ok(entries) = entries.inspect_err(|error| {
                tracing::warn!(collection = one.name(), %error, "no documents are listed");
            }) else {
                continue;
            };
            resources.extend(entries.into_iter().map(|entry| {
                let about = format!("{} of the collection `{}`", entry.path, one.name());
                let mime = mime(&entry);
                let shown = Resource::new(uri(one.name(), &entry.path), entry.path)
                    .with_description(about)
                    .with_mime_type(mime);
                match entry.title {
                    Some(title) => shown.with_title(title),
                    None => shown,
                }
            }));
            if resources.len() >= MOST {
                break;
            }
        }
        Ok(resources)
    }

    async fn resource_templates(&self, _who: &Principal) -> Result<Vec<ResourceTemplate>, ToolError> {
        if self.0.all().next().is_none() {
            return Ok(Vec::new());
        }
        let template = ResourceTemplate::new(TEMPLATE, "document")
            .with_title("A document of a collection")
            .with_description("The text of a document, as read_document gives it, without line numbers.")
            .with_mime_type("text/plain");
        Ok(vec![template])
    }

    async fn read(&self, _who: &Principal, uri: &str) -> Result<Option<Vec<ResourceContents>>, ToolError> {
        let Some((collection, path)) = parse(uri) else { return Ok(None) };
        if self.0.get(&collection).is_none() {
            return Ok(None);
        }
        let (open, _) = scope::open(&self.0, &[collection]).await?;
        let [one] = open.as_slice() else { return Ok(None) };
        let document = one.snapshot.document(&path).await.map_err(|error| scope::failure(one.name(), error))?;
        let Some(document) = document else { return Ok(None) };
        let mut text = document.text;
        if text.len() > LONGEST {
            let all = text.len();
            text.truncate(text.floor_char_boundary(LONGEST));
            text.push_str(&format!("\n[cut after {LONGEST} of {all} bytes: read_document reads any lines]\n"));
        }
        Ok(Some(vec![ResourceContents::text(text, uri).with_mime_type(mime(&document.entry))]))
    }

    async fn complete(
        &self,
        _who: &Principal,
        request: &CompleteRequestParams,
    ) -> Result<Option<CompletionInfo>, ToolError> {
        let Reference::Resource(template) = &request.r#ref else { return Ok(None) };
        if template.uri != TEMPLATE {
            return Ok(None);
        }
        let begun = &request.argument.value;
        let values = match request.argument.name.as_str() {
            "collection" => {
                let names = self.0.all().map(|collection| collection.name().to_owned());
                names.filter(|name| name.starts_with(begun.as_str())).take(CompletionInfo::MAX_VALUES).collect()
            }
            "path" => {
                let chosen = request.context.as_ref().and_then(|context| context.get_argument("collection"));
                let names: Vec<String> =
                    chosen.filter(|name| self.0.get(name).is_some()).cloned().into_iter().collect();
                self.paths(&names, begun).await
            }
            _ => return Ok(None),
        };
        CompletionInfo::new(values).map(Some).map_err(ToolError::internal)
    }
}

impl Documents {
    /// The first paths that begin so.
    async fn paths(&self, names: &[String], begun: &str) -> Vec<String> {
        let mut paths = Vec::new();
        for one in self.open(names).await {
            if !begun.is_empty() && matches!(one.snapshot.document(begun).await, Ok(Some(_))) {
                paths.push(begun.to_owned());
            }
            // Paths come in order, so those that begin with it are the next after it.
            let after = Some(begun).filter(|begun| !begun.is_empty());
            let entries = one.snapshot.documents(&Filter::default(), after, CompletionInfo::MAX_VALUES).await;
            let begin = entries.unwrap_or_default().into_iter().map(|entry| entry.path);
            paths.extend(begin.take_while(|path| path.starts_with(begun)));
        }
        paths.sort_unstable();
        paths.dedup();
        paths.truncate(CompletionInfo::MAX_VALUES);
        paths
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_go_there_and_back() {
        for (collection, path) in [("handbook", "guides/vpn.md"), ("a b", "Größe/50% #1?.md"), ("x", "a/../b c.md")] {
            let uri = uri(collection, path);
            assert!(!uri.contains([' ', '#', '?']), "{uri}");
            assert_eq!(parse(&uri), Some((collection.to_owned(), path.to_owned())));
        }
        for other in ["doc://x", "doc://x/", "sql://a/b", "doc://x/%ff"] {
            assert_eq!(parse(other), None, "{other}");
        }
    }
}
