//! Events of a stream, as the HTML standard defines them.
//!
//! `eventsource-stream` would do, but that its 0.2.3 panics at a byte order mark (it cuts off the first byte of three), and
//! keeps whatever a server sends until an event ends.

/// What a server says at once.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Event {
    /// Empty where it has none.
    pub name: String,
    /// Its lines of data.
    pub data: String,
}

/// Why there is no event.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Broken {
    #[error("an event of more than {0} bytes")]
    TooLong(usize),
    #[error("an event that is not UTF-8")]
    NotText,
}

/// Bytes in, events out.
#[derive(Default)]
pub(super) struct Decoder {
    limit: usize,
    buffer: Vec<u8>,
    /// Up to where the buffer was read.
    read: usize,
    /// Up to where there is no end of the line that begins there.
    searched: usize,
    /// The line before ended with `\r`: a `\n` now belongs to it.
    after_return: bool,
    /// Something came before: no byte order mark any more.
    begun: bool,
    name: Vec<u8>,
    data: Option<Vec<u8>>,
}

impl Decoder {
    /// One that keeps no more than `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Self { limit, ..Self::default() }
    }

    /// What came. Everything that is in it has to be taken with [`Self::next`] before the next bytes.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), Broken> {
        self.buffer.drain(..self.read);
        self.searched -= self.read;
        self.read = 0;
        self.buffer.extend_from_slice(bytes);
        let kept = self.buffer.len() + self.data.as_ref().map_or(0, Vec::len);
        if kept > self.limit + bytes.len() { Err(Broken::TooLong(self.limit)) } else { Ok(()) }
    }

    /// The next event, if all of it is here.
    pub fn next(&mut self) -> Result<Option<Event>, Broken> {
        while let Some(line) = self.line() {
            if let Some(event) = self.take(line)? {
                return Ok(Some(event));
            }
        }
        Ok(None)
    }

    /// The place of the next line in the buffer, without its end.
    fn line(&mut self) -> Option<std::ops::Range<usize>> {
        if self.after_return && self.buffer.get(self.read) == Some(&b'\n') {
            self.read += 1;
            self.searched = self.searched.max(self.read);
            self.after_return = false;
        }
        let end = self.buffer[self.searched..].iter().position(|byte| matches!(byte, b'\n' | b'\r'));
        let Some(end) = end.map(|at| self.searched + at) else {
            self.searched = self.buffer.len();
            return None;
        };
        self.after_return = self.buffer[end] == b'\r';
        let line = self.read..end;
        self.read = end + 1;
        self.searched = self.read;
        Some(line)
    }

    /// What a line says; an event where it is an empty one.
    fn take(&mut self, line: std::ops::Range<usize>) -> Result<Option<Event>, Broken> {
        let mut line = &self.buffer[line];
        if !self.begun {
            self.begun = true;
            line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
        }
        if line.is_empty() {
            let name = std::mem::take(&mut self.name);
            let Some(data) = self.data.take() else { return Ok(None) };
            let text = |bytes| String::from_utf8(bytes).map_err(|_| Broken::NotText);
            return Ok(Some(Event { name: text(name)?, data: text(data)? }));
        }
        let colon = line.iter().position(|&byte| byte == b':').unwrap_or(line.len());
        let (field, value) = line.split_at(colon);
        let value = value.strip_prefix(b":").unwrap_or(value);
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match (field, &mut self.data) {
            (b"event", _) => self.name = value.to_vec(),
            (b"data", Some(data)) => {
                data.push(b'\n');
                data.extend_from_slice(value);
                if data.len() > self.limit {
                    return Err(Broken::TooLong(self.limit));
                }
            }
            (b"data", None) => self.data = Some(value.to_vec()),
            // Remarks, ids, times to come back after: nobody comes back here.
            _ => {}
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(parts: &[&[u8]]) -> Result<Vec<(String, String)>, Broken> {
        let mut decoder = Decoder::new(64);
        let mut events = Vec::new();
        for part in parts {
            decoder.push(part)?;
            while let Some(event) = decoder.next()? {
                events.push((event.name, event.data));
            }
        }
        Ok(events)
    }

    #[track_caller]
    fn check(stream: &str, expected: &[(&str, &str)]) {
        let expected: Vec<_> = expected.iter().map(|(name, data)| ((*name).to_owned(), (*data).to_owned())).collect();
        let bytes = stream.as_bytes();
        assert_eq!(decoded(&[bytes]).unwrap(), expected, "{stream:?}");
        for size in 1..bytes.len() {
            let parts: Vec<_> = bytes.chunks(size).collect();
            assert_eq!(decoded(&parts).unwrap(), expected, "{stream:?} by {size}");
        }
    }

    #[test]
    fn events_are_read_wherever_they_are_cut() {
        check("data: a\n\n", &[("", "a")]);
        check("event: x\ndata: ä\u{1f980}€\n\ndata: b\n\n", &[("x", "ä\u{1f980}€"), ("", "b")]);
        check("data: a\r\n\r\ndata: b\r\rdata: c\n\n", &[("", "a"), ("", "b"), ("", "c")]);
        check("\u{feff}data: a\n\ndata:\u{feff}b\n\n", &[("", "a"), ("", "\u{feff}b")]);
        check(": remark\n\nevent: lost\n\nid: 1\nretry: 5\ndata\ndata:  b\ndata:c\n\n", &[("", "\n b\nc")]);
        check("data: never ended\n", &[]);
    }

    #[test]
    fn nothing_grows_without_an_end() {
        let long = [b'x'; 40];
        assert_eq!(decoded(&[b"data: ", &long, &long, &long]), Err(Broken::TooLong(64)));
        let line = [b"data: ".as_slice(), &[b'x'; 30], b"\n"].concat();
        assert_eq!(decoded(&[&line, &line, &line]), Err(Broken::TooLong(64)));
        // However many come after each other.
        let event = [&line, b"\n".as_slice()].concat();
        assert_eq!(decoded(&[event.as_slice(); 9]).unwrap().len(), 9);
    }

    #[test]
    fn what_is_no_text_is_none() {
        assert_eq!(decoded(&[b"data: \xff\n\n"]), Err(Broken::NotText));
    }
}
