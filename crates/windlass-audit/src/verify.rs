use std::{fmt, io::BufRead};

use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::line::{GENESIS, HASH_KEY, OPENING, START};

/// What an unbroken log holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Report {
    /// Audit lines.
    pub lines: u64,
    /// Other lines, as in a stream that carries other logs too. Nothing is known of them.
    pub skipped: u64,
    /// Runs of a server.
    pub runs: u64,
    /// Runs after the first that do not name the line before them, as is normal for standard streams and suspicious in a
    /// file: whatever stood between could be gone.
    pub unlinked: u64,
    /// Lines cut short by a crash, right before the next start.
    pub torn: u64,
    /// Whether there is a beginning: false where the text starts in mid-chain (a rotated file) or with a run that goes on
    /// from a line that is not here.
    pub from_the_beginning: bool,
    /// The hash that the first line names as the one before it.
    pub first_previous: String,
    /// The hash of the last line. Keep it elsewhere, and give it to the next verification.
    pub last: String,
}

/// Where a log is not what was written, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {why}")]
pub struct BrokenAt {
    /// Line of the text, counted from 1; the one after the last where something is missing at the end.
    pub line: u64,
    /// What is wrong.
    pub why: Why,
}

/// What is wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// The line's hash is not the hash of its text: it was changed.
    Changed,
    /// It does not follow the line before it: something was removed, inserted or moved here.
    OutOfChain,
    /// It began as an audit line and is none.
    Malformed,
    /// The hash that must occur does not: lines are missing at the end, or this is another log.
    Missing,
    /// The text cannot be read.
    Unreadable(String),
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Changed => f.write_str("was changed after it was written"),
            Self::OutOfChain => {
                f.write_str("does not follow the line before it: lines were removed, inserted or moved here")
            }
            Self::Malformed => f.write_str("begins as an audit line and is none"),
            Self::Missing => f.write_str("the expected hash does not occur: lines at the end are missing"),
            Self::Unreadable(error) => write!(f, "cannot be read: {error}"),
        }
    }
}

#[derive(Deserialize)]
struct Parsed {
    seq: u64,
    method: String,
    prev: String,
}

struct Genuine {
    parsed: Parsed,
    hash: String,
}

/// Checks a log from its text alone. `expect` is a hash from an earlier time that must occur in it: only that shows
/// whether lines at the end are missing, for a chain cut short is a whole chain.
pub fn verify(mut reader: impl BufRead, expect: Option<&str>) -> Result<Report, BrokenAt> {
    let mut report = Report::default();
    let mut expected = expect.is_none();
    let mut sequence = 0;
    let mut torn_at = None;
    let mut raw = Vec::new();
    let mut line = 0;
    loop {
        line += 1;
        let broken = |why| BrokenAt { line, why };
        raw.clear();
        let length = reader.read_until(b'\n', &mut raw).map_err(|error| broken(Why::Unreadable(error.to_string())))?;
        if length == 0 {
            if let Some(line) = torn_at {
                return Err(BrokenAt { line, why: Why::Malformed });
            }
            return if expected { Ok(report) } else { Err(broken(Why::Missing)) };
        }
        let genuine = match examine(&raw) {
            Ok(None) => {
                report.skipped += 1;
                continue;
            }
            Ok(Some(genuine)) => genuine,
            // What a crash leaves is no valid line, and the next one is a start.
            Err(Why::Malformed) if torn_at.is_none() => {
                torn_at = Some(line);
                continue;
            }
            Err(why) => return Err(broken(why)),
        };
        let Genuine { parsed, hash } = genuine;
        let start = parsed.seq == 0 && parsed.method == START;
        if let Some(line) = torn_at.take() {
            if !start {
                return Err(BrokenAt { line, why: Why::Malformed });
            }
            report.torn += 1;
        }
        if report.lines == 0 {
            report.from_the_beginning = start && parsed.prev == GENESIS;
            report.first_previous = parsed.prev;
        } else if start && parsed.prev == GENESIS {
            report.unlinked += 1;
        } else if parsed.prev != report.last || (!start && parsed.seq != sequence + 1) {
            return Err(broken(Why::OutOfChain));
        }
        report.runs += u64::from(start);
        report.lines += 1;
        sequence = parsed.seq;
        expected = expected || expect.is_some_and(|expect| expect.eq_ignore_ascii_case(&hash));
        report.last = hash;
    }
}

/// The hash of `line`, where it is a whole audit line.
pub(crate) fn hash_of(line: &[u8]) -> Option<String> {
    Some(examine(line).ok()??.hash)
}

/// `None` for what is not an audit line at all. Log collectors put things before a line, so it may begin anywhere.
fn examine(raw: &[u8]) -> Result<Option<Genuine>, Why> {
    let Ok(text) = std::str::from_utf8(raw.trim_ascii_end()) else {
        let begins = raw.windows(OPENING.len()).any(|window| window == OPENING.as_bytes());
        return if begins { Err(Why::Malformed) } else { Ok(None) };
    };
    let Some(begin) = text.find(OPENING) else { return Ok(None) };
    let text = &text[begin..];
    let parsed: Parsed = serde_json::from_str(text).map_err(|_| Why::Malformed)?;
    let (hashed, hash) = text.rsplit_once(HASH_KEY).ok_or(Why::Malformed)?;
    let hash = hash.strip_suffix("\"}").ok_or(Why::Malformed)?;
    if hex::encode(Sha256::digest(hashed.as_bytes())) != hash {
        return Err(Why::Changed);
    }
    Ok(Some(Genuine { parsed, hash: hash.to_owned() }))
}
