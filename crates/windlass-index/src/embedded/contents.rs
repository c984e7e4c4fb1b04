//! Every document's stamp and content, in one file: what a refresh compares with its sources.

use std::collections::BTreeMap;

use crate::Hash;

/// By path.
pub type Contents = BTreeMap<String, (String, Hash)>;

/// Packed.
pub fn pack(contents: &Contents) -> Vec<u8> {
    let mut plain = Vec::new();
    for (path, (stamp, content)) in contents {
        for text in [path, stamp] {
            plain.extend((text.len() as u32).to_le_bytes());
            plain.extend(text.as_bytes());
        }
        plain.extend(content.0);
    }
    lz4_flex::compress_prepend_size(&plain)
}

/// What was packed; `None` where it was not.
pub fn unpack(packed: &[u8]) -> Option<Contents> {
    let (length, _) = lz4_flex::block::uncompressed_size(packed).ok()?;
    let plain = lz4_flex::decompress_size_prepended(packed).ok()?;
    if plain.len() != length {
        return None;
    }
    let mut rest = &*plain;
    let mut contents = Contents::new();
    while !rest.is_empty() {
        let (path, stamp) = (text(&mut rest)?, text(&mut rest)?);
        let (content, after) = rest.split_first_chunk::<32>()?;
        rest = after;
        contents.insert(path, (stamp, Hash(*content)));
    }
    Some(contents)
}

fn text(rest: &mut &[u8]) -> Option<String> {
    let (length, after) = rest.split_first_chunk::<4>()?;
    let (text, after) = after.split_at_checked(u32::from_le_bytes(*length) as usize)?;
    *rest = after;
    String::from_utf8(text.to_vec()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_is_unpacked() {
        let entry = |nth: u32| (format!("docs/ä{nth}.md"), ("stamp".repeat(nth as usize), Hash::of(nth.to_le_bytes())));
        for count in [0, 1, 1000] {
            let contents: Contents = (0..count).map(|nth| entry(nth % 40)).collect();
            assert_eq!(unpack(&pack(&contents)), Some(contents));
        }
        let packed = pack(&(0..9).map(entry).collect());
        for cut in 0..packed.len() {
            assert_eq!(unpack(&packed[..cut]), None);
        }
    }
}
