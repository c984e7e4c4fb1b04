//! Reading a body no further than a cap that counts what comes out of the decompressor, not what goes in.

use std::io::{self, Write};

use flate2::write::{GzDecoder, ZlibDecoder};
use reqwest::{Response, header::CONTENT_ENCODING};
use url::Url;
use windlass_core::ToolError;

use super::failure;

pub(super) const ACCEPTED_ENCODINGS: &str = "gzip";

#[derive(Debug, Default)]
pub(super) struct Body {
    pub bytes: Vec<u8>,
    pub truncated: bool,
}

/// Reads until the end or until `cap` bytes are there. Nobody reads the rest: the connection is dropped.
pub(super) async fn read(mut response: Response, cap: usize, url: &Url) -> Result<Body, ToolError> {
    let mut decoder = Decoder::of(&response, cap)?;
    // Compressed data that decompresses to nothing would never reach the cap above.
    let mut wire_budget = cap.saturating_add(64 << 10);
    while let Some(chunk) = response.chunk().await.map_err(|error| failure::transport(&error, url))? {
        let full = decoder.write(&chunk).map_err(failure::decompression)?;
        wire_budget = wire_budget.saturating_sub(chunk.len());
        if full || wire_budget == 0 {
            return Ok(Body { bytes: decoder.into_bytes().unwrap_or_default(), truncated: true });
        }
    }
    let bytes = decoder.into_bytes().map_err(failure::decompression)?;
    Ok(Body { bytes, truncated: false })
}

enum Decoder {
    Identity(Capped),
    Gzip(Box<GzDecoder<Capped>>),
    Deflate(Box<ZlibDecoder<Capped>>),
}

impl Decoder {
    fn of(response: &Response, cap: usize) -> Result<Self, ToolError> {
        let encodings: Vec<String> = response
            .headers()
            .get_all(CONTENT_ENCODING)
            .iter()
            .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
            .map(|encoding| String::from_utf8_lossy(encoding).trim().to_ascii_lowercase())
            .filter(|encoding| !encoding.is_empty() && encoding != "identity")
            .collect();
        let out = Capped { bytes: Vec::new(), cap, full: false };
        match encodings.iter().map(String::as_str).collect::<Vec<_>>()[..] {
            [] => Ok(Self::Identity(out)),
            ["gzip" | "x-gzip"] => Ok(Self::Gzip(Box::new(GzDecoder::new(out)))),
            ["deflate"] => Ok(Self::Deflate(Box::new(ZlibDecoder::new(out)))),
            // Layers of compression have no use but to multiply.
            _ => Err(failure::encoding(&encodings.join(", "))),
        }
    }

    /// Takes bytes off the wire; true once the cap is passed.
    fn write(&mut self, chunk: &[u8]) -> io::Result<bool> {
        let (result, out) = match self {
            Self::Identity(out) => (out.write_all(chunk), &*out),
            Self::Gzip(decoder) => (decoder.write_all(chunk), decoder.get_ref()),
            Self::Deflate(decoder) => (decoder.write_all(chunk), decoder.get_ref()),
        };
        if out.full { Ok(true) } else { result.map(|()| false) }
    }

    fn into_bytes(self) -> io::Result<Vec<u8>> {
        match self {
            Self::Identity(out) => Ok(out.bytes),
            Self::Gzip(mut decoder) => finish(decoder.try_finish(), decoder.get_mut()),
            Self::Deflate(mut decoder) => finish(decoder.try_finish(), decoder.get_mut()),
        }
    }
}

/// A stream cut at the cap is not a broken one.
fn finish(result: io::Result<()>, out: &mut Capped) -> io::Result<Vec<u8>> {
    if !out.full {
        result?;
    }
    Ok(std::mem::take(&mut out.bytes))
}

/// Keeps up to `cap` bytes and then refuses more, which stops the decompressor in mid-flight.
struct Capped {
    bytes: Vec<u8>,
    cap: usize,
    full: bool,
}

impl Write for Capped {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        let room = self.cap - self.bytes.len();
        if data.len() > room {
            self.bytes.extend_from_slice(&data[..room]);
            self.full = true;
            return Err(io::Error::other("the cap is reached"));
        }
        self.bytes.extend_from_slice(data);
        Ok(data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
