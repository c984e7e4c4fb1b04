//! What a refresh puts, kept on the disk until it is published.
//!
//! Nothing is indexed before that: a refresh may wait for its vectors for hours, and what it puts last is what counts.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{BufWriter, Write},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use tantivy::directory::OwnedBytes;

use super::{directory::map_file, objects::unreachable, segments::KeptChunk};
use crate::{DocumentEntry, Hash, IndexError, NewChunk, NewDocument};

const TEXTS: &str = "spool.texts";
const VECTORS: &str = "spool.vectors";

/// What becomes of a path.
#[derive(Debug, Clone)]
pub enum Step {
    Put {
        entry: Box<DocumentEntry>,
        at: u64,
        length: usize,
        first_row: usize,
    },
    /// The document that stands at `from` in the base.
    Moved {
        entry: Box<DocumentEntry>,
        from: String,
    },
    Removed,
}

/// A text with its chunks, as it is kept meanwhile.
#[derive(Debug, Serialize, Deserialize)]
pub struct Spooled {
    pub text: String,
    pub chunks: Vec<(Hash, KeptChunk)>,
}

/// The steps of a refresh.
pub struct Spool {
    folder: PathBuf,
    texts: BufWriter<File>,
    length: u64,
    vectors: BufWriter<File>,
    rows: usize,
    /// By path, the last for each.
    pub steps: BTreeMap<String, Step>,
}

impl Spool {
    pub fn new(folder: &Path) -> Result<Self, IndexError> {
        let create = |name| {
            let path = folder.join(name);
            let file = File::options().read(true).write(true).create_new(true).open(&path);
            file.map(BufWriter::new).map_err(unreachable(path.display()))
        };
        let (texts, vectors) = (create(TEXTS)?, create(VECTORS)?);
        Ok(Self { folder: folder.to_owned(), texts, length: 0, vectors, rows: 0, steps: BTreeMap::new() })
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    pub fn put(&mut self, document: NewDocument) -> Result<(), IndexError> {
        let NewDocument { entry, text, chunks } = document;
        let failed = || unreachable(self.folder.display());
        let (first_row, count) = (self.rows, chunks.len());
        let mut kept = Vec::with_capacity(count);
        for chunk in chunks {
            for number in &chunk.vector {
                self.vectors.write_all(&number.to_le_bytes()).map_err(failed())?;
            }
            let NewChunk { hash, breadcrumb, first_line, last_line, text, vector: _ } = chunk;
            kept.push((hash, KeptChunk { breadcrumb, first_line, last_line, text }));
        }
        let bytes = super::manifest::written(&Spooled { text, chunks: kept })?;
        self.texts.write_all(&bytes).map_err(failed())?;
        let path = entry.path.clone();
        let step = Step::Put { entry: Box::new(entry), at: self.length, length: bytes.len(), first_row };
        self.steps.insert(path, step);
        self.length += bytes.len() as u64;
        self.rows += count;
        Ok(())
    }

    /// Says no more is put, and what the vectors are.
    pub fn finish(&mut self) -> Result<OwnedBytes, IndexError> {
        let failed = || unreachable(self.folder.display());
        self.texts.flush().map_err(failed())?;
        self.vectors.flush().map_err(failed())?;
        map_file(&self.folder, VECTORS)
    }

    /// What was put, after [`Spool::finish`].
    pub fn read(&self, at: u64, length: usize) -> Result<Spooled, IndexError> {
        let mut bytes = vec![0; length];
        self.texts.get_ref().read_exact_at(&mut bytes, at).map_err(unreachable(self.folder.display()))?;
        serde_json::from_slice(&bytes).map_err(|error| IndexError::Damaged(format!("what was put is lost: {error}")))
    }
}
