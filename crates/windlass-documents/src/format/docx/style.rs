//! Which paragraph styles are headings.

use std::collections::HashMap;

use crate::Refused;

use super::xml::{Event, Xml};

/// Styles that are kept; Word has about 300.
const MAX_STYLES: usize = 5_000;

/// The levels of the styles that are headings, by their ids.
#[derive(Debug, Default)]
pub(super) struct Levels(HashMap<String, u8>);

impl Levels {
    /// The level of a style: what the document says of it, else what its id means in Word.
    pub fn of(&self, style: &str) -> Option<u8> {
        self.0.get(style).copied().or_else(|| named(style))
    }
}

/// `heading 2`, `Heading2`, `Title`
fn named(name: &str) -> Option<u8> {
    let name = name.to_lowercase();
    if name == "title" {
        return Some(1);
    }
    let level = name.strip_prefix("heading")?.trim();
    level.parse().ok().filter(|level| (1..=9).contains(level))
}

pub(super) fn levels(xml: &[u8]) -> Result<Levels, Refused> {
    let mut levels = HashMap::new();
    let mut xml = Xml::new(xml);
    let (mut id, mut level) = (None, None);
    while let Some(event) = xml.next()? {
        match event {
            Event::Start(name, value) => match (name.as_str(), value) {
                ("style", _) => (id, level) = (xml.style_id.take(), None),
                // Ids are translated, names are not.
                ("name", Some(name)) => level = level.or_else(|| named(&name)),
                ("outlineLvl", Some(outline)) => level = level.or_else(|| outline_level(&outline)),
                _ => {}
            },
            Event::End(name) if name == "style" && levels.len() < MAX_STYLES => {
                if let (Some(id), Some(level)) = (id.take(), level.take()) {
                    levels.insert(id, level);
                }
            }
            _ => {}
        }
    }
    Ok(Levels(levels))
}

/// `0` is the highest, `9` is body text.
pub(super) fn outline_level(value: &str) -> Option<u8> {
    value.parse::<u8>().ok().filter(|level| *level < 9).map(|level| level + 1)
}
