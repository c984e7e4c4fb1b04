//! Bytes into frames, from a stranger.

use bytes::{Buf, BytesMut};

use super::{Frame, HEADER_LEN, ProtocolError, frame::Header};

/// What one read asks the stream for.
const READ_SIZE: usize = 64 * 1024;

/// Takes bytes as they come and gives frames.
///
/// It holds at most one frame and one read more; a length is checked before anything is allocated for it. After an error
/// it gives nothing but that error.
#[derive(Debug, Default)]
pub struct Decoder {
    buffer: BytesMut,
    failed: Option<ProtocolError>,
}

impl Decoder {
    /// A decoder at the beginning of a stream.
    pub fn new() -> Self {
        Self::default()
    }

    /// A decoder of a stream of which `bytes` were read already.
    pub fn starting_with(bytes: BytesMut) -> Self {
        Self { buffer: bytes, failed: None }
    }

    /// Where to read to next. Take every frame out before reading more.
    pub fn space(&mut self) -> &mut BytesMut {
        self.buffer.reserve(READ_SIZE);
        &mut self.buffer
    }

    /// Adds bytes that were read elsewhere.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole frame.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, ProtocolError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        self.take().inspect_err(|error| self.failed = Some(*error))
    }

    /// What was read and is no whole frame yet.
    pub fn into_rest(self) -> BytesMut {
        self.buffer
    }

    fn take(&mut self) -> Result<Option<Frame>, ProtocolError> {
        let Some(bytes) = self.buffer.first_chunk::<HEADER_LEN>() else { return Ok(None) };
        let Header { kind, stream, channel, length } = Header::read(bytes)?;
        let length = length as usize;
        if self.buffer.len() < HEADER_LEN + length {
            self.buffer.reserve(HEADER_LEN + length - self.buffer.len());
            return Ok(None);
        }
        self.buffer.advance(HEADER_LEN);
        let payload = self.buffer.split_to(length).freeze();
        Ok(Some(Frame { kind, stream, channel, payload }))
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;
    use crate::protocol::{Kind, MAX_JSON, Stream};

    fn frames() -> impl Strategy<Value = Frame> {
        let stream = prop_oneof![Just(Stream::Input), Just(Stream::Output), Just(Stream::Error)];
        prop_oneof![
            (1..u32::MAX, stream.clone(), prop::collection::vec(any::<u8>(), 1..300))
                .prop_map(|(channel, stream, bytes)| Frame::data(channel, stream, bytes.into())),
            (1..u32::MAX, stream.clone(), any::<u32>()).prop_map(|(c, s, bytes)| Frame::credit(c, s, bytes)),
            (1..u32::MAX, stream).prop_map(|(c, s)| Frame::end(c, s)),
            (1..u32::MAX, ".{0,80}").prop_map(|(c, text)| Frame::json(Kind::Done, c, &text)),
        ]
    }

    fn all(decoder: &mut Decoder) -> Vec<Frame> {
        std::iter::from_fn(|| decoder.next_frame().unwrap()).collect()
    }

    proptest! {
        #[test]
        fn frames_survive_any_cuts(sent in prop::collection::vec(frames(), 1..8), piece in 1usize..40) {
            let mut wire = BytesMut::new();
            sent.iter().for_each(|frame| frame.encode(&mut wire));
            let mut decoder = Decoder::new();
            let mut got = Vec::new();
            for bytes in wire.chunks(piece) {
                decoder.feed(bytes);
                got.extend(all(&mut decoder));
            }
            prop_assert_eq!(got, sent);
            prop_assert!(decoder.into_rest().is_empty());
        }

        #[test]
        fn random_bytes_neither_panic_nor_allocate_beyond_the_bound(
            wire in prop::collection::vec(any::<u8>(), 0..4096), piece in 1usize..64,
        ) {
            let mut decoder = Decoder::new();
            for bytes in wire.chunks(piece) {
                decoder.feed(bytes);
                while let Ok(Some(_)) = decoder.next_frame() {}
                prop_assert!(decoder.buffer.capacity() <= 2 * (HEADER_LEN + MAX_JSON as usize + READ_SIZE));
            }
        }

        #[test]
        fn a_header_with_any_flipped_byte_never_panics(frame in frames(), at in 0usize..HEADER_LEN, to in any::<u8>()) {
            let mut wire = BytesMut::new();
            frame.encode(&mut wire);
            wire[at] = to;
            let mut decoder = Decoder::new();
            decoder.feed(&wire);
            while let Ok(Some(_)) = decoder.next_frame() {}
        }
    }

    #[test]
    fn unicode_is_whole_again_after_a_cut_at_every_boundary() {
        let text = "aß日本😀e\u{301}";
        let mut wire = BytesMut::new();
        Frame::data(1, Stream::Output, Bytes::from(text)).encode(&mut wire);
        Frame::json(Kind::Done, 1, &text).encode(&mut wire);
        for cut in 0..=wire.len() {
            let mut decoder = Decoder::new();
            decoder.feed(&wire[..cut]);
            let mut got = all(&mut decoder);
            decoder.feed(&wire[cut..]);
            got.extend(all(&mut decoder));
            assert_eq!(got[0].payload, text.as_bytes(), "cut at {cut}");
            assert_eq!(got[1].parse::<String>().unwrap(), text);
        }
    }

    #[test]
    fn a_huge_length_is_refused_before_it_is_believed() {
        let mut decoder = Decoder::new();
        decoder.feed(&[4, 1, 0, 0, 1, 0, 0, 0, 255, 255, 255, 255]);
        let refused = ProtocolError::WrongLength { kind: 4, length: u32::MAX };
        assert_eq!(decoder.next_frame(), Err(refused));
        decoder.feed(&[0; 64]);
        assert_eq!(decoder.next_frame(), Err(refused), "once failed, always failed");
        assert!(decoder.buffer.capacity() < 4096);
    }
}
