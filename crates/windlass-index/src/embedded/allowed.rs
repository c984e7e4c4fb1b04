//! Which entries a filter lets through, by segment.

use globset::{GlobBuilder, GlobMatcher};
use tantivy::{
    BitSet, DocSet, SegmentReader, TERMINATED, Term,
    schema::{Field, IndexRecordOption},
};
use time::Date;

use super::schema::{Fields, column, failed};
use crate::{Filter, IndexError};

/// What a filter lets through: of each segment, its entries; all of them where there is no filter.
#[derive(Default)]
pub struct Allowed(Vec<BitSet>);

impl Allowed {
    pub fn of<'a>(
        filter: &Filter,
        fields: &Fields,
        segments: impl IntoIterator<Item = &'a SegmentReader>,
    ) -> Result<Self, IndexError> {
        if filter.is_empty() {
            return Ok(Self::default());
        }
        let glob = filter.path.as_deref().map(glob).transpose()?;
        let each = segments.into_iter().map(|segment| {
            let mut left = Left { segment, set: BitSet::with_max_value_and_full(segment.max_doc()) };
            if let Some(glob) = &glob {
                left.keep(|set| paths(segment, fields.path, glob, set))?;
            }
            if !filter.languages.is_empty() {
                left.keep(|set| {
                    filter.languages.iter().try_for_each(|name| term(segment, fields.language, name, set))
                })?;
            }
            for tag in &filter.tags {
                left.keep(|set| term(segment, fields.tag, tag, set))?;
            }
            if filter.since.is_some() || filter.until.is_some() {
                left.keep(|set| dates(segment, filter.since, filter.until, set))?;
            }
            Ok(left.set)
        });
        each.collect::<Result<_, _>>().map(Self).map_err(failed)
    }

    /// Those of this segment; `None` is all.
    pub fn segment(&self, ord: usize) -> Option<&BitSet> {
        self.0.get(ord)
    }
}

/// What is left of a segment.
struct Left<'a> {
    segment: &'a SegmentReader,
    set: BitSet,
}

impl Left<'_> {
    fn keep(&mut self, fill: impl FnOnce(&mut BitSet) -> tantivy::Result<()>) -> tantivy::Result<()> {
        let mut both = BitSet::with_max_value(self.segment.max_doc());
        fill(&mut both)?;
        for bucket in 0..self.segment.max_doc().div_ceil(64) {
            for doc in both.tinyset(bucket) {
                let doc = bucket * 64 + doc;
                if !self.set.contains(doc) {
                    both.remove(doc);
                }
            }
        }
        self.set = both;
        Ok(())
    }
}

/// A glob over paths: `*` stays within a directory.
fn glob(pattern: &str) -> Result<GlobMatcher, IndexError> {
    let glob = GlobBuilder::new(pattern).literal_separator(true).backslash_escape(true).build();
    glob.map(|glob| glob.compile_matcher()).map_err(|error| IndexError::Invalid(error.to_string()))
}

/// What every path that matches begins with.
fn literal(pattern: &str) -> &str {
    let end = pattern.find(['*', '?', '[', '{', '\\']).unwrap_or(pattern.len());
    &pattern[..end]
}

fn paths(segment: &SegmentReader, field: Field, glob: &GlobMatcher, set: &mut BitSet) -> tantivy::Result<()> {
    let index = segment.inverted_index(field)?;
    let prefix = literal(glob.glob().glob()).as_bytes();
    let mut paths = index.terms().range().ge(prefix).into_stream()?;
    while let Some((path, found)) = paths.next() {
        if !path.starts_with(prefix) {
            break;
        }
        if std::str::from_utf8(path).is_ok_and(|path| glob.is_match(path)) {
            let mut postings = index.read_postings_from_terminfo(found, IndexRecordOption::Basic)?;
            fill(&mut postings, set);
        }
    }
    Ok(())
}

fn term(segment: &SegmentReader, field: Field, name: &str, set: &mut BitSet) -> tantivy::Result<()> {
    let term = Term::from_field_text(field, name);
    if let Some(mut postings) = segment.inverted_index(field)?.read_postings(&term, IndexRecordOption::Basic)? {
        fill(&mut postings, set);
    }
    Ok(())
}

fn fill(docs: &mut impl DocSet, set: &mut BitSet) {
    let mut doc = docs.doc();
    while doc != TERMINATED {
        set.insert(doc);
        doc = docs.advance();
    }
}

fn dates(segment: &SegmentReader, since: Option<Date>, until: Option<Date>, set: &mut BitSet) -> tantivy::Result<()> {
    let day = |date: Option<Date>, otherwise| date.map_or(otherwise, |date| i64::from(date.to_julian_day()));
    let (since, until) = (day(since, i64::MIN), day(until, i64::MAX));
    let column = segment.fast_fields().column_opt::<i64>(column::DATE)?;
    if let (Some(column), true) = (column, since <= until) {
        let mut docs = Vec::new();
        column.get_docids_for_value_range(since..=until, 0..segment.max_doc(), &mut docs);
        for doc in docs {
            set.insert(doc);
        }
    }
    Ok(())
}
