//! What stands in front of a Markdown file about it.

use serde::Deserialize;
use serde_saphyr::DuplicateKeyPolicy;
use time::Date;

use crate::{
    date::date,
    outline::{tags, tags_of, tidy},
};

/// Longer front matter is text like any other.
const MAX_BYTES: usize = 64 << 10;
const MAX_NODES: usize = 4_000;

/// See the module.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct FrontMatter {
    pub title: Option<String>,
    pub tags: Vec<String>,
    pub date: Option<Date>,
    /// The lines it takes, its fences included.
    pub lines: usize,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Raw {
    title: Option<Value>,
    tags: Option<Value>,
    keywords: Option<Value>,
    categories: Option<Value>,
    date: Option<Value>,
    updated: Option<Value>,
    last_updated: Option<Value>,
}

/// Text or a list of texts; whatever else there is, is nothing.
#[derive(Deserialize)]
#[serde(untagged)]
enum Value {
    Text(String),
    Number(i64),
    Real(f64),
    List(Vec<Value>),
    Other(serde::de::IgnoredAny),
}

impl Value {
    fn text(&self) -> Option<String> {
        match self {
            Self::Text(text) => Some(text.clone()),
            Self::Number(number) => Some(number.to_string()),
            Self::Real(number) => Some(number.to_string()),
            Self::List(_) | Self::Other(_) => None,
        }
    }

    fn tags(&self) -> Vec<String> {
        match self {
            Self::List(list) => {
                let words: Vec<String> = list.iter().filter_map(Self::text).collect();
                tags(words.iter().map(String::as_str))
            }
            other => other.text().map(|text| tags_of(&text)).unwrap_or_default(),
        }
    }
}

/// The front matter of these lines: YAML between `---` and `---`. What cannot be read is left where it is, as text.
pub(super) fn front_matter(lines: &[&str]) -> FrontMatter {
    let Some(inside) = between(lines) else { return FrontMatter::default() };
    let taken = inside.len() + 2;
    let raw = parse(&inside.concat()).unwrap_or_default();
    let words = [&raw.tags, &raw.keywords, &raw.categories].into_iter().flatten().flat_map(Value::tags);
    let words: Vec<String> = words.collect();
    let dates = [&raw.date, &raw.updated, &raw.last_updated].into_iter().flatten();
    FrontMatter {
        title: raw.title.as_ref().and_then(Value::text).map(|title| tidy(&title)).filter(|title| !title.is_empty()),
        tags: tags(words.iter().map(String::as_str)),
        date: dates.filter_map(Value::text).find_map(|text| date(&text)),
        lines: taken,
    }
}

fn between<'a>(lines: &'a [&'a str]) -> Option<&'a [&'a str]> {
    let (first, rest) = lines.split_first()?;
    if first.trim_end() != "---" {
        return None;
    }
    let mut bytes = 0;
    for (index, line) in rest.iter().enumerate() {
        if matches!(line.trim_end(), "---" | "...") {
            let inside = &rest[..index];
            // A rule, a paragraph and another rule are no front matter: that has keys.
            let has_key =
                inside.iter().any(|line| line.contains(':')) || inside.iter().all(|line| line.trim().is_empty());
            return has_key.then_some(inside);
        }
        bytes += line.len();
        if bytes > MAX_BYTES {
            return None;
        }
    }
    None
}

fn parse(yaml: &str) -> Option<Raw> {
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_nodes: MAX_NODES,
            max_events: 4 * MAX_NODES,
            max_depth: 16,
            max_total_scalar_bytes: MAX_BYTES,
            max_aliases: 64,
            max_anchors: 64,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: MAX_NODES,
        },
        duplicate_keys: DuplicateKeyPolicy::FirstWins,
        with_snippet: false,
    };
    serde_saphyr::from_str_with_options::<Option<Raw>>(yaml, options).ok().flatten()
}
