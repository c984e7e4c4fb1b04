//! Names that every provider takes.

use sha2::{Digest, Sha256};

/// No provider takes longer names.
pub(crate) const LONGEST: usize = 64;

/// `name` in at most 64 of `a-z A-Z 0-9 _ -`. A name that has to be cut ends with a part of its digest, so that two of them
/// stay two; a name that fits stays as it is.
pub fn fit(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '_' | '-') { c } else { '_' };
    let fitted: String = name.chars().map(plain).collect();
    match fitted.len() {
        0 => "unnamed".to_owned(),
        1..=LONGEST => fitted,
        _ => {
            let digest = hex::encode(Sha256::digest(name));
            format!("{}_{}", &fitted[..LONGEST - 9], &digest[..8])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fit() {
        for (given, expected) in
            [("run-command_2", "run-command_2"), ("files.read", "files_read"), ("zählen", "z_hlen"), ("", "unnamed")]
        {
            assert_eq!(fit(given), expected);
        }
        let (one, other) = (fit(&"a".repeat(65)), fit(&"a".repeat(66)));
        assert_eq!((one.len(), other.len()), (LONGEST, LONGEST));
        assert_ne!(one, other);
    }
}
