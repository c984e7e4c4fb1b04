//! Where a file says that its objects are.

use std::collections::{HashMap, HashSet, hash_map::Entry};

use lopdf::{Dictionary, Object};

use crate::Refused;

use super::{
    file::{File, Place},
    lexer::Lexer,
};

/// Objects of one file.
pub(super) const MAX_OBJECTS: usize = 500_000;
/// Sections: a file has one for each time it was saved.
const MAX_SECTIONS: usize = 1_000;
/// Where `startxref` is looked for.
const TAIL: usize = 2048;

/// Reads the table of objects and the trailer.
pub(super) fn read(file: &mut File) -> Result<(), Refused> {
    let tail = file.bytes.len().saturating_sub(TAIL);
    let start = file.bytes[tail..].windows(9).rposition(|window| window == b"startxref").ok_or_else(damaged)?;
    let mut lexer = Lexer::new(file.bytes, tail + start + 9, file.budget);
    let mut next = vec![lexer.number().ok_or_else(damaged)?];
    let mut seen = HashSet::new();
    while let Some(offset) = next.pop() {
        let offset = usize::try_from(offset).ok().filter(|offset| *offset < file.bytes.len()).ok_or_else(damaged)?;
        if !seen.insert(offset) {
            continue;
        }
        if seen.len() > MAX_SECTIONS {
            return Err(damaged());
        }
        let trailer = section(file, offset)?;
        let link = |key: &[u8]| trailer.get(key).and_then(Object::as_i64).ok();
        // What a section says of streams comes before what older sections say.
        next.extend(link(b"Prev"));
        next.extend(link(b"XRefStm"));
        if file.trailer.is_empty() {
            file.trailer = trailer;
        }
    }
    Ok(())
}

fn damaged() -> Refused {
    Refused::Broken("PDF: its table of objects is damaged".to_owned())
}

fn section(file: &mut File, offset: usize) -> Result<Dictionary, Refused> {
    let mut lexer = Lexer::new(file.bytes, offset, file.budget);
    if !lexer.word(b"xref") {
        return stream(file, offset);
    }
    while let Some(first) = lexer.number() {
        let count = lexer.number().ok_or_else(damaged)?;
        for index in 0..count {
            file.budget.spend(2)?;
            let (Some(at), Some(_)) = (lexer.number(), lexer.number()) else { return Err(damaged()) };
            let place = if lexer.word(b"n") {
                Place::At(usize::try_from(at).map_err(|_| damaged())?)
            } else if lexer.word(b"f") {
                Place::Free
            } else {
                return Err(damaged());
            };
            if let Some(number) = first.checked_add(index).and_then(|number| u32::try_from(number).ok()) {
                insert(&mut file.places, number, place)?;
            }
        }
    }
    if !lexer.word(b"trailer") {
        return Err(damaged());
    }
    match lexer.object()? {
        Some(Object::Dictionary(trailer)) => Ok(trailer),
        _ => Err(damaged()),
    }
}

/// Newer sections are read first, so what is there already stays.
fn insert(places: &mut HashMap<u32, Place>, number: u32, place: Place) -> Result<(), Refused> {
    if places.len() >= MAX_OBJECTS {
        return Err(Refused::TooLarge(format!("PDF: more than {MAX_OBJECTS} objects")));
    }
    if let Entry::Vacant(vacant) = places.entry(number) {
        vacant.insert(place);
    }
    Ok(())
}

/// A section that is a stream.
fn stream(file: &mut File, offset: usize) -> Result<Dictionary, Refused> {
    let Some((_, Object::Stream(stream))) = file.object_at(offset, 2)? else { return Err(damaged()) };
    let numbers = |key: &[u8]| -> Option<Vec<usize>> {
        let array = stream.dict.get(key).and_then(Object::as_array).ok()?;
        array.iter().map(|value| usize::try_from(value.as_i64().ok()?).ok()).collect()
    };
    let widths = numbers(b"W").filter(|widths| widths.len() >= 3 && widths.iter().all(|width| *width <= 8));
    let widths = widths.ok_or_else(damaged)?;
    let entry: usize = widths[..3].iter().sum();
    let data = file.data(&stream)?.ok_or_else(damaged)?;
    let index = match numbers(b"Index") {
        Some(index) => index,
        None => vec![0, usize::MAX],
    };
    let mut entries = data.chunks_exact(entry.max(1));
    for range in index.chunks_exact(2) {
        for number in range[0]..range[0].saturating_add(range[1]) {
            let Some(entry) = entries.next().filter(|_| entry > 0) else { break };
            file.budget.spend(1)?;
            let (kind, rest) = entry.split_at(widths[0]);
            let (second, rest) = rest.split_at(widths[1]);
            let place = match (if kind.is_empty() { 1 } else { big_endian(kind) }, big_endian(second)) {
                (0, _) => Place::Free,
                (1, at) => Place::At(at),
                (2, container) => match u32::try_from(container) {
                    Ok(container) => Place::In(container, big_endian(&rest[..widths[2]])),
                    Err(_) => Place::Free,
                },
                _ => continue,
            };
            if let Ok(number) = u32::try_from(number) {
                insert(&mut file.places, number, place)?;
            }
        }
    }
    Ok(stream.dict)
}

fn big_endian(bytes: &[u8]) -> usize {
    bytes.iter().fold(0_usize, |value, byte| (value << 8) | usize::from(*byte))
}
