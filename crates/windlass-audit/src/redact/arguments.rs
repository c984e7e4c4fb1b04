use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::{REDACTED, Redactor, commands, names};

/// Redacted arguments longer than this are written in brief.
const LONGEST: usize = 8 << 10;
/// A string longer than this is cut where arguments are written in brief.
const LONGEST_STRING: usize = 256;

/// Arguments as they may be written.
pub(crate) struct Arguments {
    /// JSON with sorted keys and no blanks, secrets taken out; in brief where it is long.
    pub(crate) json: Vec<u8>,
    /// SHA-256 of the redacted JSON before it was shortened. What was redacted has no part in it: a digest over a short
    /// secret and otherwise known text would give the secret to anybody with time to guess.
    pub(crate) digest: String,
}

impl Arguments {
    pub(crate) fn new(arguments: &Map<String, Value>, redactor: &Redactor) -> Self {
        let mut whole = Writer { redactor, out: Vec::with_capacity(256), limit: None };
        whole.object(arguments);
        let digest = hex::encode(Sha256::digest(&whole.out));
        if whole.out.len() <= LONGEST {
            return Self { json: whole.out, digest };
        }
        let mut brief = Writer { redactor, out: Vec::with_capacity(LONGEST), limit: Some(LONGEST) };
        brief.object(arguments);
        Self { json: brief.out, digest }
    }
}

/// `text` itself, or its beginning, its length and its digest.
pub(crate) fn shortened(text: &str, longest: usize) -> String {
    if text.len() <= longest {
        return text.to_owned();
    }
    let digest = hex::encode(Sha256::digest(text.as_bytes()));
    format!("{}…[{} bytes, sha256:{digest}]", &text[..text.floor_char_boundary(longest / 2)], text.len())
}

struct Writer<'a> {
    redactor: &'a Redactor,
    out: Vec<u8>,
    /// Where a container stops, where arguments are written in brief.
    limit: Option<usize>,
}

impl Writer<'_> {
    fn value(&mut self, value: &Value, program: Option<&str>) {
        match value {
            Value::Null | Value::Bool(_) => self.json(value),
            Value::Number(number) => self.number(&number.to_string(), value),
            Value::String(text) => self.text(text),
            Value::Array(items) => self.within(|this| this.array(items, program)),
            Value::Object(object) => self.within(|this| this.object(object)),
        }
    }

    /// A container gets half of the room left, so that what comes after it is not crowded out.
    fn within(&mut self, write: impl FnOnce(&mut Self)) {
        let limit = self.limit;
        let written = self.out.len();
        self.limit = limit.map(|limit| written + limit.saturating_sub(written) / 2);
        write(self);
        self.limit = limit;
    }

    fn object(&mut self, object: &Map<String, Value>) {
        let program = ["program", "command"].iter().find_map(|name| commands::program(object.get(*name)?.as_str()?));
        // A list of variables: {"name": "DB_PASSWORD", "value": "..."}.
        let name = ["name", "key"].iter().find_map(|name| object.get(*name)?.as_str());
        let value_is_secret = name.is_some_and(|name| self.redactor.is_secret_name(name));
        let mut members: Vec<_> = object.iter().collect();
        members.sort_unstable_by_key(|(name, _)| *name);
        self.out.push(b'{');
        for (position, (name, value)) in members.iter().enumerate() {
            if position > 0 {
                self.out.push(b',');
            }
            if self.full() {
                self.plain("…");
                self.out.push(b':');
                self.plain(&format!("{} more", members.len() - position));
                break;
            }
            self.text(name);
            self.out.push(b':');
            if self.redactor.is_secret_name(name) || (value_is_secret && *name == "value") {
                self.secret(name, value);
            } else {
                self.value(value, program);
            }
        }
        self.out.push(b'}');
    }

    fn array(&mut self, items: &[Value], program: Option<&str>) {
        let first = || items.first().and_then(Value::as_str).and_then(commands::program);
        let program = program.or_else(first);
        let mut announced = false;
        self.out.push(b'[');
        for (position, item) in items.iter().enumerate() {
            if position > 0 {
                self.out.push(b',');
            }
            if self.full() {
                self.plain(&format!("… {} more", items.len() - position));
                break;
            }
            match item.as_str() {
                _ if announced => self.secret("", item),
                Some(text) => match commands::glued(program, text) {
                    Some(option) => self.plain(&format!("{option}{REDACTED}")),
                    None => self.text(text),
                },
                None => self.value(item, None),
            }
            let is_secret_name = |name: &str| self.redactor.is_secret_name(name);
            announced = item.as_str().is_some_and(|text| commands::announces_secret(program, text, is_secret_name));
        }
        self.out.push(b']');
    }

    /// Something that is a secret by its name. Yes, no and nothing are not, nor is the number of tokens.
    fn secret(&mut self, name: &str, value: &Value) {
        match value {
            Value::Null | Value::Bool(_) => self.json(value),
            Value::Number(_) if names::is_count(name) => self.value(value, None),
            _ => self.plain(REDACTED),
        }
    }

    fn number(&mut self, text: &str, value: &Value) {
        if self.redactor.without_known(text) == text {
            self.json(value);
        } else {
            self.plain(REDACTED);
        }
    }

    fn text(&mut self, text: &str) {
        // Scrubbed first: half a secret is no longer recognised as one.
        let scrubbed = self.redactor.scrub(text);
        if self.limit.is_some() && scrubbed.len() > LONGEST_STRING {
            self.plain(&shortened(&scrubbed, LONGEST_STRING));
        } else {
            self.json(&scrubbed);
        }
    }

    fn plain(&mut self, text: &str) {
        self.json(text);
    }

    fn json(&mut self, value: impl serde::Serialize) {
        serde_json::to_writer(&mut self.out, &value).expect("text and numbers go into memory without fail");
    }

    fn full(&self) -> bool {
        self.limit.is_some_and(|limit| self.out.len() >= limit)
    }
}
