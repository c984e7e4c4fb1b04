//! What glyphs are called.

use std::collections::HashMap;

use lopdf::{Dictionary, Document, Object};

/// The text of a glyph by its name; `eacute`, `uni00E9`, `f_i`, `a.sc`.
pub(super) struct Glyphs {
    empty: Document,
    known: HashMap<Vec<u8>, Option<String>>,
}

/// Names that are remembered.
const MAX_KNOWN: usize = 10_000;

impl Glyphs {
    pub fn new() -> Self {
        Self { empty: Document::new(), known: HashMap::new() }
    }

    pub fn text(&mut self, name: &[u8]) -> Option<String> {
        if let Some(known) = self.known.get(name) {
            return known.clone();
        }
        let text = self.listed(name).or_else(|| self.composed(name));
        if self.known.len() < MAX_KNOWN {
            self.known.insert(name.to_vec(), text.clone());
        }
        text
    }

    /// The characters of a standard encoding; those of PDF itself where it is not named.
    pub fn encoding(&self, name: Option<&[u8]>) -> Vec<Option<String>> {
        let mut font = Dictionary::new();
        font.set("Type", Object::Name(b"Font".to_vec()));
        if let Some(name) = name {
            font.set("Encoding", Object::Name(name.to_vec()));
        }
        let Ok(encoding) = font.get_font_encoding_with_limit(&self.empty, 1 << 20) else { return vec![None; 256] };
        let text = |byte: u8| encoding.bytes_to_string(&[byte]).ok().filter(|text| !text.is_empty());
        (0..=u8::MAX).map(text).collect()
    }

    /// The library's list can only be asked by way of a font that has the glyph.
    fn listed(&self, name: &[u8]) -> Option<String> {
        let mut encoding = Dictionary::new();
        encoding.set("Differences", Object::Array(vec![Object::Integer(0), Object::Name(name.to_vec())]));
        let mut font = Dictionary::new();
        font.set("Type", Object::Name(b"Font".to_vec()));
        font.set("Encoding", Object::Dictionary(encoding));
        let encoding = font.get_font_encoding_with_limit(&self.empty, 1 << 20).ok()?;
        encoding.bytes_to_string(&[0]).ok().filter(|text| !text.is_empty())
    }

    fn composed(&self, name: &[u8]) -> Option<String> {
        let name = std::str::from_utf8(name).ok().filter(|name| name.len() <= 64)?;
        let name = name.split('.').next().filter(|name| !name.is_empty())?;
        let hexadecimal = |digits: &str| u32::from_str_radix(digits, 16).ok().and_then(char::from_u32);
        let one = |part: &str| -> Option<String> {
            self.listed(part.as_bytes()).or_else(|| {
                let digits = part.strip_prefix("uni").filter(|digits| digits.len() == 4);
                let digits =
                    digits.or_else(|| part.strip_prefix('u').filter(|digits| (4..=6).contains(&digits.len())))?;
                hexadecimal(digits).map(String::from)
            })
        };
        name.split('_').map(one).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::Glyphs;

    #[test]
    fn glyphs_are_known_by_name() {
        let mut glyphs = Glyphs::new();
        let mut text = |name: &str| glyphs.text(name.as_bytes());
        assert_eq!(text("eacute").as_deref(), Some("é"));
        assert_eq!(text("uni00E9").as_deref(), Some("é"));
        assert_eq!(text("f_i").as_deref(), Some("\u{fb01}"));
        assert_eq!(text("a_b_c").as_deref(), Some("abc"));
        assert_eq!(text("a.sc").as_deref(), Some("a"));
        assert_eq!(text("g123"), None);
        assert_eq!(text(""), None);
        assert_eq!(Glyphs::new().encoding(Some(b"WinAnsiEncoding"))[0xe9].as_deref(), Some("é"));
    }
}
