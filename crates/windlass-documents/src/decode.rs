//! Bytes as text.

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

use crate::{Limits, Refused};

/// The text of these bytes, its lines ending in `\n`: UTF-8, UTF-16 that says so, else Windows-1252 if that could be
/// meant.
pub(crate) fn decode(bytes: &[u8], limits: &Limits) -> Result<String, Refused> {
    let text = match Encoding::for_bom(bytes) {
        Some((encoding, mark)) if encoding == UTF_16LE || encoding == UTF_16BE => {
            // Two bytes become three at most.
            limits.text((bytes.len() - mark) / 2)?;
            encoding.decode_without_bom_handling(&bytes[mark..]).0.into_owned()
        }
        Some((_, mark)) => from_utf8(&bytes[mark..], limits)?,
        None => from_utf8(bytes, limits)?,
    };
    if !plausible(&text) {
        return Err(Refused::Binary("it is full of control characters".to_owned()));
    }
    let text = unix_lines(text);
    limits.text(text.len())?;
    if text.trim().is_empty() {
        return Err(Refused::NoText("it is empty".to_owned()));
    }
    Ok(text)
}

/// The beginning of a file, as far as it can be read. Never fails: it only helps to guess.
pub(crate) fn peek(head: &[u8]) -> Option<String> {
    let text = match Encoding::for_bom(head) {
        Some((encoding, mark)) => encoding.decode_without_bom_handling(&head[mark..]).0.into_owned(),
        None if head.contains(&0) => return None,
        None => UTF_8.decode_without_bom_handling(head).0.into_owned(),
    };
    plausible(&text).then_some(text)
}

fn from_utf8(bytes: &[u8], limits: &Limits) -> Result<String, Refused> {
    limits.text(bytes.len())?;
    if bytes.contains(&0) {
        return Err(Refused::Binary("it has zero bytes".to_owned()));
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Ok(text.to_owned());
    }
    // A file cut in the middle of a letter is still UTF-8; one with an accent here and there never was.
    let (mut wide, mut broken) = (0, 0);
    for piece in bytes.utf8_chunks() {
        wide += piece.valid().chars().filter(|c| !c.is_ascii()).count();
        broken += usize::from(!piece.invalid().is_empty());
    }
    let encoding = if broken * 8 <= wide || (broken == 1 && cut_off(bytes)) { UTF_8 } else { WINDOWS_1252 };
    Ok(encoding.decode_without_bom_handling(bytes).0.into_owned())
}

/// Whether all that is wrong is that the last letter is not whole.
fn cut_off(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_err_and(|error| error.error_len().is_none())
}

/// Text has next to no control characters besides those of lines, tabs, pages and colours, and few letters that are
/// none.
fn plausible(text: &str) -> bool {
    let control =
        |c: &char| c.is_control() && !matches!(c, '\t' | '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{1b}' | '\u{8}');
    let controls = text.chars().filter(control).count();
    let broken = text.chars().filter(|c| *c == '\u{fffd}').count();
    if controls == 0 && broken == 0 {
        return true;
    }
    let total = text.chars().count();
    controls * 100 <= total && broken * 10 <= total
}

/// Every line ends in `\n`, also the last one.
fn unix_lines(text: String) -> String {
    let mut text = match text {
        windows if windows.contains("\r\n") => windows.replace("\r\n", "\n"),
        old if old.contains('\r') && !old.contains('\n') => old.replace('\r', "\n"),
        text => text,
    };
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{Limits, decode};

    fn read(bytes: &[u8]) -> String {
        decode(bytes, &Limits::default()).unwrap_or_else(|refused| refused.reason().into_owned())
    }

    #[test]
    fn every_usual_encoding_is_read() {
        assert_eq!(read("\u{feff}Grüße\r\nzwei".as_bytes()), "Grüße\nzwei\n");
        assert_eq!(read(b"\xff\xfeG\0r\0\xfc\0\xdf\0e\0"), "Grüße\n");
        assert_eq!(read(b"\xfe\xff\0G\0r\0\xfc\0\xdf\0e"), "Grüße\n");
        assert_eq!(read(b"Gr\xfc\xdfe"), "Grüße\n");
        assert_eq!(read(b"one\rtwo"), "one\ntwo\n");
        assert_eq!(
            read("Grüße und mehr Grüße, ganz übermäßig äöü".as_bytes().split_last().unwrap().1).matches('ü').count(),
            3
        );
    }

    #[test]
    fn what_is_no_text_is_refused() {
        assert_eq!(read(b"\x7fELF\x02\x01\x01\0\0\0"), "binary");
        assert_eq!(read(b"\x01\x02\x03\x04\x05\x06"), "binary");
        assert_eq!(read(b"  \n\n"), "no_text");
        assert_eq!(read(b""), "no_text");
    }
}
