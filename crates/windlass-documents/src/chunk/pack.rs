//! Where a long section is cut.

use crate::lines::{Fences, indent};

use super::{Chunking, Measured, Part};

/// What one chunk has of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Piece {
    /// Lines, from 0, the end exclusive.
    Lines(usize, usize),
    /// Bytes of one line that is too long for a chunk.
    Within(usize, usize, usize),
}

/// The pieces of a group, none of them blank, none beginning or ending with a blank line.
pub(super) fn pack(text: &Measured, group: &[Part], options: &Chunking) -> Vec<Piece> {
    let mut packer = Packer { text, options, pieces: Vec::new(), first: 0, end: 0, size: 0 };
    for (first, end) in blocks(text, group) {
        packer.block(first, end);
    }
    packer.flush();
    packer.join_last();
    packer.pieces
}

struct Packer<'a> {
    text: &'a Measured<'a>,
    options: &'a Chunking,
    pieces: Vec<Piece>,
    first: usize,
    end: usize,
    size: usize,
}

impl Packer<'_> {
    fn block(&mut self, first: usize, end: usize) {
        let size = self.text.sizes[first..end].iter().sum();
        let room = if self.size < self.options.target / 2 { self.options.most } else { self.options.target };
        if self.size + size <= room {
            return self.take(first, end, size);
        }
        if size <= self.options.most {
            self.flush();
            return self.take(first, end, size);
        }
        for line in first..end {
            let size = self.text.sizes[line];
            let paragraph_ends = line > first && self.text.blank[line - 1] && self.size * 3 > self.options.target * 2;
            if self.size + size > self.options.target || paragraph_ends {
                self.flush();
            }
            if size > self.options.most {
                self.cut(line);
            } else {
                self.take(line, line + 1, size);
            }
        }
    }

    fn take(&mut self, first: usize, end: usize, size: usize) {
        if self.size == 0 {
            self.first = first;
        }
        self.end = end;
        self.size += size;
    }

    fn flush(&mut self) {
        if self.size == 0 {
            return;
        }
        self.size = 0;
        let says = |line: &usize| !self.text.blank[*line];
        let (first, last) = ((self.first..self.end).find(says), (self.first..self.end).rev().find(says));
        if let (Some(first), Some(last)) = (first, last) {
            self.pieces.push(Piece::Lines(first, last + 1));
        }
    }

    /// A line too long for a chunk, at its spaces where it has them.
    fn cut(&mut self, line: usize) {
        let text = self.text.lines[line];
        let mut start = 0;
        while start < text.len() {
            let rest = &text[start..];
            let end = rest.char_indices().nth(self.options.most).map_or(rest.len(), |(end, _)| end);
            let end = match rest[..end].rfind(' ') {
                Some(space) if end < rest.len() && space > end / 2 => space + 1,
                _ => end,
            };
            if !rest[..end].trim().is_empty() {
                self.pieces.push(Piece::Within(line, start, start + end));
            }
            start += end;
        }
    }

    /// What is left at the end may be a line or two. It goes to the one before where that has room.
    fn join_last(&mut self) {
        let [.., Piece::Lines(first, middle), Piece::Lines(next, end)] = self.pieces[..] else { return };
        let size = |first: usize, end: usize| self.text.sizes[first..end].iter().sum::<usize>();
        let small = size(next, end) < self.options.target / 4 && middle <= next;
        if small && size(first, end) <= self.options.most {
            self.pieces.truncate(self.pieces.len() - 2);
            self.pieces.push(Piece::Lines(first, end));
        }
    }
}

/// Lines that are better not parted: paragraphs, fences, tables, a heading with what follows it.
fn blocks(text: &Measured, group: &[Part]) -> Vec<(usize, usize)> {
    let (Some(start), Some(end)) = (group.first().map(|part| part.first), group.last().map(|part| part.end)) else {
        return Vec::new();
    };
    let mut headings = group.iter().filter(|part| part.section.is_some()).map(|part| part.first).peekable();
    let mut blocks = Vec::new();
    let mut fences = Fences::default();
    let (mut first, mut clings) = (start, false);
    for line in start..end {
        let inside = fences.is_open();
        let covered = fences.covers(text.lines[line]);
        let heading = headings.next_if(|heading| *heading == line).is_some();
        let after_blank = line > start && text.blank[line - 1] && !text.blank[line];
        let opens = covered && !inside;
        // What is indented belongs to the list or the function above.
        let begins = heading || opens || (after_blank && !inside && indent(text.lines[line]) < 4);
        let parted = if clings { heading && !only_headings(text, first, line) } else { begins };
        if parted && line > first {
            blocks.push((first, line));
            first = line;
        }
        if heading {
            clings = true;
        } else if begins && line > start {
            clings = false;
        }
    }
    if first < end {
        blocks.push((first, end));
    }
    blocks
}

/// Whether these lines are one heading and blank lines.
fn only_headings(text: &Measured, first: usize, end: usize) -> bool {
    (first + 1..end).all(|line| !text.lines[line].contains(char::is_alphanumeric))
}
