//! Results that differ from each other.

use std::{
    collections::BTreeMap,
    hash::{Hash as _, Hasher as _},
};

use rustc_hash::FxHasher;
use windlass_index::{Hash, StoredChunk};

/// Results of one document, where there are others.
const PER_DOCUMENT: usize = 3;
/// Words that are compared together.
const SHINGLE: usize = 4;
/// Share of shingles in common from which on two texts are the same.
const ALIKE: f64 = 0.9;

/// What becomes of a hit.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is a result.
    New,
    /// It says what this result says.
    LikeResult(usize),
    /// Its document has enough results, or there are enough altogether.
    TooMany,
}

/// The results so far.
pub(super) struct Distinct {
    limit: usize,
    per_document: usize,
    results: Vec<Seen>,
    documents: BTreeMap<(usize, String), usize>,
}

struct Seen {
    collection: usize,
    path: String,
    lines: (u32, u32),
    hash: Hash,
    /// In order, each once.
    shingles: Vec<u64>,
}

impl Distinct {
    pub fn new(limit: usize) -> Self {
        Self { limit, per_document: PER_DOCUMENT, results: Vec::new(), documents: BTreeMap::new() }
    }

    /// Whether no more can become results.
    pub fn is_full(&self) -> bool {
        self.results.len() >= self.limit
    }

    /// Whether everything came from one document.
    pub fn only_document(&self) -> bool {
        self.documents.len() == 1
    }

    /// From here on a document may have as many results as there are.
    pub fn lift(&mut self) {
        self.per_document = usize::MAX;
    }

    pub fn judge(&mut self, collection: usize, chunk: &StoredChunk) -> Verdict {
        let one = Seen {
            collection,
            path: chunk.document.path.clone(),
            lines: (chunk.first_line, chunk.last_line),
            hash: chunk.hash,
            shingles: shingles(&chunk.text),
        };
        if let Some(like) = self.results.iter().position(|result| result.is_like(&one)) {
            return Verdict::LikeResult(like);
        }
        let of_document = self.documents.entry((collection, one.path.clone())).or_default();
        if self.results.len() >= self.limit || *of_document >= self.per_document {
            return Verdict::TooMany;
        }
        *of_document += 1;
        self.results.push(one);
        Verdict::New
    }
}

impl Seen {
    fn is_like(&self, other: &Self) -> bool {
        let same_document = self.collection == other.collection && self.path == other.path;
        let overlap = self.lines.0 <= other.lines.1 && other.lines.0 <= self.lines.1;
        self.hash == other.hash || same_document && overlap || self.shares(other) > ALIKE
    }

    fn shares(&self, other: &Self) -> f64 {
        let (few, many) =
            (self.shingles.len().min(other.shingles.len()), self.shingles.len().max(other.shingles.len()));
        // Most pairs differ so much in length that nothing has to be compared.
        if many == 0 || (few as f64) < ALIKE * many as f64 {
            return 0.0;
        }
        let common = common(&self.shingles, &other.shingles);
        common as f64 / (self.shingles.len() + other.shingles.len() - common) as f64
    }
}

/// How many are in both.
fn common(one: &[u64], other: &[u64]) -> usize {
    let (mut at, mut common) = (0, 0);
    for shingle in one {
        while other.get(at).is_some_and(|next| next < shingle) {
            at += 1;
        }
        common += usize::from(other.get(at) == Some(shingle));
    }
    common
}

fn shingles(text: &str) -> Vec<u64> {
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let hashed = |word: &str| {
        let mut hasher = FxHasher::default();
        word.chars().flat_map(char::to_lowercase).for_each(|c| c.hash(&mut hasher));
        hasher.finish()
    };
    let words: Vec<u64> = words.map(hashed).collect();
    let together = |words: &[u64]| {
        let mut hasher = FxHasher::default();
        words.hash(&mut hasher);
        hasher.finish()
    };
    let mut shingles: Vec<u64> = match words.len() {
        0 => Vec::new(),
        few if few < SHINGLE => vec![together(&words)],
        _ => words.windows(SHINGLE).map(together).collect(),
    };
    shingles.sort_unstable();
    shingles.dedup();
    shingles
}
