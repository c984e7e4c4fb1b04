//! One file, from its bytes to what is put.

use std::collections::BTreeMap;

use time::OffsetDateTime;
use windlass_documents::{Chunking, Limits};
use windlass_index::{DocumentEntry, Hash, NewChunk, NewDocument};

use super::{RefreshError, plan::Candidate};
use crate::source::{File, SourceError};

/// What became of a candidate.
pub(super) enum Prepared {
    /// Its bytes are those of the index.
    Same,
    /// It cannot be read.
    Broken {
        path: String,
        /// Whether the index had it.
        known: bool,
        /// What such files are counted by.
        kind: String,
        why: String,
    },
    /// It is ready to be put.
    Read(Box<Document>),
}

/// A document without vectors.
pub(super) struct Document {
    pub entry: DocumentEntry,
    pub text: String,
    pub chunks: Vec<Chunk>,
    /// The content the index has of its path.
    pub before: Option<Hash>,
}

/// A chunk without a vector.
pub(super) struct Chunk {
    pub chunk: windlass_documents::Chunk,
    /// What its vector is made of.
    pub embedded: String,
    pub hash: Hash,
}

/// Reads a file, unless its bytes are those of the index. With `again`, also then.
pub(super) async fn prepare(candidate: Candidate, again: bool, now: OffsetDateTime) -> Result<Prepared, RefreshError> {
    let Candidate { place, file, before } = candidate;
    let bytes = match place.opened.read(&file).await {
        Ok(bytes) => bytes,
        Err(SourceError::File(why)) => {
            let kind = "unreadable".to_owned();
            return Ok(Prepared::Broken { path: file.path, known: before.is_some(), kind, why });
        }
        // Not this file but the place: what could be read of it is no basis to go on.
        Err(error) => return Err(RefreshError::Source { name: place.name.to_string(), error }),
    };
    let source = place.name.to_string();
    let work = move || read(source, file, bytes, before, again, now);
    tokio::task::spawn_blocking(work).await.map_err(|error| RefreshError::Internal(error.to_string()))
}

fn read(
    source: String,
    file: File,
    bytes: Vec<u8>,
    before: Option<Hash>,
    again: bool,
    now: OffsetDateTime,
) -> Prepared {
    let content = Hash::of(&bytes);
    if !again && before == Some(content) {
        return Prepared::Same;
    }
    let document = match windlass_documents::read(&file.path, &bytes, &Limits::default()) {
        Ok(document) => document,
        Err(error) => {
            let kind = error.reason().into_owned();
            return Prepared::Broken { path: file.path, known: before.is_some(), kind, why: error.to_string() };
        }
    };
    let chunks = windlass_documents::chunks(&document, &Chunking::default()).into_iter().map(|chunk| {
        let embedded = chunk.embedded_text();
        Chunk { hash: Hash::of(&embedded), embedded, chunk }
    });
    let chunks = chunks.collect();
    let sections = document.sections.into_iter().map(|section| (section.level, section.title, section.line));
    let entry = DocumentEntry {
        path: file.path,
        stamp: file.stamp,
        content,
        title: document.title,
        language: document.language,
        tags: document.tags,
        date: document.date.or(file.date),
        indexed: now,
        source,
        link: file.link,
        bytes: bytes.len() as u64,
        lines: u32::try_from(document.text.lines().count()).unwrap_or(u32::MAX),
        converted: document.converted,
        sections: sections.collect(),
    };
    Prepared::Read(Box::new(Document { entry, text: document.text, chunks, before }))
}

impl Document {
    /// With the vectors of its chunks.
    pub fn with(self, vectors: &BTreeMap<Hash, Vec<f32>>) -> Result<NewDocument, RefreshError> {
        let chunks = self.chunks.into_iter().map(|Chunk { chunk, hash, .. }| {
            let vector = vectors.get(&hash).cloned();
            let vector = vector.ok_or_else(|| RefreshError::Internal(format!("a chunk has no vector: {hash}")))?;
            Ok(NewChunk {
                hash,
                breadcrumb: chunk.breadcrumb,
                first_line: chunk.first_line,
                last_line: chunk.last_line,
                text: chunk.text,
                vector,
            })
        });
        Ok(NewDocument { entry: self.entry, text: self.text, chunks: chunks.collect::<Result<_, RefreshError>>()? })
    }
}
