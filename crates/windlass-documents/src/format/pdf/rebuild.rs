//! Finding the objects of a damaged file by looking at all of it.

use lopdf::{Dictionary, Object};

use crate::Refused;

use super::{
    file::{File, Place, find},
    lexer::{Lexer, is_space},
    xref::MAX_OBJECTS,
};

/// Makes the table of objects anew. What stands further behind is newer.
pub(super) fn rebuild(file: &mut File) -> Result<(), Refused> {
    file.places.clear();
    file.trailer = Dictionary::new();
    file.budget.bytes(file.bytes.len())?;
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(position) = find(&file.bytes[from..], b"obj") {
        let at = from + position;
        from = at + 3;
        if let Some((number, start)) = header(file.bytes, at) {
            if found.len() >= MAX_OBJECTS {
                return Err(Refused::TooLarge(format!("PDF: more than {MAX_OBJECTS} objects")));
            }
            file.places.insert(number, Place::At(start));
            found.push((number, start));
        }
    }
    trailers(file)?;
    let mut catalog = None;
    for (number, start) in found {
        let Some(dictionary) = dictionary_at(file, start)? else { continue };
        match dictionary.get(b"Type").and_then(Object::as_name) {
            Ok(b"ObjStm") => {
                for (index, inner) in file.numbers_in(number)?.into_iter().enumerate().take(MAX_OBJECTS) {
                    file.places.entry(inner).or_insert(Place::In(number, index));
                }
            }
            Ok(b"XRef") if dictionary.get(b"Root").is_ok() && file.trailer.get(b"Root").is_err() => {
                file.trailer = dictionary
            }
            Ok(b"Catalog") => catalog = Some(number),
            _ => {}
        }
    }
    if let (Some(catalog), Err(_)) = (catalog, file.trailer.get(b"Root")) {
        file.trailer.set("Root", Object::Reference((catalog, 0)));
    }
    Ok(())
}

/// The number of the object whose word `obj` stands at a byte, and where it begins.
fn header(bytes: &[u8], obj: usize) -> Option<(u32, usize)> {
    let number_before = |end: usize| -> Option<(u32, usize)> {
        let spaces = bytes[..end].iter().rev().take(16).take_while(|byte| is_space(**byte)).count();
        let end = end - spaces;
        let digits = bytes[..end].iter().rev().take(10).take_while(|byte| byte.is_ascii_digit()).count();
        let text = std::str::from_utf8(&bytes[end - digits..end]).ok()?;
        Some((text.parse().ok().filter(|_| spaces > 0)?, end - digits))
    };
    let (_, start) = number_before(obj)?;
    number_before(start)
}

fn dictionary_at(file: &File, start: usize) -> Result<Option<Dictionary>, Refused> {
    let mut lexer = Lexer::new(file.bytes, start, file.budget);
    let header = (lexer.number(), lexer.number(), lexer.word(b"obj"));
    lexer.space();
    if !matches!(header, (Some(_), Some(_), true)) || !file.bytes[lexer.at..].starts_with(b"<<") {
        return Ok(None);
    }
    match lexer.object() {
        Ok(Some(Object::Dictionary(dictionary))) => Ok(Some(dictionary)),
        Err(refused @ Refused::TooSlow(_)) => Err(refused),
        // One that is broken costs that one.
        _ => Ok(None),
    }
}

/// The last trailer that says where the root is; that it is encrypted counts wherever it stands.
fn trailers(file: &mut File) -> Result<(), Refused> {
    let mut from = 0;
    while let Some(position) = find(&file.bytes[from..], b"trailer") {
        from += position + 7;
        let mut lexer = Lexer::new(file.bytes, from, file.budget);
        match lexer.object() {
            Ok(Some(Object::Dictionary(mut trailer))) if trailer.get(b"Root").is_ok() => {
                for key in [&b"Encrypt"[..], b"Info"] {
                    if let (Err(_), Ok(value)) = (trailer.get(key), file.trailer.get(key)) {
                        trailer.set(key, value.clone());
                    }
                }
                file.trailer = trailer;
            }
            Err(refused @ Refused::TooSlow(_)) => return Err(refused),
            _ => {}
        }
    }
    Ok(())
}
