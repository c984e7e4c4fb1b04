//! What a tool answers, as a model reads it.

use rmcp::model::{CallToolResult, ContentBlock, EmbeddedResource, ResourceContents};
use serde_json::Value;

use super::Answer;
use crate::conversation::{Content, Image};

/// What models can see. Another kind of picture would have the whole request refused.
const PICTURES: [&str; 4] = ["image/png", "image/jpeg", "image/gif", "image/webp"];

/// Every block of `result`, in its order; then its data, where no block says the same.
pub fn answer_of(result: &CallToolResult) -> Answer {
    let mut content: Vec<Content> = result.content.iter().map(block).collect();
    if let Some(data) = &result.structured_content
        && !content.iter().any(|block| says(block, data))
    {
        content.push(text(data.to_string()));
    }
    Answer { content, is_error: result.is_error == Some(true) }
}

/// Servers are asked to repeat their data as text for clients that read only that. Twice would be paid for twice.
fn says(block: &Content, data: &Value) -> bool {
    let Content::Text { text } = block else { return false };
    serde_json::from_str::<Value>(text).is_ok_and(|told| told == *data)
}

fn block(block: &ContentBlock) -> Content {
    match block {
        ContentBlock::Text(words) => text(words.text.clone()),
        ContentBlock::Image(image) if PICTURES.contains(&image.mime_type.as_str()) => {
            Content::Image(Image { media_type: image.mime_type.clone(), data: image.data.clone() })
        }
        ContentBlock::Image(image) => unseen("picture", &image.mime_type, &image.data),
        ContentBlock::Audio(audio) => unseen("sound", &audio.mime_type, &audio.data),
        ContentBlock::Resource(resource) => embedded(resource),
        ContentBlock::ResourceLink(link) => {
            let mut said = format!("[resource {}: {}", link.uri, link.name);
            for more in [link.mime_type.as_deref(), link.description.as_deref()].into_iter().flatten() {
                said.push_str(", ");
                said.push_str(more);
            }
            text(said + "]")
        }
        // Of a later revision of the protocol: as it came.
        other => text(serde_json::to_string(other).unwrap_or_default()),
    }
}

fn embedded(resource: &EmbeddedResource) -> Content {
    match &resource.resource {
        ResourceContents::TextResourceContents { uri, text: words, .. } => text(format!("[resource {uri}]\n{words}")),
        ResourceContents::BlobResourceContents { uri, mime_type, blob, .. } => {
            let kind = mime_type.as_deref().unwrap_or("application/octet-stream");
            match PICTURES.contains(&kind) {
                true => Content::Image(Image { media_type: kind.to_owned(), data: blob.clone() }),
                false => unseen(&format!("resource {uri}"), kind, blob),
            }
        }
        other => text(serde_json::to_string(other).unwrap_or_default()),
    }
}

/// A block that cannot be shown is still told: silence would read as if there had been nothing.
fn unseen(what: &str, kind: &str, data: &str) -> Content {
    text(format!("[a {what} of {} bytes, {kind}, which cannot be shown to you]", data.len() / 4 * 3))
}

fn text(text: String) -> Content {
    Content::Text { text }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn shown(result: Value) -> String {
        let result: CallToolResult = serde_json::from_value(result).unwrap();
        let answer = answer_of(&result);
        let blocks = answer.content.iter().map(|block| match block {
            Content::Text { text } => text.clone(),
            Content::Image(image) => format!("<{} {}>", image.media_type, image.data),
        });
        let blocks: Vec<String> = blocks.collect();
        format!("{}{}", if answer.is_error { "error: " } else { "" }, blocks.join(" | "))
    }

    #[test]
    fn every_block_is_passed() {
        let rows: Vec<Value> = (0..1000).map(|row| json!({ "type": "text", "text": format!("row {row}") })).collect();
        let answer = shown(json!({ "content": rows }));
        assert!(answer.starts_with("row 0 | row 1 | ") && answer.ends_with(" | row 999"));
        insta::assert_snapshot!(shown(json!({
            "content": [
                { "type": "text", "text": "words" },
                { "type": "image", "mimeType": "image/png", "data": "AAAA" },
                { "type": "image", "mimeType": "image/tiff", "data": "AAAAAAAA" },
                { "type": "audio", "mimeType": "audio/wav", "data": "AAAA" },
                { "type": "resource", "resource": { "uri": "file:///a.txt", "text": "of a file" } },
                { "type": "resource", "resource": { "uri": "file:///a", "blob": "AAAA" } },
                { "type": "resource_link", "uri": "file:///b.txt", "name": "b", "mimeType": "text/plain" },
            ],
            "isError": true,
        })), @"error: words | <image/png AAAA> | [a picture of 6 bytes, image/tiff, which cannot be shown to you] | [a sound of 3 bytes, audio/wav, which cannot be shown to you] | [resource file:///a.txt]
of a file | [a resource file:///a of 3 bytes, application/octet-stream, which cannot be shown to you] | [resource file:///b.txt: b, text/plain]");
    }

    #[test]
    fn data_is_told_once() {
        for (result, expected) in [
            (json!({ "content": [], "structuredContent": { "a": 1 } }), r#"{"a":1}"#),
            (
                json!({ "content": [{ "type": "text", "text": "{ \"a\": 1 }" }], "structuredContent": { "a": 1 } }),
                r#"{ "a": 1 }"#,
            ),
            (
                json!({ "content": [{ "type": "text", "text": "one a" }], "structuredContent": { "a": 1 } }),
                r#"one a | {"a":1}"#,
            ),
        ] {
            assert_eq!(shown(result), expected);
        }
    }
}
