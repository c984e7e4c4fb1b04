//! What bytes are: text, an image, or neither.

use sha2::{Digest, Sha256};

/// The text of bytes that begin or end in the middle of a file: a character that was cut is left to the other part. The
/// number is how many bytes at the beginning belong to the part before.
pub(crate) fn text_of(bytes: &[u8], begins_inside: bool, goes_on: bool) -> Option<(usize, &str)> {
    let is_rest = |byte: &&u8| **byte & 0b1100_0000 == 0b1000_0000;
    let skipped = if begins_inside { bytes.iter().take(3).take_while(is_rest).count() } else { 0 };
    let bytes = &bytes[skipped..];
    if bytes.contains(&0) {
        return None;
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => Some((skipped, text)),
        Err(error) if goes_on && error.error_len().is_none() => {
            std::str::from_utf8(&bytes[..error.valid_up_to()]).ok().map(|text| (skipped, text))
        }
        Err(_) => None,
    }
}

/// The media type of an image that models can look at.
pub(crate) fn image(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a, ..] => Some("image/png"),
        [0xff, 0xd8, 0xff, ..] => Some("image/jpeg"),
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some("image/gif"),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some("image/webp"),
        _ => None,
    }
}

/// The SHA-256 sum, as `sha256sum` prints it.
pub(crate) fn sum(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_character_is_left_to_the_other_part() {
        let text = "aé€😀z";
        for cut in 0..=text.len() {
            let (head, tail) = text.as_bytes().split_at(cut);
            let (_, head) = text_of(head, false, true).unwrap();
            let (skipped, tail) = text_of(tail, true, false).unwrap();
            let lost = if text.is_char_boundary(cut) { "" } else { &text[head.len()..text.len() - tail.len()] };
            assert_eq!(format!("{head}{lost}{tail}"), text, "{cut}");
            assert!(skipped <= 3);
        }
        assert_eq!(text_of(b"a\xc3", false, false), None);
        assert_eq!(text_of(b"\xffa", false, true), None);
        assert_eq!(text_of(b"a\0b", false, false), None);
    }

    #[test]
    fn images_are_known_by_their_first_bytes() {
        assert_eq!(image(b"\x89PNG\r\n\x1a\n...."), Some("image/png"));
        assert_eq!(image(b"RIFF\0\0\0\0WEBPVP8 "), Some("image/webp"));
        assert_eq!(image(b"GIF89a"), Some("image/gif"));
        for other in [&b"RIFF\0\0\0\0WAVE"[..], b"", b"\x89PNG", b"<svg>"] {
            assert_eq!(image(other), None);
        }
    }
}
