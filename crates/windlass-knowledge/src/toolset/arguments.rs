//! What the tools take.

use schemars::JsonSchema;
use serde::Deserialize;
use time::{Date, OffsetDateTime, format_description::well_known::Rfc3339, macros::format_description};
use windlass_core::{ToolError, units::Span};
use windlass_index::Filter;

/// Nothing.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NoArguments {}

/// A question.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SearchArguments {
    /// The question, or words to find.
    pub query: String,
    /// Only these collections. Default: all.
    pub collections: Option<Vec<String>>,
    /// Only documents whose path matches this glob, e.g. `guides/**`.
    pub path: Option<String>,
    /// Only documents in one of these languages, e.g. `markdown`, `pdf`, `python`.
    pub languages: Option<Vec<String>>,
    /// Only documents with all of these tags.
    pub tags: Option<Vec<String>>,
    /// Only documents dated on this day or later, e.g. 2026-01-31.
    pub since: Option<String>,
    /// Only documents dated on this day or earlier.
    pub until: Option<String>,
    /// How many results; 8 unless said otherwise.
    #[schemars(range(min = 1, max = 20))]
    pub limit: Option<usize>,
    /// Former name of limit.
    #[schemars(range(min = 1, max = 20))]
    pub n_results: Option<usize>,
    /// Former name of limit.
    #[schemars(range(min = 1, max = 20))]
    pub num_results: Option<usize>,
    /// Former name of collections, for a single one.
    pub rag_setup: Option<String>,
}

impl SearchArguments {
    /// The collections that are meant; none means all.
    pub fn names(&self) -> Vec<String> {
        self.collections.iter().flatten().chain(&self.rag_setup).cloned().collect()
    }

    pub fn limit(&self) -> usize {
        self.limit.or(self.n_results).or(self.num_results).unwrap_or(8).clamp(1, 20)
    }

    pub fn filter(&self) -> Result<Filter, ToolError> {
        filter(&self.path, &self.languages, &self.tags, &self.since, &self.until)
    }
}

/// A document, or a part of one.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ReadArguments {
    /// Its path, or a citation of lines or of a section: `guides/vpn.md#L10-L24`, `guides/vpn.md#setup`.
    pub path: Option<String>,
    /// The collection it is in. Needed only where two collections have this path.
    pub collection: Option<String>,
    /// Only the section with this heading.
    pub section: Option<String>,
    /// Only from this line on.
    #[schemars(range(min = 1))]
    pub first_line: Option<u32>,
    /// Only up to this line, inclusive.
    #[schemars(range(min = 1))]
    pub last_line: Option<u32>,
    /// Former name of path and section: `path#section`, or the heading of a section.
    pub section_path: Option<String>,
    /// Former name of collection.
    pub rag_setup: Option<String>,
}

/// Which documents.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ListArguments {
    /// Only this collection. Default: all.
    pub collection: Option<String>,
    /// Only documents whose path matches this glob, e.g. `guides/**`.
    pub path: Option<String>,
    /// Only documents in one of these languages, e.g. `markdown`, `pdf`, `python`.
    pub languages: Option<Vec<String>>,
    /// Only documents with all of these tags.
    pub tags: Option<Vec<String>>,
    /// Only documents dated on this day or later, e.g. 2026-01-31.
    pub since: Option<String>,
    /// Only documents dated on this day or earlier.
    pub until: Option<String>,
    /// Go on after this: the `next` of the answer before.
    pub after: Option<String>,
    /// How many; 50 unless said otherwise.
    #[schemars(range(min = 1, max = 200))]
    pub limit: Option<usize>,
    /// Former name of collection.
    pub rag_setup: Option<String>,
}

impl ListArguments {
    pub fn filter(&self) -> Result<Filter, ToolError> {
        filter(&self.path, &self.languages, &self.tags, &self.since, &self.until)
    }
}

/// Which changes.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ChangesArguments {
    /// Only this collection. Default: all.
    pub collection: Option<String>,
    /// Only what was seen since then: a day (2026-01-31), a time (2026-01-31T12:00:00Z) or a span (7d, 12h).
    pub since: Option<String>,
    /// How many; 20 unless said otherwise.
    #[schemars(range(min = 1, max = 100))]
    pub limit: Option<usize>,
    /// Former name of collection.
    pub rag_setup: Option<String>,
}

fn filter(
    path: &Option<String>,
    languages: &Option<Vec<String>>,
    tags: &Option<Vec<String>>,
    since: &Option<String>,
    until: &Option<String>,
) -> Result<Filter, ToolError> {
    let given = |text: &Option<String>| text.clone().filter(|text| !text.trim().is_empty());
    let (since, until) = (day("since", given(since))?, day("until", given(until))?);
    if let (Some(since), Some(until)) = (since, until)
        && since > until
    {
        return Err(ToolError::invalid(format!("`since` ({since}) is after `until` ({until}): nothing can match")));
    }
    let languages = languages.iter().flatten().map(|language| language.trim().to_lowercase()).collect();
    Ok(Filter { path: given(path), languages, tags: tags.clone().unwrap_or_default(), since, until })
}

fn parsed(text: &str) -> Option<Date> {
    Date::parse(text.trim(), format_description!("[year]-[month]-[day]")).ok()
}

fn day(name: &str, text: Option<String>) -> Result<Option<Date>, ToolError> {
    let Some(text) = text else { return Ok(None) };
    match parsed(&text) {
        Some(date) => Ok(Some(date)),
        None => Err(ToolError::invalid(format!("`{name}` is no day: `{text}`")).hint("write it like 2026-01-31")),
    }
}

/// The moment that a day, a time or a span before now means.
pub(super) fn moment(text: &str, now: OffsetDateTime) -> Result<OffsetDateTime, ToolError> {
    let text = text.trim();
    let span = || text.parse::<Span>().ok().and_then(|Span(span)| now.checked_sub(span.try_into().ok()?));
    let day = || parsed(text).map(|day| day.midnight().assume_utc());
    day().or_else(|| OffsetDateTime::parse(text, &Rfc3339).ok()).or_else(span).ok_or_else(|| {
        ToolError::invalid(format!("`since` is no time: `{text}`"))
            .hint("write a day (2026-01-31), a time (2026-01-31T12:00:00Z) or a span (7d, 12h)")
    })
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn moments_are_days_times_and_spans() {
        let now = datetime!(2026-02-10 12:00 UTC);
        for (text, expected) in [
            ("2026-01-31", datetime!(2026-01-31 0:00 UTC)),
            ("2026-01-31T10:00:00+02:00", datetime!(2026-01-31 8:00 UTC)),
            (" 7d ", datetime!(2026-02-03 12:00 UTC)),
            ("90m", datetime!(2026-02-10 10:30 UTC)),
        ] {
            assert_eq!(moment(text, now).unwrap(), expected, "{text}");
        }
        for text in ["", "yesterday", "2026-02-30", "7", "999999999999d"] {
            assert!(moment(text, now).is_err(), "{text}");
        }
    }
}
