//! Search: words and meaning, fused.
//!
//! Each question is asked twice: of the words (BM25) and of the vectors (cosine). The hits of all collections are
//! ranked in each of the two lists, and a chunk gets `weight / (60 + rank)` from each list it is in (reciprocal rank
//! fusion). Words weigh 1, and so do the vectors of a real model; those of the hashed embedder know spellings only and
//! weigh 0.1.
//!
//! The score that is shown is that sum in percent of the most there can be: 100 is the first in both lists. It orders
//! the results of one question; those of two questions cannot be compared by it.

mod distinct;
mod fuse;
mod link;
mod snippet;
mod terms;

use std::{collections::BTreeMap, sync::Arc};

use futures::future::{join, try_join_all};
use windlass_index::{ChunkId, DocumentEntry, Filter, Hit, IndexError, Snapshot, StoredChunk};

use crate::embed::Embedder;
pub use link::with_lines;
pub use snippet::Snippet;

use distinct::{Distinct, Verdict};
use fuse::{Fused, Lists};

/// Hits that are taken from each list at least.
const DEPTH: usize = 50;
/// What the vectors of the hashed embedder weigh beside words: measured as best on known items.
const HASHED: f64 = 0.1;

/// A collection as it is searched.
#[derive(Clone)]
pub struct Searched {
    /// Its name.
    pub name: String,
    /// The generation that is asked.
    pub snapshot: Arc<dyn Snapshot>,
}

/// What is found.
#[derive(Debug, Clone, Default)]
pub struct Found {
    /// The best first.
    pub matches: Vec<Match>,
    /// What a caller should know: that vectors were not asked, for example.
    pub notes: Vec<String>,
}

/// A chunk that answers the question.
#[derive(Debug, Clone)]
pub struct Match {
    /// The collection it is in.
    pub collection: String,
    /// The document.
    pub document: DocumentEntry,
    /// The title of the document and the headings above it.
    pub breadcrumb: Vec<String>,
    /// From 1.
    pub first_line: u32,
    /// Inclusive.
    pub last_line: u32,
    /// The lines that fit the question best.
    pub snippet: Snippet,
    /// Up to 100; see the module.
    pub score: f64,
    /// Whether the words found it.
    pub by_words: bool,
    /// Whether the vectors did.
    pub by_meaning: bool,
    /// What its source was at: a commit.
    pub at: Option<String>,
    /// Where a person finds these lines, or at least the document.
    pub link: Option<String>,
    /// Where else the same text stands, as citations.
    pub also: Vec<String>,
}

impl Match {
    /// Where it stands: `guides/vpn.md#L10-L24`.
    pub fn citation(&self) -> String {
        citation(&self.document.path, self.first_line, self.last_line)
    }
}

/// Lines of a document, as citations have them.
pub fn citation(path: &str, first_line: u32, last_line: u32) -> String {
    match first_line == last_line {
        true => format!("{path}#L{first_line}"),
        false => format!("{path}#L{first_line}-L{last_line}"),
    }
}

/// Asks `collections` the question. Without vectors for it, words alone answer, and a note says so.
pub async fn search(
    collections: &[Searched],
    embedder: &dyn Embedder,
    question: &str,
    filter: &Filter,
    limit: usize,
) -> Result<Found, IndexError> {
    let depth = DEPTH.max(4 * limit);
    let words = try_join_all(collections.iter().map(|one| one.snapshot.lexical(question, filter, depth)));
    let (words, meaning) = join(words, nearest(collections, embedder, question, filter, depth)).await;
    let (words, meaning) = (words?, meaning?);
    let mut lists = Lists::default();
    lists.add_words(&words, 1.0);
    if meaning.asked {
        lists.add_meaning(&meaning.hits, meaning.weight);
    }
    let terms = terms::of(question);
    let mut distinct = Distinct::new(limit);
    let mut found = Found { matches: Vec::new(), notes: meaning.notes };
    let mut held = Vec::new();
    // Most of what is far down the lists is never shown, so it is not read either.
    for page in lists.fused().chunks((2 * limit).max(16)) {
        for (fused, chunk) in read(collections, page).await? {
            match distinct.judge(fused.collection, &chunk) {
                Verdict::New => found.matches.push(made(&collections[fused.collection], &fused, chunk, &terms)),
                Verdict::LikeResult(at) => {
                    let also = cited(collections, &found.matches[at], fused.collection, &chunk);
                    found.matches[at].also.extend(also);
                }
                Verdict::TooMany => held.push((fused, chunk)),
            }
        }
        if distinct.is_full() {
            break;
        }
    }
    if distinct.only_document() {
        // There is nobody to make room for.
        distinct.lift();
        for (fused, chunk) in held {
            if distinct.judge(fused.collection, &chunk) == Verdict::New {
                found.matches.push(made(&collections[fused.collection], &fused, chunk, &terms));
            }
        }
    }
    Ok(found)
}

