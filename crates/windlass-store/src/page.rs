use std::io;

use crate::{shelf::Kept, text};

const CHUNK: usize = 64 << 10;

/// Where a page begins.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Start {
    Offset(u64),
    /// Counted from 1.
    Line(u64),
}

/// A stretch of an output as text. Pages read one after another, each from the `next` of the one before, are the whole.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Page {
    pub(crate) text: String,
    pub(crate) offset: u64,
    pub(crate) next: Option<u64>,
}

/// Why there is no page.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PageError {
    #[error("the output has only {0} lines")]
    NoSuchLine(u64),
    #[error("the caller is gone")]
    Stopped,
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Smallest page: less might not hold one character, and paging would stand still.
pub(crate) const SMALLEST: usize = 16;

/// Reads at most `limit` bytes of text, and at most `lines` lines of it.
pub(crate) fn read(
    kept: &Kept,
    start: Start,
    limit: usize,
    lines: Option<u64>,
    stopped: &dyn Fn() -> bool,
) -> Result<Page, PageError> {
    let limit = limit.max(SMALLEST);
    let offset = match start {
        Start::Offset(offset) => character_start(kept, offset.min(kept.entry.kept))?,
        Start::Line(line) => line_start(kept, line, stopped)?,
    };
    let raw = kept.read(offset, limit)?;
    let at_end = offset + raw.len() as u64 >= kept.entry.kept;
    let whole = if at_end { &raw[..] } else { text::without_cut_end(&raw) };
    let wanted = match lines {
        Some(lines) => &whole[..length_of_lines(whole, lines)],
        None => whole,
    };
    let (text, used) = text::head(wanted, limit);
    let next = offset + used as u64;
    Ok(Page { text, offset, next: (next < kept.entry.kept).then_some(next) })
}

/// `offset`, or where the character begins that it lies within.
fn character_start(kept: &Kept, offset: u64) -> io::Result<u64> {
    let before = offset.min(3);
    let around = kept.read(offset - before, 7)?;
    for back in 1..=before {
        let candidate = &around[(before - back) as usize..];
        let first = candidate.utf8_chunks().next().and_then(|chunk| chunk.valid().chars().next());
        if first.is_some_and(|character| character.len_utf8() as u64 > back) {
            return Ok(offset - back);
        }
    }
    Ok(offset)
}

fn line_start(kept: &Kept, line: u64, stopped: &dyn Fn() -> bool) -> Result<u64, PageError> {
    let (mut offset, mut current) = (0, 1);
    while current < line {
        let chunk = kept.read(offset, CHUNK)?;
        if chunk.is_empty() {
            return Err(PageError::NoSuchLine(lines_in(kept, current)?));
        }
        if stopped() {
            return Err(PageError::Stopped);
        }
        let length = length_of_lines(&chunk, line - current);
        current += newlines(&chunk[..length]);
        offset += length as u64;
    }
    if offset == kept.entry.kept && line > 1 {
        return Err(PageError::NoSuchLine(lines_in(kept, current)?));
    }
    Ok(offset)
}

/// The number of lines, `after_last` being the line that would begin at the very end.
fn lines_in(kept: &Kept, after_last: u64) -> io::Result<u64> {
    let unterminated = kept.entry.kept > 0 && kept.read(kept.entry.kept - 1, 1)? != b"\n";
    Ok(after_last - u64::from(!unterminated))
}

/// Bytes of the first `lines` lines, or of all where there are fewer.
fn length_of_lines(bytes: &[u8], lines: u64) -> usize {
    let mut left = lines;
    let end = bytes.iter().position(|byte| {
        left -= u64::from(*byte == b'\n' && left > 0);
        left == 0
    });
    end.map_or(bytes.len(), |end| if lines == 0 { 0 } else { end + 1 })
}

fn newlines(bytes: &[u8]) -> u64 {
    bytes.iter().filter(|byte| **byte == b'\n').count() as u64
}
