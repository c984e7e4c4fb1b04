//! Files that are compressed by themselves: `guide.md.gz`, `ls.1.gz`.

use std::io::Read;

use flate2::bufread::MultiGzDecoder;

use crate::{Limits, Refused, limits::size};

pub(super) const MAGIC: [u8; 3] = [0x1f, 0x8b, 0x08];
/// What is unfolded to guess a format by.
const PEEK: u64 = 512;

/// The first bytes of what is in it, as far as the first bytes of the file tell.
pub(super) fn peek(head: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    // That it ends early is no surprise; what came until then is kept.
    let _ = MultiGzDecoder::new(head).take(PEEK).read_to_end(&mut out);
    out
}

/// All that is in it.
pub(super) fn unfold(bytes: &[u8], limits: &Limits) -> Result<Vec<u8>, Refused> {
    let mut out = Vec::new();
    let mut unfolding = MultiGzDecoder::new(bytes).take(limits.bytes as u64 + 1);
    unfolding.read_to_end(&mut out).map_err(|error| Refused::Broken(format!("gzip: {error}")))?;
    if out.len() > limits.bytes {
        return Err(Refused::TooLarge(format!("it unfolds to more than {}", size(limits.bytes))));
    }
    Ok(out)
}
