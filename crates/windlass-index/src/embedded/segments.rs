//! The text index of a generation, opened, and what is looked up in it.

use serde::{Deserialize, Serialize};
use tantivy::{
    DocAddress, DocSet, Index, ReloadPolicy, Searcher, SegmentReader, TERMINATED, TantivyDocument, Term,
    columnar::{Column, StrColumn},
    schema::{IndexRecordOption, Value},
};

use super::{
    best::{Order, Place},
    directory::Files,
    schema::{Fields, column, failed, kind, prepare},
};
use crate::{DocumentEntry, IndexError};

/// A chunk, as the text index keeps it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct KeptChunk {
    #[serde(rename = "b")]
    pub breadcrumb: Vec<String>,
    #[serde(rename = "f")]
    pub first_line: u32,
    #[serde(rename = "l")]
    pub last_line: u32,
    #[serde(rename = "t")]
    pub text: String,
}

/// The segments of one generation.
pub struct Segments {
    pub searcher: Searcher,
    pub fields: Fields,
    columns: Vec<Columns>,
}

/// What is read of entries without decompressing them.
struct Columns {
    kind: Option<Column<u64>>,
    path: Option<StrColumn>,
    line: Option<Column<u64>>,
}

impl Columns {
    fn of(segment: &SegmentReader) -> tantivy::Result<Self> {
        let fast = segment.fast_fields();
        let (kind, line) = (fast.column_opt(column::KIND)?, fast.column_opt(column::LINE)?);
        Ok(Self { kind, path: fast.str(column::PATH)?, line })
    }

    fn kind(&self, doc: u32) -> Option<u64> {
        self.kind.as_ref()?.first(doc)
    }
}

impl Segments {
    pub fn open(files: Files) -> Result<Self, IndexError> {
        let index = Index::open(files).map_err(failed)?;
        prepare(&index);
        let reader = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into().map_err(failed)?;
        let searcher = reader.searcher();
        let columns = searcher.segment_readers().iter().map(Columns::of).collect::<Result<_, _>>().map_err(failed)?;
        Ok(Self { searcher, fields: Fields::new().1, columns })
    }

    /// The segments, with the names of their files.
    pub fn names(&self) -> Vec<String> {
        self.searcher.segment_readers().iter().map(|segment| segment.segment_id().uuid_string()).collect()
    }

    /// The entries of this kind that have this path.
    pub fn entries(&self, path: &str, kind: u64) -> Result<Vec<DocAddress>, IndexError> {
        let term = Term::from_field_text(self.fields.path, path);
        let mut found = Vec::new();
        for (ord, segment) in self.searcher.segment_readers().iter().enumerate() {
            let index = segment.inverted_index(self.fields.path).map_err(failed)?;
            let postings = index.read_postings(&term, IndexRecordOption::Basic);
            let Some(mut postings) = postings.map_err(|error| failed(error.into()))? else { continue };
            while postings.doc() != TERMINATED {
                let doc = postings.doc();
                let alive = segment.alive_bitset().is_none_or(|alive| alive.is_alive(doc));
                if alive && self.columns[ord].kind(doc) == Some(kind) {
                    found.push(DocAddress::new(ord as u32, doc));
                }
                postings.advance();
            }
        }
        Ok(found)
    }

    /// Whether this is an entry of a chunk.
    pub fn is_chunk(&self, (segment, doc): Place) -> bool {
        let columns = self.columns.get(segment as usize);
        let max = self.searcher.segment_readers().get(segment as usize).map_or(0, SegmentReader::max_doc);
        doc < max && columns.and_then(|columns| columns.kind(doc)) == Some(kind::CHUNK)
    }

    /// The path an entry has.
    pub fn path_of(&self, (segment, doc): Place) -> Result<String, IndexError> {
        let missing = || IndexError::Damaged("an entry has no path".to_owned());
        let column =
            self.columns.get(segment as usize).and_then(|columns| columns.path.as_ref()).ok_or_else(missing)?;
        let ord = column.ords().first(doc).ok_or_else(missing)?;
        let mut path = String::new();
        let found = column.ord_to_str(ord, &mut path).map_err(|error| failed(error.into()))?;
        if found { Ok(path) } else { Err(missing()) }
    }

