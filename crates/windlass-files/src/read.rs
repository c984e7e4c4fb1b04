//! `read_file`.

use std::{
    io::{Read, Seek, SeekFrom},
    time::SystemTime,
};

use base64::{Engine, prelude::BASE64_STANDARD};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use windlass_core::{Call, CancellationToken, Output, Reply, ToolError, mcp::ContentBlock, units::Bytes};

use crate::{
    arguments::{Encoding, ReadAnswer, ReadArguments},
    content::{image, sum, text_of},
    error::FileError,
    root::Root,
    shown::shown,
};

/// Bytes that are read between two looks at whether anybody still wants them.
const BLOCK: usize = 256 << 10;
/// Bytes that are no text in one answer: as base64 they are as long as an answer usually may be.
const PART: usize = 24 << 10;
/// The biggest image that is shown.
const IMAGE: usize = 2 << 20;

/// A part of a file, or all of it.
pub(crate) struct Window {
    path: String,
    bytes: Vec<u8>,
    offset: u64,
    size: u64,
    modified: Option<String>,
}

impl Window {
    /// Whether the file goes on behind it.
    fn goes_on(&self) -> bool {
        self.end() < self.size
    }

    fn end(&self) -> u64 {
        self.offset + self.bytes.len() as u64
    }

    fn is_whole(&self) -> bool {
        self.offset == 0 && !self.goes_on()
    }
}

/// Reads as much as may be read at once.
pub(crate) fn read(root: &Root, path: &str, offset: u64, cancel: &CancellationToken) -> Result<Window, FileError> {
    let place = root.place(path)?;
    let (mut file, metadata) = root.file(&place)?;
    let path = place.text();
    let told = |error| FileError::of(&path, error);
    let size = metadata.len();
    if offset > size {
        let message = format!("`offset` is behind the end: {} has {size} bytes", shown(&path));
        return Err(FileError::Arguments(message));
    }
    if offset > 0 {
        file.seek(SeekFrom::Start(offset)).map_err(told)?;
    }
    let most = usize::try_from(root.settings.max_bytes.0).unwrap_or(usize::MAX);
    let mut bytes = Vec::with_capacity(usize::try_from(size - offset).unwrap_or(most).min(most));
    loop {
        if cancel.is_cancelled() {
            return Err(FileError::Cancelled);
        }
        let room = (most - bytes.len()).min(BLOCK);
        if room == 0 || (&mut file).take(room as u64).read_to_end(&mut bytes).map_err(told)? == 0 {
            break;
        }
    }
    // It may have grown while it was read, and a file of the kernel has no size at all.
    let size = size.max(offset + bytes.len() as u64);
    let modified = metadata.modified().ok().and_then(|time| instant(time.into_std()));
    Ok(Window { path, bytes, offset, size, modified })
}

/// The sum of a whole file. One too large to be read at once cannot have been read whole, and so not be known.
pub(crate) fn whole_sum(root: &Root, path: &str, cancel: &CancellationToken) -> Result<String, FileError> {
    let window = read(root, path, 0, cancel)?;
    if window.is_whole() {
        return Ok(sum(&window.bytes));
    }
    let message = format!("{} is too large to be compared with `expected_sha256`: leave it out", shown(path));
    Err(FileError::Arguments(message))
}

/// As RFC 3339 has it.
pub(crate) fn instant(time: SystemTime) -> Option<String> {
    OffsetDateTime::from(time).replace_nanosecond(0).ok()?.format(&Rfc3339).ok()
}

/// The answer to a call.
pub(crate) async fn answer(call: &Call, window: Window, given: &ReadArguments) -> Result<Reply, ToolError> {
    let by_lines = given.first_line.is_some() || given.last_line.is_some();
    if by_lines && given.encoding == Encoding::Base64 {
        return Err(
            ToolError::invalid("only text has lines").hint("leave out `encoding`, or give `offset` in place of lines")
        );
    }
    let (begins_inside, goes_on) = (window.offset > 0, window.goes_on());
    let text = match given.encoding {
        Encoding::Base64 => None,
        Encoding::Auto => text_of(&window.bytes, begins_inside, goes_on).map(|(_, text)| text.to_owned()),
        // Whoever asks for text gets what there is of it.
        Encoding::Text => Some(match text_of(&window.bytes, begins_inside, goes_on) {
            Some((_, text)) => text.to_owned(),
            None => String::from_utf8_lossy(&window.bytes).into_owned(),
        }),
    };
    let mut answer = ReadAnswer {
        path: window.path.clone(),
        size: window.size,
        sha256: window.is_whole().then(|| sum(&window.bytes)),
        modified: window.modified.clone(),
        ..ReadAnswer::default()
    };
    match text {
        Some(text) => self::text(call, &window, text, given, answer).await,
        None if by_lines => Err(ToolError::invalid(format!("{} is no text, so it has no lines", shown(&answer.path)))
            .hint("leave out `first_line` and `last_line`; `encoding: text` makes text of it")),
        None => match image(&window.bytes).filter(|_| window.is_whole() && window.bytes.len() <= IMAGE) {
            Some(kind) if given.encoding == Encoding::Auto => {
                answer.media_type = Some(kind.to_owned());
                let text = format!("[{}: {kind}, {} bytes]", shown(&answer.path), answer.size);
                let mut output = Output::structured(text, &answer)?;
                output.content.push(ContentBlock::image(BASE64_STANDARD.encode(&window.bytes), kind));
                Ok(output.into())
            }
            _ => binary(&window, answer),
        },
    }
}

