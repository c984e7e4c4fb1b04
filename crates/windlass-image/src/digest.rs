use std::{fmt, io, str::FromStr};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// The name of some bytes: `sha256:` and 64 lower-case hexadecimal digits. Nothing else is a digest here, so one can be
/// made a file name without a second look.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest(String);

/// The text is no digest.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not a digest: `sha256:` and 64 lower-case hexadecimal digits are")]
pub struct DigestError(String);

const PREFIX: &str = "sha256:";

impl Digest {
    /// The digest of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self::finish(Sha256::new_with_prefix(bytes))
    }

    /// The digest of what a hasher has seen.
    pub(crate) fn finish(hasher: Sha256) -> Self {
        Self(format!("{PREFIX}{}", hex::encode(hasher.finalize())))
    }

    /// The digest of everything `reader` has, and how much that was.
    pub(crate) fn of_reader(reader: &mut impl io::Read) -> io::Result<(Self, u64)> {
        let mut sink = Hashing::new(io::sink());
        io::copy(reader, &mut sink)?;
        let (digest, size, _) = sink.finish();
        Ok((digest, size))
    }

    /// With its algorithm.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Without its algorithm.
    pub fn hex(&self) -> &str {
        self.0.get(PREFIX.len()..).unwrap_or_default()
    }
}

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        let digits = text.strip_prefix(PREFIX).unwrap_or_default();
        let hexadecimal = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if digits.len() == 64 && digits.bytes().all(hexadecimal) {
            Ok(Self(text.to_owned()))
        } else {
            Err(DigestError(text.chars().take(100).collect()))
        }
    }
}

impl TryFrom<String> for Digest {
    type Error = DigestError;

    fn try_from(text: String) -> Result<Self, DigestError> {
        text.parse()
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        digest.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Hashes and counts what passes through to another writer.
#[derive(Debug)]
pub(crate) struct Hashing<W> {
    hasher: Sha256,
    size: u64,
    inner: W,
}

impl<W> Hashing<W> {
    pub(crate) fn new(inner: W) -> Self {
        Self { hasher: Sha256::new(), size: 0, inner }
    }

    pub(crate) fn finish(self) -> (Digest, u64, W) {
        (Digest::finish(self.hasher), self.size, self.inner)
    }
}

impl<W: io::Write> io::Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.hasher.update(bytes.get(..written).unwrap_or(bytes));
        self.size += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn says_what_the_bytes_are() {
        assert_eq!(Digest::of(b"").as_str(), EMPTY);
        assert_eq!(Digest::of_reader(&mut &b""[..]).unwrap(), (EMPTY.parse().unwrap(), 0));
        let digest: Digest = serde_json::from_str(&format!("\"{EMPTY}\"")).unwrap();
        assert_eq!(serde_json::to_string(&digest).unwrap(), format!("\"{EMPTY}\""));
        assert_eq!(digest.hex().len(), 64);
    }

    #[test]
    fn nothing_else_is_one() {
        let upper = EMPTY.to_uppercase().replace("SHA256", "sha256");
        for text in ["", "sha256:", "sha256:../../../../etc/passwd", &EMPTY[7..], &EMPTY[..70], &upper, "sha512:e3b0"] {
            assert!(text.parse::<Digest>().is_err(), "{text}");
        }
        assert!(serde_json::from_str::<Digest>("\"sha256:..\"").is_err());
    }
}
