use std::{collections::VecDeque, io};

use regex::bytes::{Regex, RegexBuilder};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{shelf::Kept, text};

const CHUNK: usize = 64 << 10;
/// A line longer than this is searched in pieces.
const LONGEST: usize = 128 << 10;
/// Pieces of one line overlap by this much, so that a match on the seam is found.
const OVERLAP: usize = 4 << 10;
/// Bytes shown of a line.
const SHOWN: usize = 400;
/// Bytes shown before the match where a line is longer.
const LEAD: usize = 100;
/// Bounds on what a pattern may compile to; matching itself is linear in the input whatever the pattern.
const PATTERN_SIZE: usize = 1 << 20;

/// A line that was found, or stands next to one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct Row {
    /// Line number, counted from 1.
    pub(crate) line: u64,
    /// Byte offset of the match, or of the line where it is context; read_output takes it.
    pub(crate) offset: u64,
    /// The line, or the part of a long line around the match.
    pub(crate) text: String,
    /// False for a line of context.
    pub(crate) matched: bool,
}

/// What a search found.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) rows: Vec<Row>,
    pub(crate) matches: u64,
    /// Whether the search ended before the output did.
    pub(crate) more: bool,
}

pub(crate) struct Search {
    pub(crate) pattern: Regex,
    pub(crate) context: usize,
    pub(crate) max_matches: u64,
    /// Bytes of text all rows together may have.
    pub(crate) budget: usize,
}

/// Compiles what the caller sent.
pub(crate) fn pattern(text: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(text).size_limit(PATTERN_SIZE).dfa_size_limit(PATTERN_SIZE).build()
}

impl Search {
    /// Reads the output once from its beginning, holding one line of it at a time.
    pub(crate) fn run(&self, kept: &Kept, stopped: &dyn Fn() -> bool) -> io::Result<Found> {
        let mut rows =
            Rows { search: self, found: Found::default(), before: VecDeque::new(), after: 0, room: self.budget };
        let mut buffer: Vec<u8> = Vec::new();
        let mut at = Position { line: 1, offset: 0 };
        loop {
            let chunk = kept.read(at.offset + buffer.len() as u64, CHUNK)?;
            let last = chunk.is_empty();
            buffer.extend_from_slice(&chunk);
            let mut done = 0;
            while let Some(length) = buffer[done..].iter().position(|byte| *byte == b'\n') {
                if !rows.take(at, &buffer[done..done + length], length) {
                    return Ok(rows.found);
                }
                done += length + 1;
                at = Position { line: at.line + 1, offset: at.offset + length as u64 + 1 };
            }
            buffer.drain(..done);
            if last {
                if !buffer.is_empty() {
                    rows.take(at, &buffer, buffer.len());
                }
                return Ok(rows.found);
            }
            if buffer.len() >= LONGEST {
                let advance = buffer.len() - OVERLAP;
                if !rows.take(at, &buffer, advance - 1) {
                    return Ok(rows.found);
                }
                buffer.drain(..advance);
                at.offset += advance as u64;
            }
            if stopped() {
                rows.found.more = true;
                return Ok(rows.found);
            }
        }
    }
}

#[derive(Clone, Copy)]
struct Position {
    line: u64,
    offset: u64,
}

struct Rows<'a> {
    search: &'a Search,
    found: Found,
    before: VecDeque<Row>,
    /// Lines of context still owed to the last match.
    after: usize,
    room: usize,
}

impl Rows<'_> {
    /// Looks at one line (or piece of one), for matches that begin at `until` or before. False when that was enough.
    fn take(&mut self, at: Position, line: &[u8], until: usize) -> bool {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        match self.search.pattern.find(line).filter(|found| found.start() <= until) {
            Some(found) => {
                if self.found.matches == self.search.max_matches {
                    self.found.more = true;
                    return false;
                }
                let before = std::mem::take(&mut self.before);
                self.found.matches += 1;
                self.after = self.search.context;
                before.into_iter().all(|row| self.add(row)) && self.add(row(at, line, Some(found.start())))
            }
            None if self.after > 0 => {
                self.after -= 1;
                self.add(row(at, line, None))
            }
            None => {
                if self.search.context > 0 {
                    if self.before.len() == self.search.context {
                        self.before.pop_front();
                    }
                    self.before.push_back(row(at, line, None));
                }
                true
            }
        }
    }

    fn add(&mut self, row: Row) -> bool {
        if row.text.len() > self.room {
            self.found.more = true;
            return false;
        }
        self.room -= row.text.len();
        self.found.rows.push(row);
        true
    }
}

fn row(at: Position, line: &[u8], matched: Option<usize>) -> Row {
    let found = matched.unwrap_or(0);
    let start = if line.len() <= SHOWN { 0 } else { found.saturating_sub(LEAD) };
    let end = line.len().min(start + SHOWN);
    let shown = text::without_cut_end(text::without_cut_start(&line[start..end]));
    let (mut text, _) = text::head(shown, SHOWN);
    if start > 0 {
        text.insert(0, '…');
    }
    if end < line.len() {
        text.push('…');
    }
    Row { line: at.line, offset: at.offset + found as u64, text, matched: matched.is_some() }
}
