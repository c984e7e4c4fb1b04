//! The files of the next generation, from those of the last and the steps of a refresh.

use std::{
    collections::{HashMap, HashSet},
    fs,
    path::{Path, PathBuf},
};

use tantivy::{
    DocAddress, Index, IndexSettings, IndexWriter, SegmentMeta, SegmentReader, TantivyDocument, Term,
    directory::OwnedBytes,
    index::{SegmentComponent, SegmentId},
    indexer::IndexWriterOptions,
    merge_policy::NoMergePolicy,
};
use tokio::runtime::Handle;

use super::{
    contents::{self, Contents},
    directory::Files,
    objects::{Object, unreachable},
    rows::{self, Row},
    schema::{Fields, column, failed, kind, prepare},
    segments::KeptChunk,
    snapshot::{CONTENTS, FileSnapshot, beside},
    spool::{Spool, Spooled, Step},
    vectors::Vectors,
};
use crate::{Counts, DocumentEntry, Hash, IndexError};

/// Bytes of text that are compressed together: who reads a chunk unpacks all that is with it.
const STORED_TOGETHER: usize = 4 << 10;
/// Bytes of a segment before it is written; a refresh that puts more makes several.
const SEGMENT: usize = 96 << 20;
/// More segments than these become one of the small ones among them, and few are left: each takes its part of every query.
const MOST_SEGMENTS: usize = 8;
const FEW_SEGMENTS: usize = 4;
/// A segment of which more than this share is deleted is written anew, in percent.
const WORN: u64 = 30;

/// What a segment consists of, where it has it.
const COMPONENTS: [SegmentComponent; 7] = [
    SegmentComponent::Postings,
    SegmentComponent::Positions,
    SegmentComponent::FastFields,
    SegmentComponent::FieldNorms,
    SegmentComponent::Terms,
    SegmentComponent::Store,
    SegmentComponent::Delete,
];

/// A generation before it is published.
pub struct Built {
    /// What tantivy says of its segments.
    pub text: String,
    pub counts: Counts,
    /// Files that are kept already.
    pub kept: Vec<Object>,
    /// Files that are not: their names, and where they are.
    pub made: Vec<(String, PathBuf)>,
}

/// Where the vector of a new chunk is.
enum Origin {
    Spool(usize),
    Base { segment: usize, row: usize },
}

/// A chunk that is added.
type NewChunk = (Hash, Origin, KeptChunk);

struct Builder<'a> {
    spool: &'a Spool,
    spooled: OwnedBytes,
    base: Option<&'a FileSnapshot>,
    number: u64,
    dimensions: usize,
    fields: Fields,
    /// Of each new chunk: its key is its place here, after the number of the generation.
    new: Vec<(Hash, Origin)>,
}

/// Makes the files in the spool's folder. To be called where a thread may wait.
pub fn build(
    spool: &mut Spool,
    base: Option<&FileSnapshot>,
    objects: &Path,
    number: u64,
    dimensions: usize,
) -> Result<Built, IndexError> {
    let spooled = spool.finish()?;
    let files = Files::next(base.map(|base| (&**base.manifest(), objects)), spool.folder())?;
    let (schema, fields) = Fields::new();
    let index = match base {
        Some(_) => Index::open(files.clone()),
        None => {
            let settings = IndexSettings { docstore_blocksize: STORED_TOGETHER, ..IndexSettings::default() };
            Index::create(files.clone(), schema, settings)
        }
    };
    let index = index.map_err(failed)?;
    prepare(&index);
    let mut builder = Builder { spool, spooled, base, number, dimensions, fields, new: Vec::new() };
    let mut contents =
        base.map(|base| base.all_contents()).transpose()?.map_or_else(Contents::new, |all| (*all).clone());
    if !spool.steps.is_empty() {
        builder.write(&index, &contents)?;
        for (path, step) in &spool.steps {
            match step {
                Step::Put { entry, .. } | Step::Moved { entry, .. } => {
                    contents.insert(path.clone(), (entry.stamp.clone(), entry.content))
                }
                Step::Removed => contents.remove(path),
            };
        }
    }
    builder.finish(&index, files.meta()?, &contents)
}

