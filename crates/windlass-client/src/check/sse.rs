//! The `data` of server-sent events, as it arrives.

/// Reads an event stream piece by piece.
#[derive(Default)]
pub(super) struct Events {
    rest: Vec<u8>,
    data: Vec<String>,
}

impl Events {
    /// Takes the next bytes and gives the data of the events they complete.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Vec<String> {
        self.rest.extend_from_slice(bytes);
        let mut complete = Vec::new();
        while let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.rest.drain(..=end).collect();
            let line = String::from_utf8_lossy(&line);
            let line = line.trim_end_matches(['\n', '\r']);
            if line.is_empty() {
                if !self.data.is_empty() {
                    complete.push(std::mem::take(&mut self.data).join("\n"));
                }
            } else if let Some(data) = line.strip_prefix("data:") {
                self.data.push(data.strip_prefix(' ').unwrap_or(data).to_owned());
            }
        }
        complete
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_survive_any_cut() {
        let stream = b": keep-alive\r\n\r\nid: 1\ndata: a\ndata:b\n\ndata:\r\n\r\nevent: x\ndata:  \xc3\xa9\n\n";
        for size in 1..stream.len() {
            let mut events = Events::default();
            let got: Vec<_> = stream.chunks(size).flat_map(|chunk| events.push(chunk)).collect();
            assert_eq!(got, ["a\nb", "", " é"], "{size}");
        }
    }
}
