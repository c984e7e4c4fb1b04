//! The headings of a document while it is read.

use crate::{Limits, Section};

/// Characters of a heading that are kept. They stand in front of every chunk.
const MAX_TITLE: usize = 160;

/// Collects headings, as many as the limits allow.
#[derive(Debug)]
pub(crate) struct Outline {
    sections: Vec<Section>,
    most: usize,
}

impl Outline {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self { sections: Vec::new(), most: limits.sections }
    }

    /// Adds a heading that stands on `line`. One without words is none.
    pub(crate) fn add(&mut self, level: usize, title: &str, line: u32) {
        let title = tidy(title);
        if title.is_empty() || self.sections.len() >= self.most {
            return;
        }
        let level = u8::try_from(level.clamp(1, 6)).unwrap_or(6);
        self.sections.push(Section { level, title, line });
    }

    /// Forgets what there is.
    pub(crate) fn clear(&mut self) {
        self.sections.clear();
    }

    pub(crate) fn done(self) -> Vec<Section> {
        self.sections
    }

    /// What most documents put their name into: the first heading of the highest level, else the first of all.
    pub(crate) fn title(&self) -> Option<String> {
        let first = self.sections.iter().find(|section| section.level == 1).or(self.sections.first())?;
        Some(first.title.clone())
    }
}

/// One line, single spaces, not too long.
pub(crate) fn tidy(title: &str) -> String {
    let mut out = String::new();
    for word in title.split_whitespace() {
        let room = MAX_TITLE.saturating_sub(out.chars().count());
        if room == 0 {
            break;
        }
        if !out.is_empty() {
            out.push(' ');
        }
        out.extend(word.chars().filter(|c| !c.is_control()).take(room));
    }
    out
}

/// The words of a tag list, each once: `a, b` or `a b`, whichever it is.
pub(crate) fn tags<'a>(words: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    const MOST: usize = 50;
    let mut tags: Vec<String> = Vec::new();
    for word in words {
        let word = tidy(word.trim().trim_start_matches('#'));
        if !word.is_empty() && tags.len() < MOST && !tags.contains(&word) {
            tags.push(word);
        }
    }
    tags
}

/// The tags of one text: with commas or semicolons where it has them.
pub(crate) fn tags_of(text: &str) -> Vec<String> {
    if text.contains([',', ';']) { tags(text.split([',', ';'])) } else { tags([text]) }
}