/// What the vectors say.
struct Meaning {
    hits: Vec<Vec<Hit>>,
    weight: f64,
    asked: bool,
    notes: Vec<String>,
}

async fn nearest(
    collections: &[Searched],
    embedder: &dyn Embedder,
    question: &str,
    filter: &Filter,
    depth: usize,
) -> Result<Meaning, IndexError> {
    let mut meaning =
        Meaning { hits: vec![Vec::new(); collections.len()], weight: 1.0, asked: false, notes: Vec::new() };
    let made = async { Ok::<_, crate::embed::EmbedError>((embedder.model().await?, embedder.query(question).await?)) };
    let (model, vector) = match made.await {
        Ok(made) => made,
        Err(error) => {
            tracing::warn!(%error, "a question has no vector");
            meaning.notes.push("found by words alone: what makes vectors does not answer now".to_owned());
            return Ok(meaning);
        }
    };
    if model.name.starts_with("hashed") {
        meaning.weight = HASHED;
    }
    let (fitting, other): (Vec<_>, Vec<_>) =
        collections.iter().enumerate().partition(|(_, one)| one.snapshot.generation().model == model);
    for (_, one) in other {
        let name = &one.name;
        meaning.notes.push(format!("`{name}` was searched by words alone: its next refresh makes its vectors anew"));
    }
    meaning.asked = !fitting.is_empty();
    let hits = try_join_all(fitting.iter().map(|(_, one)| one.snapshot.nearest(&vector, filter, depth))).await?;
    for ((at, _), hits) in fitting.into_iter().zip(hits) {
        // At a right angle or beyond there is nothing in common.
        meaning.hits[at] = hits.into_iter().filter(|hit| hit.score > 0.0).collect();
    }
    Ok(meaning)
}

/// The chunks of these hits, in their order.
async fn read(collections: &[Searched], page: &[Fused]) -> Result<Vec<(Fused, StoredChunk)>, IndexError> {
    let mut wanted: BTreeMap<usize, Vec<ChunkId>> = BTreeMap::new();
    for fused in page {
        wanted.entry(fused.collection).or_default().push(fused.chunk);
    }
    let asked = wanted.iter().map(|(at, ids)| async move {
        let chunks = collections[*at].snapshot.chunks(ids).await?;
        Ok::<_, IndexError>(chunks.into_iter().map(|chunk| ((*at, chunk.id), chunk)).collect::<Vec<_>>())
    });
    let mut chunks: BTreeMap<_, _> = try_join_all(asked).await?.into_iter().flatten().collect();
    Ok(page.iter().filter_map(|fused| Some((*fused, chunks.remove(&(fused.collection, fused.chunk))?))).collect())
}

fn made(searched: &Searched, fused: &Fused, chunk: StoredChunk, terms: &[String]) -> Match {
    let StoredChunk { document, breadcrumb, first_line, last_line, text, .. } = chunk;
    let at = searched.snapshot.generation().sources.get(&document.source).filter(|at| !at.is_empty()).cloned();
    let link = document.link.as_ref().map(|link| match document.converted {
        true => link.clone(),
        false => with_lines(link, first_line, last_line),
    });
    Match {
        collection: searched.name.clone(),
        snippet: snippet::best(&text, first_line, terms),
        breadcrumb,
        first_line,
        last_line,
        score: fused.score,
        by_words: fused.by_words,
        by_meaning: fused.by_meaning,
        at,
        link,
        document,
        also: Vec::new(),
    }
}

/// How a chunk that is like a result is cited beside it; lines of the same document are not.
fn cited(collections: &[Searched], like: &Match, collection: usize, chunk: &StoredChunk) -> Option<String> {
    let name = &collections[collection].name;
    let cited = citation(&chunk.document.path, chunk.first_line, chunk.last_line);
    match (*name == like.collection, chunk.document.path == like.document.path) {
        (true, true) => None,
        (true, false) => Some(cited),
        (false, _) => Some(format!("{name}: {cited}")),
    }
}
