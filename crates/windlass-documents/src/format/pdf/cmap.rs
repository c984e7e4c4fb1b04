//! What codes mean: the `ToUnicode` of a font.

use std::collections::BTreeMap;

use lopdf::Object;

use crate::Refused;

use super::{
    budget::Budget,
    lexer::{Item, Lexer},
};

/// Codes and ranges of one font.
const MAX_ENTRIES: usize = 70_000;

#[derive(Debug, Default)]
pub(super) struct CMap {
    /// By length of the code, and the last code of the range.
    ranges: BTreeMap<(usize, u32), Range>,
    /// Lengths that codes have.
    pub lengths: [bool; 5],
}

#[derive(Debug)]
struct Range {
    first: u32,
    /// What the first code means; the last character counts up.
    text: Vec<u16>,
}

impl CMap {
    pub fn parse(data: &[u8], budget: &Budget) -> Result<Self, Refused> {
        let mut cmap = Self::default();
        let mut lexer = Lexer::contents(data, budget);
        let mut operands: Vec<Object> = Vec::new();
        loop {
            match lexer.next()? {
                Item::Object(object) if operands.len() < MAX_ENTRIES => operands.push(object),
                Item::Object(_) => {}
                Item::Word(word) => {
                    match word.as_slice() {
                        b"endcodespacerange" => {
                            for code in operands.iter().filter_map(|code| code.as_str().ok()) {
                                cmap.lengths[code.len().min(4)] = true;
                            }
                        }
                        b"endbfchar" => cmap.characters(&operands),
                        b"endbfrange" => cmap.spans(&operands),
                        _ => {}
                    }
                    operands.clear();
                    lexer.fresh();
                }
                Item::End => return Ok(cmap),
            }
        }
    }

    fn characters(&mut self, operands: &[Object]) {
        for pair in operands.chunks_exact(2) {
            if let (Ok(code), Ok(text)) = (pair[0].as_str(), pair[1].as_str()) {
                self.add(code, code, utf16(text));
            }
        }
    }

    fn spans(&mut self, operands: &[Object]) {
        for three in operands.chunks_exact(3) {
            let (Ok(first), Ok(last)) = (three[0].as_str(), three[1].as_str()) else { continue };
            match &three[2] {
                Object::String(text, _) => self.add(first, last, utf16(text)),
                Object::Array(texts) => {
                    for (code, text) in (number(first)..=number(last)).zip(texts) {
                        let code = &code.to_be_bytes()[4 - first.len().min(4)..];
                        self.add(code, code, text.as_str().map(utf16).unwrap_or_default());
                    }
                }
                _ => {}
            }
        }
    }

    fn add(&mut self, first: &[u8], last: &[u8], text: Vec<u16>) {
        let length = first.len();
        if (1..=4).contains(&length) && last.len() == length && self.ranges.len() < MAX_ENTRIES {
            self.ranges.insert((length, number(last)), Range { first: number(first), text });
        }
    }

    /// Codes and ranges that are known.
    pub fn len(&self) -> usize {
        self.ranges.len()
    }

    /// What a code of so many bytes means.
    pub fn text(&self, code: u32, length: usize) -> Option<String> {
        let ((found, _), range) = self.ranges.range((length, code)..).next()?;
        if *found != length || range.first > code {
            return None;
        }
        let mut text = range.text.clone();
        let last = text.last_mut()?;
        *last = last.wrapping_add(u16::try_from(code - range.first).ok()?);
        Some(String::from_utf16_lossy(&text)).filter(|text| !text.starts_with(['\0', '\u{fffd}']))
    }
}

fn number(code: &[u8]) -> u32 {
    code.iter().take(4).fold(0, |number, byte| (number << 8) | u32::from(*byte))
}

/// At most as much as a ligature needs.
fn utf16(bytes: &[u8]) -> Vec<u16> {
    if let [one] = bytes {
        return vec![u16::from(*one)];
    }
    bytes.chunks_exact(2).take(16).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Limits;

    #[test]
    fn codes_mean_what_the_map_says() {
        let budget = Budget::new(&Limits::default());
        let source = b"/CIDInit /ProcSet findresource begin 12 dict begin begincmap\n\
            1 begincodespacerange <0000> <FFFF> endcodespacerange\n\
            2 beginbfchar <0003> <0020> <0005> <00660069> endbfchar\n\
            2 beginbfrange <0010> <0020> <0041> <0030> <0032> [<0061> <0062> <D83DDE00>] endbfrange endcmap";
        let cmap = CMap::parse(source, &budget).unwrap();
        let text = |code| cmap.text(code, 2);
        assert!(cmap.lengths[2] && !cmap.lengths[1]);
        assert_eq!(text(0x03).as_deref(), Some(" "));
        assert_eq!(text(0x05).as_deref(), Some("fi"));
        assert_eq!(text(0x12).as_deref(), Some("C"));
        assert_eq!(text(0x31).as_deref(), Some("b"));
        assert_eq!(text(0x32).as_deref(), Some("😀"));
        assert_eq!(text(0x21), None);
        assert_eq!(text(0xffff), None);
        assert_eq!(cmap.text(0x12, 1), None);
    }
}
