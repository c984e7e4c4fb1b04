//! Writes windlass.yaml: in a fixed order, quoted where it has to be, with comments.

use super::yaml::{Node, Value};

/// What is written.
#[derive(Debug, Clone)]
pub enum Out {
    /// Text, quoted where it has to be.
    Text(String),
    /// A number or a truth value, as it is.
    Plain(String),
    /// Values in an order.
    List(Vec<Out>),
    /// What [`Entries`] make.
    Map(Vec<Entry>),
}

/// An entry of a map.
#[derive(Debug, Clone)]
pub struct Entry {
    key: String,
    value: Out,
    /// Lines in front of it.
    comment: Vec<String>,
    /// It is there to be read, and for somebody to take the `#` away.
    disabled: bool,
}

/// The entries of a map, as they are added.
#[derive(Debug, Clone, Default)]
pub struct Entries(Vec<Entry>);

impl Entries {
    /// Adds an entry.
    pub fn add(&mut self, key: &str, value: Out) {
        self.0.push(Entry { key: key.to_owned(), value, comment: Vec::new(), disabled: false });
    }

    /// Adds an entry that is text.
    pub fn text(&mut self, key: &str, value: &str) {
        self.add(key, Out::Text(value.to_owned()));
    }

    /// Adds an entry with lines of comment in front of it; one that is disabled is commented out.
    pub fn commented(&mut self, key: &str, value: Out, comment: Vec<String>, disabled: bool) {
        self.0.push(Entry { key: key.to_owned(), value, comment, disabled });
    }

    /// The map.
    pub fn finish(self) -> Out {
        Out::Map(self.0)
    }

    /// Whether there is an entry of this name that is not commented out.
    pub fn has(&self, key: &str) -> bool {
        self.0.iter().any(|entry| entry.key == key && !entry.disabled)
    }

    /// Whether everything in it is commented out, or there is nothing.
    pub fn is_idle(&self) -> bool {
        self.0.iter().all(|entry| entry.disabled)
    }
}

impl From<&Node> for Out {
    fn from(node: &Node) -> Self {
        match &node.value {
            Value::Null => Self::Plain("null".to_owned()),
            Value::Bool(truth) => Self::Plain(truth.to_string()),
            Value::Integer(number) => Self::Plain(number.to_string()),
            Value::Float(number) => Self::Plain(format!("{number:?}")),
            Value::Text(text) => Self::Text(text.clone()),
            Value::List(items) => Self::List(items.iter().map(Self::from).collect()),
            Value::Map(fields) => {
                let mut entries = Entries::default();
                for field in fields {
                    entries.add(&field.key, Self::from(&field.node));
                }
                entries.finish()
            }
        }
    }
}

/// A whole document.
pub fn document(entries: Entries) -> String {
    let mut text = String::new();
    map(&mut text, &entries.0, 0);
    text
}

fn map(out: &mut String, entries: &[Entry], indent: usize) {
    for entry in entries {
        for line in &entry.comment {
            push(out, indent, &format!("# {line}"));
        }
        if entry.disabled {
            let mut inner = String::new();
            field(&mut inner, entry, 0);
            for line in inner.lines() {
                push(out, indent, format!("# {line}").trim_end());
            }
        } else {
            field(out, entry, indent);
        }
    }
}

fn push(out: &mut String, indent: usize, line: &str) {
    if !line.is_empty() {
        out.push_str(&" ".repeat(indent));
        out.push_str(line);
    }
    out.push('\n');
}

fn field(out: &mut String, entry: &Entry, indent: usize) {
    let key = scalar(&entry.key);
    match &entry.value {
        Out::Map(entries) if entries.iter().all(|entry| entry.disabled) => {
            push(out, indent, &format!("{key}: {{}}"));
            map(out, entries, indent + 2);
        }
        Out::Map(entries) => {
            push(out, indent, &format!("{key}:"));
            map(out, entries, indent + 2);
        }
        Out::List(items) if items.iter().any(|item| matches!(item, Out::Map(_))) => {
            push(out, indent, &format!("{key}:"));
            for item in items {
                let mut inner = String::new();
                match item {
                    Out::Map(entries) => map(&mut inner, entries, indent + 4),
                    other => push(&mut inner, indent + 4, &flow(other)),
                }
                inner.replace_range(indent + 2..=indent + 2, "-");
                out.push_str(&inner);
            }
        }
        Out::Text(text) if is_block(text) => {
            let chomp = if text.ends_with('\n') { "|" } else { "|-" };
            push(out, indent, &format!("{key}: {chomp}"));
            text.lines().for_each(|line| push(out, indent + 2, line));
        }
        other => push(out, indent, &format!("{key}: {}", flow(other))),
    }
}

/// On one line.
fn flow(value: &Out) -> String {
    match value {
        Out::Text(text) => scalar(text),
        Out::Plain(plain) => plain.clone(),
        Out::List(items) => format!("[{}]", items.iter().map(flow).collect::<Vec<_>>().join(", ")),
        Out::Map(entries) => {
            let entries = entries.iter().map(|entry| format!("{}: {}", scalar(&entry.key), flow(&entry.value)));
            format!("{{{}}}", entries.collect::<Vec<_>>().join(", "))
        }
    }
}

/// Text of several lines that reads the same as a block.
fn is_block(text: &str) -> bool {
    let body = text.strip_suffix('\n').unwrap_or(text);
    text.contains('\n')
        && !body.is_empty()
        && !body.ends_with('\n')
        && !text.starts_with([' ', '\n'])
        && body.lines().all(|line| !line.ends_with(' ') && !line.contains(char::is_control))
        && !body.contains(['\r', '\u{85}', '\u{2028}', '\u{2029}', '\u{feff}'])
}

/// Without quotes only where nobody could take it for anything but text.
fn scalar(text: &str) -> String {
    const OTHER: [&str; 9] = ["true", "false", "yes", "no", "on", "off", "null", "y", "n"];
    let plain = text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | ' ' | '(' | ')'))
        && !text.ends_with(' ')
        && !OTHER.contains(&text.to_ascii_lowercase().as_str());
    let reference =
        text.strip_prefix("env:").is_some_and(|name| name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'));
    if plain || reference {
        return text.to_owned();
    }
    // JSON's quotes are YAML's.
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_the_same() {
        for text in [
            "plain",
            "with space",
            "",
            " lead",
            "trail ",
            "true",
            "No",
            "12",
            "1e3",
            "a: b",
            "# c",
            "it's",
            "\"q\"",
            "x\ny",
            "x\ny\n",
            "x\n\ny\n\n",
            "\nx\ny",
            "tab\tx\ny",
            "- a",
            "{{.x}}",
            "é",
            "a\u{2028}b\nc",
            "${A}",
            "env:A",
            "null",
        ] {
            let mut entries = Entries::default();
            entries.text("key", text);
            let written = document(entries);
            let read: std::collections::BTreeMap<String, String> =
                serde_saphyr::from_str(&written).unwrap_or_else(|error| panic!("{written}: {error}"));
            assert_eq!(read["key"], text, "{written}");
        }
    }
}
