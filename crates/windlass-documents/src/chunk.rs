//! A document in pieces that a search can find.
//!
//! A chunk is whole lines of one section, with the headings above it, so that it says by itself what it is about.
//! Sections are put together only where one alone would be a line or two (`groups`); what is too long is cut between
//! paragraphs, fences and tables (`pack`), and repeats the end of what was before it.

mod groups;
mod pack;

use crate::{Chunk, Document, lines};

use groups::{Part, groups, parts};
use pack::{Piece, pack};

/// How long chunks are, in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chunking {
    /// What a chunk is filled up to.
    pub target: usize,
    /// What it never exceeds, the overlap included. A code block or table up to this length is kept whole.
    pub most: usize,
    /// How much of the chunk before it one repeats, at most.
    pub overlap: usize,
}

impl Default for Chunking {
    fn default() -> Self {
        Self { target: 1200, most: 2000, overlap: 200 }
    }
}

/// A text by its lines, measured.
struct Measured<'a> {
    lines: Vec<&'a str>,
    /// Characters of each, its `\n` included.
    sizes: Vec<usize>,
    blank: Vec<bool>,
}

impl<'a> Measured<'a> {
    fn new(text: &'a str) -> Self {
        let lines = lines::lines(text);
        let sizes = lines.iter().map(|line| line.chars().count()).collect();
        let blank = lines.iter().map(|line| line.trim().is_empty()).collect();
        Self { lines, sizes, blank }
    }
}

/// The chunks of a document, in order. Every line that is not blank is in exactly one of them, the overlaps aside; a
/// line longer than a chunk is cut, and each of its pieces cites it.
pub fn chunks(document: &Document, options: &Chunking) -> Vec<Chunk> {
    let most = options.most.max(16);
    let target = options.target.clamp(1, most);
    let options = Chunking { target, most, overlap: options.overlap.min(target / 2) };
    let text = Measured::new(&document.text);
    let parts = parts(&text, &document.sections);
    let mut chunks = Vec::new();
    for group in groups(&text, &parts, &options) {
        let mut before = None;
        for piece in pack(&text, &parts[group], &options) {
            let chunk = match piece {
                Piece::Lines(first, end) => {
                    let from = before.map_or(first, |before| overlap(&text, &parts, before, (first, end), &options));
                    Chunk {
                        breadcrumb: breadcrumb(document, &text, &parts, (first, end)),
                        first_line: lines::number(from),
                        last_line: lines::number(end - 1),
                        text: text.lines[from..end].concat(),
                    }
                }
                Piece::Within(line, start, end) => Chunk {
                    breadcrumb: breadcrumb(document, &text, &parts, (line, line + 1)),
                    first_line: lines::number(line),
                    last_line: lines::number(line),
                    text: text.lines[line][start..end].to_owned(),
                },
            };
            before = Some(match piece {
                Piece::Lines(first, _) => first,
                Piece::Within(line, ..) => line + 1,
            });
            chunks.push(chunk);
        }
    }
    chunks
}

/// Where a chunk of the lines `own` begins when it repeats the end of the one that began at `before`.
fn overlap(text: &Measured, parts: &[Part], before: usize, own: (usize, usize), options: &Chunking) -> usize {
    let part = &parts[part_at(parts, own.0)];
    let mut size: usize = text.sizes[own.0..own.1].iter().sum();
    let (mut from, mut repeated) = (own.0, 0);
    for line in (part.first.max(before)..own.0).rev() {
        repeated += text.sizes[line];
        size += text.sizes[line];
        if repeated > options.overlap || size > options.most {
            break;
        }
        if !text.blank[line] {
            from = line;
        }
    }
    from
}

/// The part that a line belongs to.
fn part_at(parts: &[Part], line: usize) -> usize {
    parts.partition_point(|part| part.first <= line).saturating_sub(1)
}

/// The document's title and the headings that all of these lines are under.
fn breadcrumb(document: &Document, text: &Measured, parts: &[Part], own: (usize, usize)) -> Vec<String> {
    let first = part_at(parts, own.0);
    let touched = parts[first..].iter().enumerate().take_while(|(_, part)| part.first < own.1);
    // A heading with nothing but its subsections below it is above them, not beside them. Nor is what comes before the
    // first heading: it is a line or two, or it would be a chunk by itself.
    let says_something = |part: &Part| {
        let first = part.first.max(own.0);
        (first..part.end.min(own.1)).any(|line| {
            let heading = line == part.first;
            !heading && part.section.is_some() && text.lines[line].contains(char::is_alphanumeric)
        })
    };
    let chains = touched.map(|(index, part)| (chain(parts, first + index), says_something(part)));
    let mut common: Option<(Vec<usize>, bool)> = None;
    for (chain, says) in chains {
        common = Some(match common {
            None => (chain, says),
            Some((_, false)) if says => (chain, true),
            Some((common, true)) if !says => (common, true),
            Some((common, says)) => {
                let same = common.iter().zip(&chain).take_while(|(one, other)| one == other).count();
                (common[..same].to_vec(), says)
            }
        });
    }
    let headings = common.map(|(chain, _)| chain).unwrap_or_default();
    let headings =
        headings.into_iter().filter_map(|part| parts[part].section.map(|s| document.sections[s].title.clone()));
    let mut breadcrumb: Vec<String> = document.title.iter().cloned().collect();
    for heading in headings {
        let again = breadcrumb.len() == 1 && document.title.is_some() && alike(&breadcrumb[0], &heading);
        if !again {
            breadcrumb.push(heading);
        }
    }
    breadcrumb
}

/// A part and the parts above it, the highest first.
fn chain(parts: &[Part], part: usize) -> Vec<usize> {
    let mut chain = vec![part];
    while let Some(parent) = chain.last().and_then(|part| parts[*part].parent) {
        chain.push(parent);
    }
    chain.reverse();
    chain
}

fn alike(one: &str, other: &str) -> bool {
    one.trim().to_lowercase() == other.trim().to_lowercase()
}

impl Chunk {
    /// What a vector is made of: where it stands, and what it says.
    pub fn embedded_text(&self) -> String {
        if self.breadcrumb.is_empty() {
            return self.text.clone();
        }
        format!("{}\n{}", self.breadcrumb.join(" > "), self.text)
    }
}
