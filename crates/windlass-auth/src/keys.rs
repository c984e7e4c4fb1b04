//! API keys. A key is 256 random bits; the server keeps its SHA-256 and nothing else.

mod new;
mod table;
mod text;

use sha2::{Digest as _, Sha256};

pub use new::NewKey;
pub use table::{KeyTable, read_keys_file};
pub use text::{PREFIX, is_complete};

/// SHA-256 of a credential. Everything looks credentials up by it, so that no secret is ever compared, or kept.
pub(crate) type Digest = [u8; 32];

pub(crate) fn digest(credential: &str) -> Digest {
    Sha256::digest(credential.as_bytes()).into()
}
