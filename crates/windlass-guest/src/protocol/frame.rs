//! One frame, and how it is written.

use bytes::{BufMut, Bytes, BytesMut};
use serde::Serialize;

use super::ProtocolError;

/// Bytes before each payload.
pub const HEADER_LEN: usize = 12;
/// The most data in one frame.
pub const MAX_DATA: u32 = 64 * 1024;
/// The most JSON in one frame.
pub const MAX_JSON: u32 = 1024 * 1024;

/// What a frame is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// The host begins.
    Hello = 1,
    /// The guest answers.
    Welcome = 2,
    /// A request.
    Open = 3,
    /// Bytes of a stream.
    Data = 4,
    /// A stream has no more bytes.
    End = 5,
    /// More bytes of a stream may be sent.
    Credit = 6,
    /// A signal or a new size of the terminal.
    Control = 7,
    /// The request is to end.
    Cancel = 8,
    /// The request is under way.
    Started = 9,
    /// The request is over.
    Done = 10,
}

impl Kind {
    pub(super) fn from_byte(byte: u8) -> Result<Self, ProtocolError> {
        Ok(match byte {
            1 => Self::Hello,
            2 => Self::Welcome,
            3 => Self::Open,
            4 => Self::Data,
            5 => Self::End,
            6 => Self::Credit,
            7 => Self::Control,
            8 => Self::Cancel,
            9 => Self::Started,
            10 => Self::Done,
            other => return Err(ProtocolError::UnknownKind(other)),
        })
    }

    pub(super) fn allows(self, length: u32) -> bool {
        match self {
            Self::Hello => length == super::hello::HELLO_LEN,
            Self::Welcome => (super::hello::WELCOME_FIXED..=4096).contains(&length),
            Self::Data => (1..=MAX_DATA).contains(&length),
            Self::End | Self::Cancel => length == 0,
            Self::Credit => length == 4,
            Self::Open | Self::Control | Self::Started | Self::Done => length <= MAX_JSON,
        }
    }

    fn is_of_a_stream(self) -> bool {
        matches!(self, Self::Data | Self::End | Self::Credit)
    }

    fn is_a_greeting(self) -> bool {
        matches!(self, Self::Hello | Self::Welcome)
    }
}

/// The streams of a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Stream {
    /// What the host sends: standard input, the content of a file.
    Input = 0,
    /// Standard output, what a terminal shows, the content of a file.
    Output = 1,
    /// Standard error.
    Error = 2,
}

/// One frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// What it is for.
    pub kind: Kind,
    /// Which stream of the channel; input where it is about none.
    pub stream: Stream,
    /// The channel; 0 for greetings only.
    pub channel: u32,
    /// What it carries.
    pub payload: Bytes,
}

impl Frame {
    /// A frame that carries JSON.
    pub fn json(kind: Kind, channel: u32, value: &impl Serialize) -> Self {
        // Only a map with keys that are no strings cannot be written, and no message has one.
        let payload = serde_json::to_vec(value).unwrap_or_default().into();
        Self { kind, stream: Stream::Input, channel, payload }
    }

    /// Bytes of a stream.
    pub fn data(channel: u32, stream: Stream, payload: Bytes) -> Self {
        Self { kind: Kind::Data, stream, channel, payload }
    }

    /// The end of a stream.
    pub fn end(channel: u32, stream: Stream) -> Self {
        Self { kind: Kind::End, stream, channel, payload: Bytes::new() }
    }

    /// Permission to send more.
    pub fn credit(channel: u32, stream: Stream, bytes: u32) -> Self {
        Self { kind: Kind::Credit, stream, channel, payload: Bytes::copy_from_slice(&bytes.to_le_bytes()) }
    }

    /// The wish that the request ends.
    pub fn cancel(channel: u32) -> Self {
        Self { kind: Kind::Cancel, stream: Stream::Input, channel, payload: Bytes::new() }
    }

    /// What a credit frame gives.
    pub fn credit_bytes(&self) -> u32 {
        self.payload.first_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes))
    }

    /// What a frame of JSON holds.
    pub fn parse<T: serde::de::DeserializeOwned>(&self) -> Result<T, ProtocolError> {
        serde_json::from_slice(&self.payload).map_err(|_| ProtocolError::BadJson(self.kind as u8))
    }

    /// The header of this frame.
    pub fn header(&self) -> [u8; HEADER_LEN] {
        let mut header = [0; HEADER_LEN];
        header[0] = self.kind as u8;
        header[1] = self.stream as u8;
        header[4..8].copy_from_slice(&self.channel.to_le_bytes());
        // A payload is far below 4 GiB: the other side refuses what is longer than its kind allows.
        header[8..].copy_from_slice(&u32::try_from(self.payload.len()).unwrap_or(u32::MAX).to_le_bytes());
        header
    }

    /// The whole frame as it is sent.
    pub fn encode(&self, into: &mut BytesMut) {
        into.put_slice(&self.header());
        into.put_slice(&self.payload);
    }
}

/// A header that keeps the rules.
#[derive(Debug, Clone, Copy)]
pub(super) struct Header {
    pub(super) kind: Kind,
    pub(super) stream: Stream,
    pub(super) channel: u32,
    pub(super) length: u32,
}

impl Header {
    pub(super) fn read(bytes: &[u8; HEADER_LEN]) -> Result<Self, ProtocolError> {
        let [k, s, z0, z1, c0, c1, c2, c3, l0, l1, l2, l3] = *bytes;
        let kind = Kind::from_byte(k)?;
        let stream = match s {
            0 => Stream::Input,
            1 if kind.is_of_a_stream() => Stream::Output,
            2 if kind.is_of_a_stream() => Stream::Error,
            _ => return Err(ProtocolError::WrongStream { kind: k, stream: s }),
        };
        if z0 != 0 || z1 != 0 {
            return Err(ProtocolError::ReservedBytes);
        }
        let channel = u32::from_le_bytes([c0, c1, c2, c3]);
        if (channel == 0) != kind.is_a_greeting() {
            return Err(ProtocolError::WrongChannel { kind: k, channel });
        }
        let length = u32::from_le_bytes([l0, l1, l2, l3]);
        if !kind.allows(length) {
            return Err(ProtocolError::WrongLength { kind: k, length });
        }
        Ok(Self { kind, stream, channel, length })
    }
}
