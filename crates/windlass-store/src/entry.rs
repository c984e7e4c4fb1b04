use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use windlass_core::Principal;

const PREFIX: &str = "out_";
const RANDOM_BYTES: usize = 16;

/// The name of one kept output: 128 random bits, so that it can be neither guessed nor counted up to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Handle(String);

impl Handle {
    pub(crate) fn new() -> Self {
        Self(format!("{PREFIX}{}", hex::encode(rand::random::<[u8; RANDOM_BYTES]>())))
    }

    /// Reads what a caller sent. Only exactly what [`Handle::new`] makes passes, since it becomes a file name.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix(PREFIX)?;
        let hexadecimal = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        (digits.len() == 2 * RANDOM_BYTES && digits.bytes().all(hexadecimal)).then(|| Self(text.to_owned()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// What is known of one kept output. Times are milliseconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Entry {
    /// Digest of the owner's id: enough to compare, and of one length however long the id is.
    pub(crate) owner: String,
    pub(crate) label: String,
    /// Bytes the stream had.
    pub(crate) bytes: u64,
    /// Bytes of them that are here, from the first.
    pub(crate) kept: u64,
    pub(crate) created: u64,
    pub(crate) expires: u64,
    /// Whether the stream has ended. Until then nobody may read it.
    pub(crate) finished: bool,
}

impl Entry {
    /// On disk an entry takes exactly this much, so that it can be written first and completed in place at the end, even
    /// when the disk is full by then.
    pub(crate) const SIZE: usize = 512;

    const LABEL: usize = 64;

    pub(crate) fn begin(owner: &Principal, label: &str) -> Self {
        let label = label.chars().filter(|character| !character.is_control()).take(Self::LABEL / 4).collect();
        Self { owner: digest(owner), label, bytes: 0, kept: 0, created: now(), expires: 0, finished: false }
    }

    pub(crate) fn finish(&mut self, bytes: u64, kept: u64, ttl: Duration) {
        self.bytes = bytes;
        self.kept = kept;
        self.finished = true;
        self.expires = now().saturating_add(u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX));
    }

    pub(crate) fn expired(&self) -> bool {
        self.finished && self.expires <= now()
    }

    pub(crate) fn readable_by(&self, who: &Principal) -> bool {
        self.finished && !self.expired() && self.owner == digest(who)
    }

    pub(crate) fn to_block(&self) -> [u8; Self::SIZE] {
        let mut block = [b' '; Self::SIZE];
        let json = serde_json::to_vec(self).expect("an entry has only strings and numbers");
        // 64 digits of owner, at most 64 bytes of label and four numbers of at most 20 digits leave room to spare.
        block[..json.len()].copy_from_slice(&json);
        block[Self::SIZE - 1] = b'\n';
        block
    }

    pub(crate) fn from_block(block: &[u8; Self::SIZE]) -> Option<Self> {
        serde_json::from_slice(block).ok()
    }
}

fn digest(principal: &Principal) -> String {
    hex::encode(Sha256::digest(principal.id.as_bytes()))
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_form_is_a_handle() {
        let handle = Handle::new();
        assert_eq!(Handle::parse(handle.as_str()), Some(handle));
        let long = format!("out_{}", "a".repeat(33));
        for text in ["", "out_", "../etc/passwd", "out_../../../../etc/passwd0000000000", &long, &long[..35]] {
            assert_eq!(Handle::parse(text), None, "{text}");
        }
        assert_eq!(Handle::parse(&format!("out_{}", "A".repeat(32))), None);
    }

    #[test]
    fn the_largest_entry_fits_its_block() {
        let mut entry = Entry::begin(&Principal::local(), &"\"😀".repeat(100));
        entry.finish(u64::MAX, u64::MAX, Duration::MAX);
        entry.created = u64::MAX;
        assert_eq!(Entry::from_block(&entry.to_block()), Some(entry));
    }
}
