//! Fonts: what a string shows, and how wide it is.

use std::collections::HashMap;

use lopdf::{Dictionary, Object};

use crate::Refused;

use super::{cmap::CMap, file::File, glyph::Glyphs};

/// Width of a glyph of which nothing is known, in thousandths of the font's size.
const WIDTH: f32 = 500.0;
/// Widths of one font.
const MAX_WIDTHS: usize = 70_000;

pub(super) struct Font {
    cmap: CMap,
    /// Of fonts whose codes are bytes.
    simple: Option<Vec<Option<String>>>,
    /// Whether codes are UTF-16.
    unicode: bool,
    widths: HashMap<u32, f32>,
    width: f32,
}

/// A glyph that is shown.
pub(super) struct Shown {
    pub text: Option<String>,
    /// In units of the font's size.
    pub width: f32,
    /// Whether word spacing applies: the single byte 32.
    pub space: bool,
}

impl Font {
    pub fn read(file: &File, font: &Dictionary, glyphs: &mut Glyphs) -> Result<Self, Refused> {
        let cmap = match file.value(font, b"ToUnicode")? {
            Object::Stream(stream) => match file.data(&stream)? {
                Some(data) => CMap::parse(&data, file.budget)?,
                None => CMap::default(),
            },
            _ => CMap::default(),
        };
        let composite = font.get(b"Subtype").and_then(Object::as_name).is_ok_and(|kind| kind == b"Type0");
        let encoding = file.value(font, b"Encoding")?;
        let mut read = Self { cmap, simple: None, unicode: false, widths: HashMap::new(), width: WIDTH };
        if composite {
            let name = encoding.as_name().unwrap_or_default();
            let name = String::from_utf8_lossy(name);
            read.unicode = name.starts_with("Uni") && (name.contains("UCS2") || name.contains("UTF16"));
            read.composite_widths(file, font)?;
        } else {
            read.simple = Some(simple(file, &encoding, glyphs)?);
            read.simple_widths(file, font)?;
        }
        Ok(read)
    }

    fn simple_widths(&mut self, file: &File, font: &Dictionary) -> Result<(), Refused> {
        let first = file.value(font, b"FirstChar")?.as_i64().unwrap_or(0);
        if let Object::Array(widths) = file.value(font, b"Widths")? {
            // Type 3 fonts measure by a matrix of their own.
            let type3 = font.get(b"Subtype").and_then(Object::as_name).is_ok_and(|kind| kind == b"Type3");
            let scale = match file.value(font, b"FontMatrix")? {
                Object::Array(matrix) if type3 => {
                    matrix.first().and_then(|a| a.as_float().ok()).unwrap_or(0.001) * 1000.0
                }
                _ => 1.0,
            };
            for (index, width) in widths.iter().take(256).enumerate() {
                let code = first.saturating_add(index as i64);
                if let (Ok(code), Ok(width)) = (u32::try_from(code), file.resolve(width)?.as_float()) {
                    self.widths.insert(code, width * scale);
                }
            }
        } else if font.get(b"BaseFont").and_then(Object::as_name).is_ok_and(|name| name.starts_with(b"Courier")) {
            self.width = 600.0;
        }
        Ok(())
    }

    fn composite_widths(&mut self, file: &File, font: &Dictionary) -> Result<(), Refused> {
        self.width = 1000.0;
        let Object::Array(descendants) = file.value(font, b"DescendantFonts")? else { return Ok(()) };
        let Some(descendant) = descendants.first() else { return Ok(()) };
        let Object::Dictionary(descendant) = file.resolve(descendant)? else { return Ok(()) };
        self.width = file.value(&descendant, b"DW")?.as_float().unwrap_or(1000.0);
        let Object::Array(widths) = file.value(&descendant, b"W")? else { return Ok(()) };
        let mut rest = widths.as_slice();
        // `first [w1 w2 ...]` or `first last width`
        while let [first, second, after @ ..] = rest {
            let Some(first) = first.as_i64().ok().and_then(|first| u32::try_from(first).ok()) else { break };
            match (file.resolve(second)?, after) {
                (Object::Array(widths), _) => {
                    for (code, width) in (first..).zip(&widths) {
                        self.set_width(code, width);
                    }
                    rest = after;
                }
                (last, [width, after @ ..]) => {
                    let last = last.as_i64().ok().and_then(|last| u32::try_from(last).ok()).unwrap_or(first);
                    for code in first..=last.min(first.saturating_add(0xffff)) {
                        self.set_width(code, width);
                        file.budget.spend(1)?;
                    }
                    rest = after;
                }
                _ => break,
            }
        }
        Ok(())
    }

    fn set_width(&mut self, code: u32, width: &Object) {
        if let Ok(width) = width.as_float()
            && self.widths.len() < MAX_WIDTHS
        {
            self.widths.insert(code, width);
        }
    }

    /// What it takes: entries of its tables.
    pub fn weight(&self) -> usize {
        self.cmap.len() + self.widths.len()
    }

    /// The glyphs of a string.
    pub fn shown<'a>(&'a self, bytes: &'a [u8]) -> impl Iterator<Item = Shown> + 'a {
        let mut rest = bytes;
        std::iter::from_fn(move || {
            let length = self.code_length(rest).min(rest.len());
            if length == 0 {
                return None;
            }
            let (code, after) = rest.split_at(length);
            rest = after;
            let code = code.iter().fold(0_u32, |number, byte| (number << 8) | u32::from(*byte));
            let width = self.widths.get(&code).copied().unwrap_or(self.width);
            Some(Shown { text: self.text(code, length), width: width / 1000.0, space: length == 1 && code == 32 })
        })
    }

    fn code_length(&self, rest: &[u8]) -> usize {
        if self.simple.is_some() {
            return 1;
        }
        // Fonts with codes of several lengths are rare, and then the shorter ones are letters.
        let one =
            self.cmap.lengths[1] && rest.first().is_some_and(|byte| self.cmap.text(u32::from(*byte), 1).is_some());
        if one || (self.cmap.lengths[1] && !self.cmap.lengths[2]) { 1 } else { 2 }
    }

    fn text(&self, code: u32, length: usize) -> Option<String> {
        // Some programs write the codes of one byte with two.
        let mapped =
            self.cmap.text(code, length).or_else(|| self.simple.as_ref().and_then(|_| self.cmap.text(code, 2)));
        mapped.or_else(|| match &self.simple {
            Some(simple) => simple.get(code as usize).cloned().flatten(),
            None if self.unicode => char::from_u32(code).map(String::from),
            None => None,
        })
    }
}

/// The characters of a font whose codes are bytes.
fn simple(file: &File, encoding: &Object, glyphs: &mut Glyphs) -> Result<Vec<Option<String>>, Refused> {
    let dictionary = match encoding {
        Object::Name(name) => return Ok(glyphs.encoding(Some(name))),
        Object::Dictionary(dictionary) => dictionary,
        _ => return Ok(glyphs.encoding(None)),
    };
    let base = file.value(dictionary, b"BaseEncoding")?;
    let mut characters = glyphs.encoding(base.as_name().ok());
    if let Object::Array(differences) = file.value(dictionary, b"Differences")? {
        let mut code = 0_usize;
        for difference in differences.iter().take(1024) {
            match file.resolve(difference)? {
                Object::Integer(first) => code = usize::try_from(first).unwrap_or(usize::MAX),
                Object::Name(name) => {
                    file.budget.spend(20)?;
                    if let Some(character) = characters.get_mut(code) {
                        *character = glyphs.text(&name);
                    }
                    code = code.saturating_add(1);
                }
                _ => {}
            }
        }
    }
    Ok(characters)
}
