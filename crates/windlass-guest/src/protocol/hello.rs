//! How the two sides find each other in a stream that may hold leftovers.

use bytes::{Buf, Bytes, BytesMut};

use super::{About, Frame, HEADER_LEN, Kind, ProtocolError, Stream, VERSION, frame::Header};

/// What every greeting begins with.
pub const MAGIC: [u8; 16] = *b"\x00\xffwindlass-gst\r\n";
/// The most leftovers a host drops before it gives up on the welcome.
pub const MAX_SKIPPED: usize = 8 * 1024 * 1024;

pub(super) const HELLO_LEN: u32 = 36;
pub(super) const WELCOME_FIXED: u32 = 34;

/// How the host begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hello {
    /// The lowest version it speaks.
    pub lowest: u16,
    /// The highest version it speaks.
    pub highest: u16,
    /// Random, to know the answer by.
    pub nonce: [u8; 16],
}

impl Hello {
    /// The hello of this version.
    pub fn new(nonce: [u8; 16]) -> Self {
        Self { lowest: VERSION, highest: VERSION, nonce }
    }

    /// As a frame.
    pub fn frame(&self) -> Frame {
        let mut payload = BytesMut::with_capacity(HELLO_LEN as usize);
        payload.extend_from_slice(&MAGIC);
        payload.extend_from_slice(&self.lowest.to_le_bytes());
        payload.extend_from_slice(&self.highest.to_le_bytes());
        payload.extend_from_slice(&self.nonce);
        Frame { kind: Kind::Hello, stream: Stream::Input, channel: 0, payload: payload.freeze() }
    }

    /// From a frame.
    pub fn parse(frame: &Frame) -> Result<Self, ProtocolError> {
        let (lowest, rest) = after_magic(&frame.payload)?;
        let (highest, rest) = number(rest)?;
        let nonce = *rest.first_chunk().ok_or(ProtocolError::BadGreeting)?;
        Ok(Self { lowest, highest, nonce })
    }

    /// The version to speak with this host, or 0.
    pub fn version(&self) -> u16 {
        if (self.lowest..=self.highest).contains(&VERSION) { VERSION } else { 0 }
    }
}

/// How the guest answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Welcome {
    /// The version to speak; 0 when there is none in common.
    pub version: u16,
    /// The nonce of the hello.
    pub nonce: [u8; 16],
    /// About the guest.
    pub about: About,
}

impl Welcome {
    /// As a frame.
    pub fn frame(&self) -> Frame {
        let mut payload = BytesMut::new();
        payload.extend_from_slice(&MAGIC);
        payload.extend_from_slice(&self.version.to_le_bytes());
        payload.extend_from_slice(&self.nonce);
        payload.extend_from_slice(&serde_json::to_vec(&self.about).unwrap_or_default());
        Frame { kind: Kind::Welcome, stream: Stream::Input, channel: 0, payload: payload.freeze() }
    }

    /// From a frame.
    pub fn parse(frame: &Frame) -> Result<Self, ProtocolError> {
        let (version, rest) = after_magic(&frame.payload)?;
        let (nonce, about) = rest.split_first_chunk().ok_or(ProtocolError::BadGreeting)?;
        // A guest of another version may say other things about itself: its version is what counts then.
        let about = match serde_json::from_slice(about) {
            Ok(about) => about,
            Err(_) if version != VERSION => About::default(),
            Err(_) => return Err(ProtocolError::BadGreeting),
        };
        Ok(Self { version, nonce: *nonce, about })
    }
}

fn after_magic(payload: &Bytes) -> Result<(u16, &[u8]), ProtocolError> {
    number(payload.strip_prefix(&MAGIC).ok_or(ProtocolError::BadGreeting)?)
}

fn number(bytes: &[u8]) -> Result<(u16, &[u8]), ProtocolError> {
    let (number, rest) = bytes.split_first_chunk().ok_or(ProtocolError::BadGreeting)?;
    Ok((u16::from_le_bytes(*number), rest))
}

/// Takes the next hello out of a stream, and drops what is before it.
pub fn find_hello(buffer: &mut BytesMut) -> Option<Hello> {
    find(buffer, Kind::Hello, |frame| Hello::parse(frame).ok())
}

/// Takes the welcome with this nonce out of a stream, and drops what is before it.
pub fn find_welcome(buffer: &mut BytesMut, nonce: &[u8; 16]) -> Option<Welcome> {
    find(buffer, Kind::Welcome, |frame| Welcome::parse(frame).ok().filter(|welcome| welcome.nonce == *nonce))
}

/// A greeting is known by its header and its magic. What only looks like one is dropped like anything else.
fn find<T>(buffer: &mut BytesMut, kind: Kind, wanted: impl Fn(&Frame) -> Option<T>) -> Option<T> {
    loop {
        let Some(at) = buffer.iter().position(|byte| *byte == kind as u8) else {
            buffer.clear();
            return None;
        };
        buffer.advance(at);
        let header = Header::read(buffer.first_chunk()?);
        let Some(Header { length, .. }) = header.ok().filter(|header| header.kind == kind) else {
            buffer.advance(1);
            continue;
        };
        let have = &buffer[HEADER_LEN..];
        let known = have.len().min(MAGIC.len());
        if have[..known] != MAGIC[..known] {
            buffer.advance(1);
            continue;
        }
        let whole = HEADER_LEN + length as usize;
        let payload = Bytes::copy_from_slice(buffer.get(HEADER_LEN..whole)?);
        let frame = Frame { kind, stream: Stream::Input, channel: 0, payload };
        if let Some(found) = wanted(&frame) {
            buffer.advance(whole);
            return Some(found);
        }
        buffer.advance(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn greetings_come_back_as_they_went() {
        let hello = Hello::new([7; 16]);
        assert_eq!(Hello::parse(&hello.frame()), Ok(hello));
        let welcome = Welcome { version: hello.version(), nonce: hello.nonce, about: About::default() };
        assert_eq!(Welcome::parse(&welcome.frame()), Ok(welcome));
    }

    #[test]
    fn a_hello_is_found_behind_leftovers_however_it_is_cut() {
        let mut wire = BytesMut::from(&b"leftovers \x01 of \x01\x00 a host"[..]);
        wire.extend_from_slice(&Hello::new([9; 16]).frame().header());
        wire.extend_from_slice(&MAGIC[..9]);
        Hello::new([1; 16]).frame().encode(&mut wire);
        let end = wire.len();
        wire.extend_from_slice(b"more");
        for cut in 0..=wire.len() {
            let mut buffer = BytesMut::from(&wire[..cut]);
            let early = find_hello(&mut buffer);
            assert_eq!(early.is_some(), cut >= end, "cut at {cut}");
            buffer.extend_from_slice(&wire[cut..]);
            let found = early.or_else(|| find_hello(&mut buffer));
            assert_eq!(found, Some(Hello::new([1; 16])));
            assert_eq!(buffer, b"more"[..]);
        }
    }

    #[test]
    fn the_welcome_of_another_host_is_passed_over() {
        let mut wire = BytesMut::new();
        for nonce in [[1; 16], [2; 16]] {
            Welcome { version: 1, nonce, about: About::default() }.frame().encode(&mut wire);
        }
        assert_eq!(find_welcome(&mut wire, &[2; 16]).map(|welcome| welcome.nonce), Some([2; 16]));
        assert!(wire.is_empty());
    }

    #[test]
    fn no_common_version_is_said_so() {
        let hello = Hello { lowest: VERSION + 1, highest: VERSION + 9, nonce: [0; 16] };
        assert_eq!(hello.version(), 0);
    }
}
