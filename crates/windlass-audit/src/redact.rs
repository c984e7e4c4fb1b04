//! What must not be written: by the name it has, by the shape it has, or because the server itself knows it as a secret.

mod arguments;
mod commands;
mod names;
mod shapes;

use std::borrow::Cow;

use regex::{NoExpand, Regex};
use windlass_core::{ExposeSecret, SecretString};

pub(crate) use arguments::{Arguments, shortened};

/// What stands where something was taken out.
pub(crate) const REDACTED: &str = "[redacted]";

/// A known secret shorter than this is not looked for: it would tear holes into every other word.
const SHORTEST_SECRET: usize = 6;

/// Takes secrets out of text and arguments.
#[derive(Debug, Default)]
pub struct Redactor {
    names: Vec<String>,
    /// The same names with a value behind them, within text.
    named: Option<Regex>,
    known: Option<Regex>,
}

impl Redactor {
    /// `names` are argument names whose values go, beside the built-in ones; `secrets` go wherever they stand.
    pub fn new(names: &[String], secrets: &[SecretString]) -> Self {
        let mut values: Vec<&str> = secrets.iter().flat_map(|secret| spellings(secret.expose_secret())).collect();
        // Alternatives are tried in order: a secret that begins with another one must come first.
        values.sort_by_key(|value| std::cmp::Reverse(value.len()));
        values.dedup();
        let alternatives: Vec<String> = values.into_iter().map(regex::escape).collect();
        let known = (!alternatives.is_empty())
            .then(|| regex::RegexBuilder::new(&alternatives.join("|")).size_limit(64 << 20).build());
        let known = known.map(|pattern| pattern.expect("escaped literals are a valid pattern"));
        let names: Vec<String> = names.iter().map(|name| names::normal(name)).filter(|name| !name.is_empty()).collect();
        Self { named: shapes::named(&names), names, known }
    }

    /// `text` without secrets.
    pub fn scrub<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let text = self.without_known(text);
        let text = match &self.named {
            Some(named) => match named.replace_all(&text, "${1}[redacted]") {
                Cow::Borrowed(_) => text,
                Cow::Owned(text) => Cow::Owned(text),
            },
            None => text,
        };
        match text {
            Cow::Borrowed(text) => shapes::scrub(text),
            Cow::Owned(text) => Cow::Owned(shapes::scrub(&text).into_owned()),
        }
    }

    fn without_known<'a>(&self, text: &'a str) -> Cow<'a, str> {
        match &self.known {
            Some(known) => known.replace_all(text, NoExpand(REDACTED)),
            None => Cow::Borrowed(text),
        }
    }

    /// Whether a value called `name` must not be written.
    pub(crate) fn is_secret_name(&self, name: &str) -> bool {
        names::is_secret(name, &self.names)
    }
}

/// A secret as given, and without the line end that files add to it.
fn spellings(secret: &str) -> impl Iterator<Item = &str> {
    [secret, secret.trim()].into_iter().filter(|value| value.trim().len() >= SHORTEST_SECRET)
}
