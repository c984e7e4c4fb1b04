use std::time::SystemTime;

use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use windlass_core::{AuditEvent, Decision};

use crate::redact::{Arguments, Redactor, shortened};

/// What stands in `prev` where nothing came before.
pub(crate) const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";
/// How every line begins.
pub(crate) const OPENING: &str = r#"{"audit":1,"#;
/// What separates the hashed part of a line from its hash.
pub(crate) const HASH_KEY: &str = r#","hash":""#;
/// The method of the first line of a run.
pub(crate) const START: &str = "server.start";

/// A field longer than this is cut.
const LONGEST_FIELD: usize = 2 << 10;

/// The part of a line that does not depend on its place in the chain. Built where the event happens.
pub(crate) struct Body {
    pub(crate) time: SystemTime,
    /// Members of a JSON object, without its braces.
    pub(crate) members: Vec<u8>,
}

impl Body {
    pub(crate) fn of_event(event: &AuditEvent, redactor: &Redactor) -> Self {
        let mut members = Members::new(redactor);
        members.word("decision", decision(event.decision));
        members.text("method", Some(&event.method));
        members.text("principal", event.principal.as_deref());
        members.text("tool", event.tool.as_deref());
        members.text("call", event.call.as_deref());
        if let Some(arguments) = &event.arguments {
            let arguments = Arguments::new(arguments, redactor);
            members.raw("arguments", &arguments.json);
            members.word("arguments_sha256", &arguments.digest);
        }
        members.text("error", event.error);
        members.text("reason", event.reason.as_deref());
        members.text("transport", Some(event.transport));
        members.text("peer", event.peer.as_deref());
        members.number("duration_us", event.duration_us);
        members.number("bytes", event.bytes);
        members.text("trace", event.trace.as_deref());
        members.body()
    }

    /// The first line of a run, which names it.
    pub(crate) fn of_start(chain: &str) -> Self {
        let redactor = Redactor::default();
        let mut members = Members::new(&redactor);
        members.word("decision", decision(Decision::Operated));
        members.word("method", START);
        members.word("chain", chain);
        members.word("version", env!("CARGO_PKG_VERSION"));
        members.number("pid", Some(std::process::id().into()));
        members.body()
    }
}

fn decision(decision: Decision) -> &'static str {
    match decision {
        Decision::Allowed => "allowed",
        Decision::Denied => "denied",
        Decision::Failed => "failed",
        Decision::Unauthenticated => "unauthenticated",
        Decision::Operated => "operated",
    }
}

struct Members<'a> {
    redactor: &'a Redactor,
    out: Vec<u8>,
}

impl<'a> Members<'a> {
    fn new(redactor: &'a Redactor) -> Self {
        Self { redactor, out: Vec::with_capacity(512) }
    }

    fn raw(&mut self, name: &str, json: &[u8]) {
        if !self.out.is_empty() {
            self.out.push(b',');
        }
        self.out.push(b'"');
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
        self.out.extend_from_slice(json);
    }

    /// Text of our own that needs neither redaction nor escapes.
    fn word(&mut self, name: &str, word: &str) {
        self.raw(name, b"\"");
        self.out.extend_from_slice(word.as_bytes());
        self.out.push(b'"');
    }

    /// Text that a client may have had a hand in.
    fn text(&mut self, name: &str, text: Option<&str>) {
        let Some(text) = text else { return };
        let text = self.redactor.scrub(text);
        self.raw(name, b"");
        let json = |out: &mut Vec<u8>, text: &str| {
            serde_json::to_writer(out, text).expect("text goes into memory without fail");
        };
        match text.len() > LONGEST_FIELD {
            true => json(&mut self.out, &shortened(&text, LONGEST_FIELD)),
            false => json(&mut self.out, &text),
        }
    }

    fn number(&mut self, name: &str, number: Option<u64>) {
        if let Some(number) = number {
            self.raw(name, number.to_string().as_bytes());
        }
    }

    fn body(self) -> Body {
        Body { time: SystemTime::now(), members: printable(self.out) }
    }
}

/// JSON leaves some characters as they are that a terminal obeys or that hide what a line says: 8-bit control
/// characters, line separators, and marks that reverse the direction of text. In JSON they stand in strings alone, where
/// an escape means the same.
fn printable(json: Vec<u8>) -> Vec<u8> {
    let obeyed = |c: char| matches!(c, '\u{7f}'..='\u{9f}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    if json.iter().all(|byte| matches!(byte, 0x20..=0x7e)) {
        return json;
    }
    let text = std::str::from_utf8(&json).expect("made of JSON text and our own names");
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match obeyed(c) {
            true => escaped.push_str(&format!("\\u{:04x}", u32::from(c))),
            false => escaped.push(c),
        }
    }
    escaped.into_bytes()
}

/// Gives lines their numbers and ties each to the one before.
pub(crate) struct Chain {
    sequence: u64,
    previous: String,
}

impl Chain {
    /// A chain that goes on from the line with the hash `previous`.
    pub(crate) fn after(previous: String) -> Self {
        Self { sequence: 0, previous }
    }

    /// The next line, without a line end. The hash is the last member, so that the hashed part is a prefix of the line
    /// and can be checked on the text as it stands, without parsing and writing JSON again.
    pub(crate) fn line(&mut self, body: &Body) -> String {
        let members = std::str::from_utf8(&body.members).expect("made of JSON text and our own names");
        let (sequence, previous) = (self.sequence, &self.previous);
        let time = rfc3339(body.time);
        let mut line = format!(r#"{OPENING}"seq":{sequence},"time":"{time}",{members},"prev":"{previous}""#);
        let hash = hex::encode(Sha256::digest(line.as_bytes()));
        line.push_str(HASH_KEY);
        line.push_str(&hash);
        line.push_str("\"}");
        self.sequence += 1;
        self.previous = hash;
        line
    }
}

/// UTC with milliseconds, always of one length.
fn rfc3339(time: SystemTime) -> String {
    let utc = OffsetDateTime::from(time);
    let (date, hour, minute, second) = (utc.date(), utc.hour(), utc.minute(), utc.second());
    let (year, month, day) = (date.year(), u8::from(date.month()), date.day());
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:03}Z", utc.millisecond())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_line_speaks_to_a_terminal() {
        let hostile = "a\u{9b}31m\u{7f}\u{2028}\u{202e}\u{1b}[2J\n{\"audit\":1} ünï";
        let mut event = AuditEvent::new(Decision::Denied, hostile, "http");
        event.tool = Some(hostile.to_owned());
        event.arguments = serde_json::json!({ hostile: hostile }).as_object().cloned();
        let line = Chain::after(GENESIS.to_owned()).line(&Body::of_event(&event, &Redactor::default()));
        assert!(!line.chars().any(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{202e}')), "{line}");
        let read: serde_json::Value = serde_json::from_str(&line).unwrap();
        for seen in [&read["method"], &read["tool"], &read["arguments"][hostile]] {
            assert_eq!(seen, hostile);
        }
    }
}
