//! Which calls wait for a person.

use serde::{Deserialize, Serialize};

use crate::tools::Offer;

/// Which calls wait for a person.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// By what the tool says of itself.
    pub ask: Asking,
    /// Tools that wait whatever they say: names, with `*` for any rest.
    pub require: Vec<String>,
    /// Tools that never wait, unless they are required to.
    pub allow: Vec<String>,
}

/// Which tools wait by what they say of themselves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Asking {
    /// Those that may destroy something. As the protocol has it, so may one that says neither that it only reads nor
    /// that it does not destroy.
    #[default]
    Destructive,
    /// Every one that does not only read.
    Writing,
    /// Every one.
    Every,
    /// None.
    None,
}

impl Policy {
    /// Whether calls of `offer` wait for a person.
    pub fn asks(&self, offer: &Offer) -> bool {
        let among = |patterns: &[String]| patterns.iter().any(|pattern| matches(pattern, &offer.definition.name));
        if among(&self.require) {
            return true;
        }
        let wants = match self.ask {
            Asking::Destructive => offer.destructive,
            Asking::Writing => !offer.read_only,
            Asking::Every => true,
            Asking::None => false,
        };
        wants && !among(&self.allow)
    }
}

/// Whether `pattern`, in which `*` stands for anything, is `name`.
pub fn matches(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ToolDefinition;

    fn offer(name: &str, read_only: bool, destructive: bool) -> Offer {
        let definition =
            ToolDefinition { name: name.into(), description: String::new(), input_schema: Default::default() };
        Offer { definition, source: "test".into(), read_only, destructive }
    }

    #[test]
    fn patterns() {
        for (pattern, name, expected) in [
            ("drop", "drop", true),
            ("drop", "dropped", false),
            ("drop*", "dropped", true),
            ("*_sql", "execute_sql", true),
            ("*", "anything", true),
            ("a*b*c", "a1b2c", true),
            ("a*b*c", "a1c2b", false),
            ("ab*ba", "aba", false),
            ("", "x", false),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn who_waits() {
        let (read, write, drop) =
            (offer("read", true, false), offer("write", false, false), offer("drop", false, true));
        for (ask, expected) in [
            (Asking::Destructive, [false, false, true]),
            (Asking::Writing, [false, true, true]),
            (Asking::Every, [true, true, true]),
            (Asking::None, [false, false, false]),
        ] {
            let policy = Policy { ask, ..Policy::default() };
            assert_eq!([&read, &write, &drop].map(|offer| policy.asks(offer)), expected, "{ask:?}");
        }
        let policy = Policy { require: vec!["re*".into()], allow: vec!["*".into()], ..Policy::default() };
        assert_eq!([&read, &write, &drop].map(|offer| policy.asks(offer)), [true, false, false]);
    }
}