impl Builder<'_> {
    /// Deletes what changes, adds what is new, and makes few segments of many.
    fn write(&mut self, index: &Index, before: &Contents) -> Result<(), IndexError> {
        let options = IndexWriterOptions::builder().memory_budget_per_thread(SEGMENT).num_merge_threads(1);
        let mut writer = index.writer_with_options(options.num_worker_threads(1).build()).map_err(failed)?;
        writer.set_merge_policy(Box::new(NoMergePolicy));
        for (path, step) in &self.spool.steps {
            if before.contains_key(path) {
                writer.delete_term(Term::from_field_text(self.fields.path, path));
            }
            match step {
                Step::Put { entry, at, length, first_row } => {
                    let Spooled { text, chunks } = self.spool.read(*at, *length)?;
                    let with_origin = |(nth, (hash, chunk))| (hash, Origin::Spool(first_row + nth), chunk);
                    self.add(&writer, entry, &text, chunks.into_iter().enumerate().map(with_origin))?;
                }
                Step::Moved { entry, from } => {
                    let (text, chunks) = self.stored(from)?;
                    self.add(&writer, entry, &text, chunks)?;
                }
                Step::Removed => {}
            }
        }
        writer.commit().map_err(failed)?;
        let worn = to_merge(&index.searchable_segment_metas().map_err(failed)?);
        if !worn.is_empty() {
            writer.merge(&worn).wait().map_err(failed)?;
        }
        writer.wait_merging_threads().map_err(failed)
    }

    /// A document of the base.
    fn stored(&self, path: &str) -> Result<(String, Vec<NewChunk>), IndexError> {
        let missing = || IndexError::Damaged(format!("{path} is not there"));
        let base = self.base.ok_or_else(missing)?;
        let chunk = |at: DocAddress| {
            let segment = at.segment_ord as usize;
            let rows = &base.rows()[segment];
            let row = rows.of(at.doc_id).ok_or_else(missing)?;
            Ok((rows.hash(row), Origin::Base { segment, row }, base.segments().chunk(at)?))
        };
        let text = base.segments().text(path)?.ok_or_else(missing)?;
        let chunks = base.segments().entries(path, kind::CHUNK)?.into_iter().map(chunk);
        Ok((text, chunks.collect::<Result<_, _>>()?))
    }

    fn add(
        &mut self,
        writer: &IndexWriter,
        entry: &DocumentEntry,
        text: &str,
        chunks: impl IntoIterator<Item = NewChunk>,
    ) -> Result<(), IndexError> {
        let fields = self.fields;
        let bare = |kind| {
            let mut new = TantivyDocument::default();
            new.add_u64(fields.kind, kind);
            new.add_text(fields.path, &entry.path);
            new
        };
        let described = |kind| {
            let mut new = bare(kind);
            new.add_text(fields.language, &entry.language);
            entry.tags.iter().for_each(|tag| new.add_text(fields.tag, tag));
            if let Some(date) = entry.date {
                new.add_i64(fields.date, date.to_julian_day().into());
            }
            new
        };
        let json = |value: serde_json::Result<String>| {
            value.map_err(|error| IndexError::Invalid(format!("{}: {error}", entry.path)))
        };
        let mut document = described(kind::DOCUMENT);
        document.add_text(fields.stored, json(serde_json::to_string(entry))?);
        writer.add_document(document).map_err(failed)?;
        let mut whole = bare(kind::TEXT);
        whole.add_text(fields.stored, text);
        writer.add_document(whole).map_err(failed)?;
        for (hash, origin, chunk) in chunks {
            let mut new = described(kind::CHUNK);
            new.add_u64(fields.line, chunk.first_line.into());
            new.add_u64(fields.key, self.number << 32 | self.new.len() as u64);
            new.add_text(fields.heading, chunk.breadcrumb.join("\n"));
            new.add_text(fields.body, &chunk.text);
            new.add_text(fields.stored, json(serde_json::to_string(&chunk))?);
            writer.add_document(new).map_err(failed)?;
            self.new.push((hash, origin));
        }
        Ok(())
    }

    fn finish(&self, index: &Index, text: String, contents: &Contents) -> Result<Built, IndexError> {
        let counts = Counts { documents: contents.len() as u64, chunks: 0 };
        let mut built = Built { text, counts, kept: Vec::new(), made: Vec::new() };
        let metas = index.searchable_segment_metas().map_err(failed)?;
        let old = self.old_chunks(&metas)?;
        for meta in metas {
            let segment = SegmentReader::open(&index.segment(meta.clone())).map_err(failed)?;
            let (rows, vectors) = beside(&meta.id().uuid_string());
            let names = COMPONENTS.map(|component| meta.relative_path(component).to_string_lossy().into_owned());
            for name in names {
                self.file(&mut built, name);
            }
            if !self.is_kept(&rows) {
                self.beside(&segment, (&rows, &vectors), &old)?;
            }
            self.file(&mut built, rows);
            self.file(&mut built, vectors);
            let keys = segment.fast_fields().column_opt::<u64>(column::KEY).map_err(failed)?;
            built.counts.chunks +=
                keys.map_or(0, |keys| segment.doc_ids_alive().filter(|&doc| keys.first(doc).is_some()).count() as u64);
        }
        let path = self.spool.folder().join(CONTENTS);
        fs::write(&path, contents::pack(contents)).map_err(unreachable(path.display()))?;
        built.made.push((CONTENTS.to_owned(), path));
        Ok(built)
    }

    fn is_kept(&self, name: &str) -> bool {
        self.base.is_some_and(|base| base.manifest().file(name).is_ok())
    }

    /// Takes a file into the generation, where there is one of this name.
    fn file(&self, built: &mut Built, name: String) {
        let path = self.spool.folder().join(&name);
        match self.base.and_then(|base| base.manifest().file(&name).ok()) {
            Some(kept) => built.kept.push(kept.clone()),
            None if path.exists() => built.made.push((name, path)),
            None => {}
        }
    }

    /// By key, the chunks of segments of the base that are none of these any more.
    fn old_chunks(&self, metas: &[SegmentMeta]) -> Result<HashMap<u64, (usize, usize)>, IndexError> {
        let mut old = HashMap::new();
        let Some(base) = self.base else { return Ok(old) };
        let now: HashSet<_> = metas.iter().map(SegmentMeta::id).collect();
        for (ord, segment) in base.segments().searcher.segment_readers().iter().enumerate() {
            if now.contains(&segment.segment_id()) {
                continue;
            }
            let Some(keys) = segment.fast_fields().column_opt::<u64>(column::KEY).map_err(failed)? else { continue };
            for (row, doc) in base.rows()[ord].docs().enumerate() {
                old.extend(keys.first(doc).map(|key| (key, (ord, row))));
            }
        }
        Ok(old)
    }

    /// The two files beside a new segment.
    fn beside(
        &self,
        segment: &SegmentReader,
        (rows, vectors): (&str, &str),
        old: &HashMap<u64, (usize, usize)>,
    ) -> Result<(), IndexError> {
        let keys = segment.fast_fields().column_opt::<u64>(column::KEY).map_err(failed)?;
        let key = |doc| Some((doc, keys.as_ref()?.first(doc)?));
        let chunks: Vec<_> = (0..segment.max_doc()).filter_map(key).collect();
        // Those of the base are fetched where something of it moved, or became part of a new segment.
        let is_old = |key: u64| {
            let new = self.new.get((key & u64::from(u32::MAX)) as usize).filter(|_| key >> 32 == self.number);
            !matches!(new, Some((_, Origin::Spool(_))))
        };
        let base = if chunks.iter().any(|&(_, key)| is_old(key)) { self.base_vectors()? } else { &[] };
        let width = self.dimensions * 4;
        let row = |(doc, key): (u32, u64)| {
            let lost = || IndexError::Damaged(format!("the vector of a chunk of generation {} is lost", key >> 32));
            let of_base = |segment: usize, row| base.get(segment).map(|vectors| vectors.row(row)).ok_or_else(lost);
            let (hash, vector) = if key >> 32 == self.number {
                let (hash, origin) = self.new.get((key & u64::from(u32::MAX)) as usize).ok_or_else(lost)?;
                let vector = match *origin {
                    Origin::Spool(row) => self.spooled.get(row * width..(row + 1) * width).ok_or_else(lost)?,
                    Origin::Base { segment, row } => of_base(segment, row)?,
                };
                (*hash, vector)
            } else {
                let &(segment, row) = old.get(&key).ok_or_else(lost)?;
                let kept = self.base.map(|base| &base.rows()[segment]).ok_or_else(lost)?;
                (kept.hash(row), of_base(segment, row)?)
            };
            Ok(Row { doc, hash, vector })
        };
        let folder = self.spool.folder();
        rows::write(&folder.join(rows), &folder.join(vectors), self.dimensions, chunks.into_iter().map(row))
    }

    fn base_vectors(&self) -> Result<&[Vectors], IndexError> {
        self.base.map_or(Ok(&[]), |base| Handle::current().block_on(base.vectors()))
    }
}

/// The segments that are to become one: those with much deleted, and the smallest where there are many.
fn to_merge(segments: &[SegmentMeta]) -> Vec<SegmentId> {
    let is_worn =
        |segment: &&SegmentMeta| u64::from(segment.num_deleted_docs()) * 100 > u64::from(segment.max_doc()) * WORN;
    let (worn, mut others): (Vec<_>, Vec<_>) = segments.iter().partition(is_worn);
    let mut chosen: Vec<_> = worn.iter().map(|segment| segment.id()).collect();
    let after = others.len() + usize::from(!chosen.is_empty());
    if after > MOST_SEGMENTS {
        others.sort_by_key(|segment| segment.num_docs());
        chosen.extend(others.iter().take(after - FEW_SEGMENTS).map(|segment| segment.id()));
    }
    chosen
}
