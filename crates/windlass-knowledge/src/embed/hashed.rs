//! Words and their parts, hashed. It needs nothing and knows nothing of meaning: texts that share words, or words that look
//! alike, are near each other.
//!
//! The vector of a text is part of an index, so it never changes: no hash of a library, no function whose last digit depends
//! on the machine, no order but a fixed one. Whoever changes anything here calls it `hashed/2`.

mod words;

use async_trait::async_trait;
use windlass_index::Model;

use super::{EmbedError, Embedder, vector::normalise};
use words::words;

const DIMENSIONS: usize = 384;

/// What a feature counts, by its kind.
const WORD: Kind = Kind { tag: 1, weight: 1.0 };
const PAIR: Kind = Kind { tag: 2, weight: 0.6 };
const PART: Kind = Kind { tag: 3, weight: 0.35 };

#[derive(Clone, Copy)]
struct Kind {
    tag: u8,
    weight: f64,
}

/// See the module.
pub(super) struct Hashed;

#[async_trait]
impl Embedder for Hashed {
    async fn model(&self) -> Result<Model, EmbedError> {
        Ok(Model { name: "hashed/1".to_owned(), dimensions: DIMENSIONS, normalised: true })
    }

    fn batch(&self) -> usize {
        256
    }

    async fn documents(&self, texts: &[String]) -> Result<Vec<Vec<f32>>, EmbedError> {
        let texts = texts.to_vec();
        let made = tokio::task::spawn_blocking(move || texts.iter().map(|text| vector(text)).collect()).await;
        made.map_err(|error| EmbedError::Unreachable(format!("hashing failed: {error}")))
    }

    async fn query(&self, text: &str) -> Result<Vec<f32>, EmbedError> {
        Ok(vector(text))
    }
}

fn vector(text: &str) -> Vec<f32> {
    let words = words(text);
    let mut features = Vec::with_capacity(words.len() * 8);
    let mut buffer = Vec::new();
    for (at, word) in words.iter().enumerate() {
        features.push((hash(WORD, [word.as_bytes()]), WORD.weight));
        if let Some(next) = words.get(at + 1) {
            features.push((hash(PAIR, [word.as_bytes(), b" ", next.as_bytes()]), PAIR.weight));
        }
        // The ends of a word are part of what it looks like.
        buffer.clear();
        buffer.extend(std::iter::once('^').chain(word.chars()).chain(std::iter::once('$')));
        for part in buffer.windows(3) {
            let mut bytes = [0; 12];
            let mut length = 0;
            for character in part {
                length += character.encode_utf8(&mut bytes[length..]).len();
            }
            features.push((hash(PART, [&bytes[..length]]), PART.weight));
        }
    }
    if features.is_empty() {
        // Signs only, or nothing: still a vector, and the same for the same.
        features.push((hash(WORD, [text.as_bytes()]), WORD.weight));
    }
    // One order, and all of a feature together.
    features.sort_unstable_by_key(|(hash, _)| *hash);
    let mut sums = [0.0_f64; DIMENSIONS];
    for same in features.chunk_by(|(one, _), (other, _)| one == other) {
        let (hash, weight) = same[0];
        // Less for each repetition. A root is the same on every machine, a logarithm is not.
        let value = weight * (same.len() as f64).sqrt();
        let sign = if hash >> 63 == 0 { 1.0 } else { -1.0 };
        sums[usize::try_from(hash % DIMENSIONS as u64).unwrap_or_default()] += sign * value;
    }
    let mut vector: Vec<f32> = sums.iter().map(|&sum| sum as f32).collect();
    if !normalise(&mut vector) {
        // Two features took each other's place.
        vector[0] = 1.0;
    }
    vector
}

/// FNV-1a, and then every bit depends on every other.
fn hash<const N: usize>(kind: Kind, parts: [&[u8]; N]) -> u64 {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for &byte in std::iter::once(&kind.tag).chain(parts.into_iter().flatten()) {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cosine(one: &str, other: &str) -> f32 {
        vector(one).iter().zip(vector(other)).map(|(one, other)| one * other).sum()
    }

    #[test]
    fn hashes_are_those_of_the_first_version() {
        assert_eq!(hash(WORD, [b"backup"]), hash(WORD, [b"back", b"up"]));
        assert_ne!(hash(WORD, [b"backup"]), hash(PART, [b"backup"]));
        insta::assert_snapshot!(format!("{:016x} {:016x}", hash(WORD, [b"backup"]), hash(PART, [b""])));
    }

    #[test]
    fn a_vector_never_changes() {
        let text = "Restoring a backup: stop the service, then copy `data/` back. Größe prüfen, 東京.";
        let vector = vector(text);
        let shown: Vec<String> = vector
            .iter()
            .enumerate()
            .filter(|(_, number)| **number != 0.0)
            .map(|(at, number)| format!("{at}:{:08x}", number.to_bits()))
            .collect();
        insta::assert_snapshot!(shown.join(" "));
    }

    #[test]
    fn what_shares_words_is_nearer() {
        let question = "how do I restore a backup";
        let near = cosine(question, "Restoring backups from the archive");
        let far = cosine(question, "The cafeteria serves lunch at noon");
        assert!(near > 0.3 && far < 0.2, "{near} {far}");
        assert!(cosine("configuration", "configure") > cosine("configuration", "lunch") + 0.2);
    }

    #[test]
    fn every_vector_has_length_1() {
        for text in ["", " ", "\0", "...", "a", "the", "🦀", "x".repeat(100_000).as_str()] {
            let length: f32 = vector(text).iter().map(|number| number * number).sum();
            assert!((length - 1.0).abs() < 1e-5, "{text:.20} {length}");
        }
        assert_ne!(vector("..."), vector("!!!"));
    }

    proptest::proptest! {
        #[test]
        fn any_text_has_a_vector(text in ".{0,200}") {
            let vector = vector(&text);
            let length: f32 = vector.iter().map(|number| number * number).sum();
            proptest::prop_assert!(vector.len() == DIMENSIONS && (length - 1.0).abs() < 1e-5);
        }
    }
}