    /// The entry of the document that a chunk is of.
    pub fn document_of(&self, (segment, doc): Place) -> Result<DocAddress, IndexError> {
        let columns = self.columns.get(segment as usize);
        let path = |doc| columns?.path.as_ref()?.ords().first(doc);
        // What has one path is written together and in this order, so it is the last document before.
        let is_document = |&before: &u32| columns.and_then(|columns| columns.kind(before)) == Some(kind::DOCUMENT);
        match (0..doc).rev().find(is_document) {
            Some(before) if path(before).is_some() && path(before) == path(doc) => Ok(DocAddress::new(segment, before)),
            // It is in another segment, where this one began between them.
            _ => {
                let path = self.path_of((segment, doc))?;
                let found = self.entries(&path, kind::DOCUMENT)?.first().copied();
                found.ok_or_else(|| IndexError::Damaged(format!("{path} has chunks, and is not there")))
            }
        }
    }

    /// What is stored of an entry.
    pub fn stored(&self, at: DocAddress) -> Result<String, IndexError> {
        let entry: TantivyDocument = self.searcher.doc(at).map_err(failed)?;
        let text = entry.get_first(self.fields.stored).and_then(|value| value.as_str().map(str::to_owned));
        text.ok_or_else(|| IndexError::Damaged("an entry has no content".to_owned()))
    }

    pub fn chunk(&self, at: DocAddress) -> Result<KeptChunk, IndexError> {
        parsed(&self.stored(at)?)
    }

    pub fn document_at(&self, at: DocAddress) -> Result<DocumentEntry, IndexError> {
        parsed(&self.stored(at)?)
    }

    /// The document of this path.
    pub fn document(&self, path: &str) -> Result<Option<DocumentEntry>, IndexError> {
        self.entries(path, kind::DOCUMENT)?.first().map(|&at| self.document_at(at)).transpose()
    }

    /// Its text.
    pub fn text(&self, path: &str) -> Result<Option<String>, IndexError> {
        self.entries(path, kind::TEXT)?.first().map(|&at| self.stored(at)).transpose()
    }

    /// The documents among these entries by path, after this one.
    pub fn page(
        &self,
        allowed: &super::allowed::Allowed,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<DocumentEntry>, IndexError> {
        let mut page = Vec::new();
        for (ord, segment) in self.searcher.segment_readers().iter().enumerate() {
            let Some(paths) = &self.columns[ord].path else { continue };
            let index = segment.inverted_index(self.fields.kind).map_err(failed)?;
            let term = Term::from_field_u64(self.fields.kind, kind::DOCUMENT);
            let postings = index.read_postings(&term, IndexRecordOption::Basic);
            let Some(mut postings) = postings.map_err(|error| failed(error.into()))? else { continue };
            let (alive, allowed) = (segment.alive_bitset(), allowed.segment(ord));
            let mut found = Vec::new();
            while postings.doc() != TERMINATED {
                let doc = postings.doc();
                if alive.is_none_or(|set| set.is_alive(doc)) && allowed.is_none_or(|set| set.contains(doc)) {
                    found.extend(paths.ords().first(doc).map(|path| (path, doc)));
                }
                postings.advance();
            }
            // The numbers of paths are in their order, so few of them have to be read.
            found.sort_unstable();
            let mut path = String::new();
            let mut read = |ord| paths.ord_to_str(ord, &mut path).map(|_| path.clone());
            let mut from = 0;
            if let Some(after) = after {
                let mut to = found.len();
                while from < to {
                    let middle = from + (to - from) / 2;
                    let before = *read(found[middle].0).map_err(|error| failed(error.into()))? <= *after;
                    if before { from = middle + 1 } else { to = middle }
                }
            }
            for &(path, doc) in found[from..].iter().take(limit) {
                page.push((read(path).map_err(|error| failed(error.into()))?, DocAddress::new(ord as u32, doc)));
            }
        }
        page.sort_unstable_by(|one, other| one.0.cmp(&other.0));
        page.truncate(limit);
        page.into_iter().map(|(_, at)| self.document_at(at)).collect()
    }
}

fn parsed<T: for<'de> Deserialize<'de>>(text: &str) -> Result<T, IndexError> {
    serde_json::from_str(text).map_err(|error| IndexError::Damaged(format!("an entry is not one: {error}")))
}

impl Order for Segments {
    fn rank(&self, (segment, doc): Place) -> (u64, u64) {
        let columns = &self.columns[segment as usize];
        let path = columns.path.as_ref().and_then(|paths| paths.ords().first(doc));
        let line = columns.line.as_ref().and_then(|lines| lines.first(doc));
        (path.unwrap_or(u64::MAX), line.unwrap_or(u64::MAX))
    }

    fn path(&self, place: Place) -> String {
        self.path_of(place).unwrap_or_default()
    }
}
