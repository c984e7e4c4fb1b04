//! The files inside of a DOCX: as much of ZIP as Word writes.
//!
//! The library for it makes a table of whatever the archive claims to hold before anything can be asked; here nothing
//! is believed that is not looked at.

use std::io::Read;

use flate2::read::DeflateDecoder;

use crate::{Refused, limits::size};

/// Entries that are looked at. Word writes some dozens.
const MAX_ENTRIES: usize = 4096;
/// The end of an archive is its last record, and the longest comment.
const END: usize = 22;
const MAX_COMMENT: usize = 65_535;

pub(super) struct Archive<'a> {
    bytes: &'a [u8],
    entries: Vec<Entry<'a>>,
}

struct Entry<'a> {
    name: &'a [u8],
    flags: u16,
    method: u16,
    packed: usize,
    header: usize,
}

impl<'a> Archive<'a> {
    pub fn open(bytes: &'a [u8]) -> Result<Self, Refused> {
        let tail = bytes.len().saturating_sub(END + MAX_COMMENT);
        let end = bytes[tail..]
            .windows(4)
            .rposition(|window| window == b"PK\x05\x06")
            .ok_or_else(|| broken("no ZIP archive"))?;
        let end = &bytes[tail + end..];
        let count = usize::from(u16_at(end, 10)?).min(MAX_ENTRIES);
        let mut at = u32_at(end, 16)?;
        let mut entries = Vec::with_capacity(count);
        for _ in 0..count {
            let record = bytes.get(at..).ok_or_else(|| broken("its directory is cut off"))?;
            if !record.starts_with(b"PK\x01\x02") {
                return Err(broken("its directory is not where it should be"));
            }
            let (name, extra, comment) = (u16_at(record, 28)?, u16_at(record, 30)?, u16_at(record, 32)?);
            let [name, extra, comment] = [name, extra, comment].map(usize::from);
            entries.push(Entry {
                name: record.get(46..46 + name).ok_or_else(|| broken("its directory is cut off"))?,
                flags: u16_at(record, 8)?,
                method: u16_at(record, 10)?,
                packed: u32_at(record, 20)?,
                header: u32_at(record, 42)?,
            });
            at += 46 + name + extra + comment;
        }
        Ok(Self { bytes, entries })
    }

    /// A file, unfolded, of `most` bytes at the most.
    pub fn read(&self, name: &str, most: usize) -> Result<Option<Vec<u8>>, Refused> {
        let Some(entry) = self.entries.iter().find(|entry| entry.name.eq_ignore_ascii_case(name.as_bytes())) else {
            return Ok(None);
        };
        if entry.flags & 1 != 0 {
            return Err(Refused::Encrypted("its files need a password".to_owned()));
        }
        let header = self.bytes.get(entry.header..).filter(|header| header.starts_with(b"PK\x03\x04"));
        let header = header.ok_or_else(|| broken("a file is not where its directory says"))?;
        let start = 30 + usize::from(u16_at(header, 26)?) + usize::from(u16_at(header, 28)?);
        let packed = header.get(start..).ok_or_else(|| broken("a file is cut off"))?;
        let packed = packed.get(..entry.packed).ok_or_else(|| broken("a file is cut off"))?;
        let mut out = Vec::new();
        match entry.method {
            0 => out.extend_from_slice(&packed[..packed.len().min(most + 1)]),
            8 => {
                let mut unfolding = DeflateDecoder::new(packed).take(most as u64 + 1);
                unfolding.read_to_end(&mut out).map_err(|error| broken(&format!("{name}: {error}")))?;
            }
            other => return Err(broken(&format!("{name} is packed in a way Word does not ({other})"))),
        }
        if out.len() > most {
            return Err(Refused::TooLarge(format!("{name} in it unfolds to more than {}", size(most))));
        }
        Ok(Some(out))
    }
}

fn broken(why: &str) -> Refused {
    Refused::Broken(why.to_owned())
}

fn u16_at(bytes: &[u8], at: usize) -> Result<u16, Refused> {
    let two = bytes.get(at..at + 2).and_then(|two| two.try_into().ok());
    two.map(u16::from_le_bytes).ok_or_else(|| broken("it is cut off"))
}

fn u32_at(bytes: &[u8], at: usize) -> Result<usize, Refused> {
    let four = bytes.get(at..at + 4).and_then(|four| four.try_into().ok());
    four.map(|four| u32::from_le_bytes(four) as usize).ok_or_else(|| broken("it is cut off"))
}
