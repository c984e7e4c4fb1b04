//! What a refresh did.

use std::{collections::BTreeMap, fmt, time::Duration};

use serde::{Serialize, Serializer};

use crate::words::{grouped, list};

/// Files whose failure is told by path.
const TOLD: usize = 50;

/// What a refresh did.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Report {
    /// Of which collection.
    pub collection: String,
    /// The generation it published; none where nothing had changed.
    pub published: Option<u64>,
    /// Documents there are now.
    pub documents: u64,
    /// Those that are new.
    pub added: u64,
    /// Those that have another content.
    pub changed: u64,
    /// Those that have another path.
    pub moved: u64,
    /// Those that are gone.
    pub removed: u64,
    /// Chunks that were put.
    pub chunks: u64,
    /// Chunks that were embedded; vectors of the others were known.
    pub embedded: u64,
    /// How many files were passed over, by why. Those that failed are among them.
    pub skipped: BTreeMap<String, u64>,
    /// The first files that could not be read.
    pub failed: Vec<Failed>,
    /// How long it took.
    #[serde(rename = "seconds", serialize_with = "seconds")]
    pub took: Duration,
}

/// A file that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Failed {
    /// Its path.
    pub path: String,
    /// Why.
    pub why: String,
    /// Whether an earlier version of it is still in the index.
    pub kept: bool,
}

fn seconds<S: Serializer>(took: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(took.as_secs_f64())
}

impl Report {
    /// Counts a file that could not be read: by `kind`, and the first of them with `why`.
    pub(super) fn fail(&mut self, path: &str, kind: &str, why: String, kept: bool) {
        *self.skipped.entry(kind.to_owned()).or_default() += 1;
        if self.failed.len() < TOLD {
            self.failed.push(Failed { path: path.to_owned(), why, kept });
        }
    }

    /// What was passed over, in words: `2 zip, 1 pdf: encrypted`.
    pub fn skipped_words(&self) -> String {
        skipped(&self.skipped)
    }
}

/// What was passed over, in words.
pub(crate) fn skipped(skipped: &BTreeMap<String, u64>) -> String {
    list(skipped.iter().map(|(why, count)| format!("{} {why}", grouped(*count))))
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.collection)?;
        match self.published {
            None => write!(f, "nothing changed, {} documents", grouped(self.documents))?,
            Some(number) => {
                let counts = [
                    (self.added, "added"),
                    (self.changed, "changed"),
                    (self.moved, "moved"),
                    (self.removed, "removed"),
                ];
                let counts = counts.iter().filter(|(count, _)| *count > 0);
                let counts = list(counts.map(|(count, what)| format!("{} {what}", grouped(*count))));
                let counts = if counts.is_empty() { "put anew".to_owned() } else { counts };
                let (documents, chunks) = (grouped(self.documents), grouped(self.chunks));
                write!(f, "generation {number} with {documents} documents: {counts}; {chunks} chunks put, ")?;
                write!(f, "{} embedded", grouped(self.embedded))?;
            }
        }
        write!(f, "; {:.1} s", self.took.as_secs_f64())?;
        if !self.skipped.is_empty() {
            write!(f, "; passed over: {}", self.skipped_words())?;
        }
        Ok(())
    }
}
