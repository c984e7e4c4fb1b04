//! Which sections are cut up together.

use std::ops::Range;

use crate::Section;

use super::{Chunking, Measured};

/// A heading with its lines up to the next heading, or the lines before the first one.
pub(super) struct Part {
    /// Its heading. None for what is before the first.
    pub section: Option<usize>,
    /// 0 for what is before the first heading.
    pub level: u8,
    /// Its first line, from 0.
    pub first: usize,
    /// The line after its last one.
    pub end: usize,
    /// The part whose heading it is under.
    pub parent: Option<usize>,
}

pub(super) fn parts(text: &Measured, sections: &[Section]) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::with_capacity(sections.len() + 1);
    if !text.lines.is_empty() {
        parts.push(Part { section: None, level: 0, first: 0, end: text.lines.len(), parent: None });
    }
    let mut above: Vec<usize> = Vec::new();
    for (index, section) in sections.iter().enumerate() {
        let first = section.line.saturating_sub(1) as usize;
        let Some(last) = parts.last_mut().filter(|last| last.first <= first && first < text.lines.len()) else {
            continue;
        };
        if last.first == first && last.section.is_some() {
            continue;
        }
        last.end = first;
        let level = section.level.max(1);
        while above.last().is_some_and(|part| parts[*part].level >= level) {
            above.pop();
        }
        let parent = above.last().copied();
        above.push(parts.len());
        parts.push(Part { section: Some(index), level, first, end: text.lines.len(), parent });
    }
    parts
}

/// A run of parts.
struct Group {
    parts: Range<usize>,
    /// Of its first part: those that follow are beside or below it.
    level: u8,
    size: usize,
    /// Whether it has nothing but headings.
    bare: bool,
}

/// Parts that belong together, as ranges: mostly one and what is below it.
pub(super) fn groups(text: &Measured, parts: &[Part], options: &Chunking) -> Vec<Range<usize>> {
    let tiny = options.target / 4;
    let mut groups: Vec<Group> = Vec::new();
    for (index, part) in parts.iter().enumerate() {
        let lines = part.first..part.end;
        let size: usize = text.sizes[lines.clone()].iter().sum();
        let heading = usize::from(part.section.is_some());
        let bare = lines.skip(heading).all(|line| !text.lines[line].contains(char::is_alphanumeric));
        if let Some(group) = groups.last_mut() {
            let beside_or_below = part.level >= group.level;
            let fits = group.size + size <= options.target;
            // The reader's own order is kept: what stands under a high heading is one chunk by itself, unless that
            // would be next to nothing.
            let small = part.level > 2 || group.size < tiny || size < tiny;
            if beside_or_below && (group.bare || (fits && small)) {
                group.parts.end = index + 1;
                group.size += size;
                group.bare &= bare;
                continue;
            }
        }
        groups.push(Group { parts: index..index + 1, level: part.level, size, bare });
    }
    groups.into_iter().map(|group| group.parts).collect()
}
