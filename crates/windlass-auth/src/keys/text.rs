//! How a key is written: `wdl_` and 48 characters of base64url, which are 32 random bytes and 4 of checksum.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256};

/// What every key begins with, so that secret scanners and people know one when they see it.
pub const PREFIX: &str = "wdl_";

const RANDOM: usize = 32;
const CHECK: usize = 4;

pub(super) fn write(random: &[u8; RANDOM]) -> String {
    let mut bytes = [0; RANDOM + CHECK];
    bytes[..RANDOM].copy_from_slice(random);
    bytes[RANDOM..].copy_from_slice(&checksum(random));
    format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes))
}

/// Whether `text` is a key as it was written once: nothing lost in copying, nothing mistyped. This needs no secret, so it
/// tells nobody anything, and it says nothing of whether the key opens anything.
pub fn is_complete(text: &str) -> bool {
    let Some(encoded) = text.strip_prefix(PREFIX) else { return false };
    let mut bytes = [0; RANDOM + CHECK];
    match URL_SAFE_NO_PAD.decode_slice(encoded, &mut bytes) {
        Ok(length) if length == RANDOM + CHECK => bytes[RANDOM..] == checksum(&bytes[..RANDOM]),
        _ => false,
    }
}

fn checksum(random: &[u8]) -> [u8; CHECK] {
    let sum = Sha256::new().chain_update(PREFIX).chain_update(random).finalize();
    [sum[0], sum[1], sum[2], sum[3]]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_survives_copying_or_is_known_to_be_damaged() {
        let key = write(&[7; 32]);
        assert_eq!(key.len(), 52);
        assert!(is_complete(&key));
        for n in 0..key.len() {
            let mut damaged = key.clone().into_bytes();
            damaged[n] = if damaged[n] == b'A' { b'B' } else { b'A' };
            assert!(!is_complete(std::str::from_utf8(&damaged).unwrap()), "character {n}");
            assert!(!is_complete(&key[..n]), "cut at {n}");
        }
        assert!(!is_complete(&format!("{key}A")));
        assert!(!is_complete(""));
    }
}