fn binary(window: &Window, mut answer: ReadAnswer) -> Result<Reply, ToolError> {
    let part = &window.bytes[..window.bytes.len().min(PART)];
    let end = window.offset + part.len() as u64;
    let encoded = BASE64_STANDARD.encode(part);
    let mut text = format!("[{} of {} bytes, as base64]\n{encoded}", part.len(), window.size);
    if end < window.size {
        text.push_str(&format!("\n[go on at offset {end}]"));
        answer.next_offset = Some(end);
        answer.truncated = true;
    }
    answer.content_base64 = Some(encoded);
    Ok(Output::structured(text, &answer)?.into())
}

async fn text(
    call: &Call,
    window: &Window,
    mut text: String,
    given: &ReadArguments,
    mut answer: ReadAnswer,
) -> Result<Reply, ToolError> {
    if window.goes_on() {
        // The next part is to begin with a line. A line longer than all that is read is cut.
        if text_of(&window.bytes, window.offset > 0, true).is_some()
            && let Some(end) = text.rfind('\n')
        {
            text.truncate(end + 1);
        }
        answer.next_offset = Some(match text_of(&window.bytes, window.offset > 0, true) {
            Some((skipped, _)) if !text.is_empty() => window.offset + (skipped + text.len()) as u64,
            // What was replaced has another length than what it was.
            _ => window.end(),
        });
    }
    let ends: Vec<usize> = line_ends(&text);
    answer.lines = Some(ends.len());
    if given.first_line.is_some() || given.last_line.is_some() {
        let (first, last) = (given.first_line.unwrap_or(1), given.last_line.unwrap_or(usize::MAX));
        if first > last {
            return Err(ToolError::invalid("`first_line` is behind `last_line`").hint("swap them"));
        }
        if first > ends.len() {
            return Err(no_such_line(window, first, ends.len(), answer.next_offset));
        }
        let last = last.min(ends.len());
        let begin = if first == 1 { 0 } else { ends[first - 2] };
        text = text[begin..ends[last - 1]].to_owned();
        (answer.first_line, answer.last_line) = (Some(first), Some(last));
        // Whoever asked for lines that are all there has no use for the rest.
        if last < answer.lines.unwrap_or_default() {
            answer.next_offset = None;
        }
    }
    let mut sink = call.outputs.open(&call.principal, "file");
    sink.write(text.as_bytes());
    let captured = sink.finish().await;
    let mut shown_text = captured.text.clone();
    let mut note = |text: String| {
        if !shown_text.is_empty() && !shown_text.ends_with('\n') {
            shown_text.push('\n');
        }
        shown_text.push_str(&text);
    };
    if text.is_empty() {
        note("[the file is empty]".to_owned());
    }
    if let (Some(first), Some(last), Some(lines)) = (answer.first_line, answer.last_line, answer.lines) {
        note(format!("[lines {first} to {last} of {lines}]"));
    }
    if let Some(next) = answer.next_offset {
        let read = next - window.offset;
        note(format!("[{read} of {} bytes; go on at offset {next}]", window.size));
    }
    answer.truncated = captured.truncated || answer.next_offset.is_some();
    answer.handle = captured.handle;
    answer.content = Some(captured.text);
    Ok(Output::structured(shown_text, &answer)?.into())
}

/// Where each line ends, its line end included.
fn line_ends(text: &str) -> Vec<usize> {
    let mut ends: Vec<usize> = text.match_indices('\n').map(|(at, _)| at + 1).collect();
    if ends.last().copied().unwrap_or(0) < text.len() {
        ends.push(text.len());
    }
    ends
}

fn no_such_line(window: &Window, first: usize, lines: usize, next: Option<u64>) -> ToolError {
    let name = shown(&window.path);
    match next {
        None if window.offset == 0 => ToolError::invalid(format!("there is no line {first}: {name} has {lines}"))
            .hint("ask for lines that are there"),
        None => {
            ToolError::invalid(format!("there is no line {first}: there are {lines} from offset {}", window.offset))
        }
        Some(next) => {
            let read = Bytes(window.bytes.len() as u64);
            ToolError::invalid(format!(
                "line {first} is not within the {read} that are read at once: {lines} lines are"
            ))
            .hint(format!("go on at `offset: {next}`, and count lines from there"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::line_ends;

    #[test]
    fn lines() {
        assert!(line_ends("").is_empty());
        assert_eq!(line_ends("a"), [1]);
        assert_eq!(line_ends("a\n"), [2]);
        assert_eq!(line_ends("a\n\nb"), [2, 3, 4]);
    }
}
