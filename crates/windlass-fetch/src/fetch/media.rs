//! What a body is said to be, and how its bytes become text.

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};

/// A parsed `Content-Type`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Media {
    /// Type and subtype in lower case; empty where the server did not say.
    pub essence: String,
    charset: Option<&'static Encoding>,
}

const TEXT_SUBTYPES: [&str; 14] = [
    "json",
    "xml",
    "xhtml",
    "yaml",
    "x-yaml",
    "toml",
    "x-ndjson",
    "ndjson",
    "jsonl",
    "javascript",
    "ecmascript",
    "sql",
    "graphql",
    "x-sh",
];

impl Media {
    pub fn of(header: Option<&str>) -> Self {
        let Some(header) = header else { return Self::default() };
        let mut parts = header.split(';');
        let essence = parts.next().unwrap_or_default().trim().to_ascii_lowercase();
        let charset = parts.find_map(|parameter| {
            let (name, value) = parameter.split_once('=')?;
            if !name.trim().eq_ignore_ascii_case("charset") {
                return None;
            }
            Encoding::for_label(value.trim().trim_matches('"').as_bytes())
        });
        Self { essence, charset }
    }

    /// Whether bodies of this type are read at all. A server that names no type is given the benefit of the doubt until
    /// the first bytes are there.
    pub fn is_text(&self) -> bool {
        let Some((kind, subtype)) = self.essence.split_once('/') else { return self.essence.is_empty() };
        let suffix = subtype.rsplit_once('+').map(|(_, suffix)| suffix);
        kind == "text"
            || (kind == "application" && TEXT_SUBTYPES.contains(&subtype))
            || matches!(suffix, Some("json" | "xml" | "yaml"))
    }

    pub fn is_html(&self, text: &str) -> bool {
        match self.essence.as_str() {
            "text/html" | "application/xhtml+xml" => true,
            "" => {
                let start: String = text.trim_start().chars().take(15).collect::<String>().to_ascii_lowercase();
                start.starts_with("<!doctype html") || start.starts_with("<html")
            }
            _ => false,
        }
    }

    /// The text, or `None` where the bytes are no text whatever the header said.
    pub fn decode(&self, bytes: &[u8]) -> Option<String> {
        let encoding = match (Encoding::for_bom(bytes), self.charset) {
            (Some((encoding, _)), _) | (None, Some(encoding)) => encoding,
            (None, None) => declared_in_page(bytes).unwrap_or(UTF_8),
        };
        let wide = encoding == UTF_16LE || encoding == UTF_16BE;
        if !wide && bytes[..bytes.len().min(4096)].contains(&0) {
            return None;
        }
        Some(encoding.decode(bytes).0.into_owned())
    }
}

/// `<meta charset=...>` or `<?xml encoding=...?>` in the first kilobyte, where HTML wants it to be.
fn declared_in_page(bytes: &[u8]) -> Option<&'static Encoding> {
    let head = String::from_utf8_lossy(&bytes[..bytes.len().min(1024)]).to_ascii_lowercase();
    ["charset=", "encoding="].iter().find_map(|marker| {
        let (_, rest) = head.split_once(marker)?;
        let label = rest.trim_start_matches(['"', '\'']);
        let end = label.find(['"', '\'', '>', ' ', '/', ';', '?'])?;
        Encoding::for_label(&label.as_bytes()[..end])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_told_from_the_rest() {
        for text in [
            "",
            "text/html; charset=utf-8",
            "TEXT/CSV",
            "application/json",
            "application/ld+json",
            "image/svg+xml",
            "application/x-yaml",
        ] {
            assert!(Media::of(Some(text)).is_text(), "{text}");
        }
        for other in
            ["image/png", "application/octet-stream", "application/pdf", "application/zip", "video/mp4", "nonsense"]
        {
            assert!(!Media::of(Some(other)).is_text(), "{other}");
        }
    }

    #[track_caller]
    fn decodes(header: &str, bytes: &[u8], expected: Option<&str>) {
        assert_eq!(Media::of(Some(header)).decode(bytes).as_deref(), expected);
    }

    #[test]
    fn the_charset_comes_from_the_mark_the_header_or_the_page() {
        decodes("text/plain; charset=iso-8859-1", b"caf\xe9", Some("café"));
        decodes("text/plain; Charset=\"Shift_JIS\"", b"\x93\xfa\x96\x7b", Some("日本"));
        decodes("text/html", b"<meta charset=windows-1252><p>\x80", Some("<meta charset=windows-1252><p>€"));
        decodes("text/plain; charset=latin1", b"\xef\xbb\xbfcaf\xc3\xa9", Some("café"));
        decodes("text/plain", b"\xff\xfeh\0i\0", Some("hi"));
        decodes("text/plain", b"bad \xff byte", Some("bad \u{fffd} byte"));
        decodes("text/plain; charset=klingon", b"ok", Some("ok"));
    }

    #[test]
    fn bytes_that_are_no_text_are_not_decoded() {
        decodes("text/plain", b"\x7fELF\x02\x01\x01\0\0", None);
    }
}
