//! How often search finds what it is known to be about: words alone, vectors alone, and both as the tool fuses them.
//!
//!     cargo run --release -p windlass-knowledge --example recall -- FOLDER [QUESTIONS]
//!
//! A folder is indexed as a refresh does it, and asked the questions of `bench/questions.rs`. Results count by document, the
//! first chunk of each; a result of the tool that cites other documents for the same text is one for them as well. `recall@5`
//! is how often the document meant is among the first five, `MRR` the mean of one over its rank among the first twenty. What
//! is printed is JSON, a row for each way to search.

#[path = "bench/corpus.rs"]
mod corpus;
#[path = "bench/questions.rs"]
mod questions;

use std::{collections::HashMap, io::Write as _, path::PathBuf, sync::Arc};

use anyhow::{Context as _, ensure};
use serde_json::json;
use windlass_index::{About, ChunkId, Filter, Hit, Index as _, Snapshot, embedded::FileIndex};
use windlass_knowledge::{
    embed::Embedder,
    search::{Match, Searched, search},
};

use questions::Question;

const QUESTIONS: usize = 1000;
/// Documents that are looked at, and chunks that are asked for to have so many.
const DEPTH: usize = 20;
const CHUNKS: usize = 100;
/// What vectors weigh beside words where both are fused without what the tool does besides: how much its weight matters.
const WEIGHTS: [f64; 6] = [0.05, 0.1, 0.2, 0.3, 0.5, 1.0];

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let folder: PathBuf = arguments.next().context("usage: recall FOLDER [QUESTIONS]")?.into();
    let most = arguments.next().map_or(Ok(QUESTIONS), |most| most.parse())?;
    let embedder = corpus::hashed(&folder)?;
    let documents = corpus::read(&folder, embedder.as_ref()).await?;
    let asked = questions::questions(&documents, most);
    ensure!(!asked.is_empty(), "no question can be made of {}", folder.display());

    let scratch = tempfile::tempdir()?;
    let index = FileIndex::folder(scratch.path())?;
    let mut writer = index.begin(&embedder.model().await?).await?;
    for document in documents {
        writer.put(document).await?;
    }
    let generation = writer.publish(About { keep: 1, ..About::default() }).await?;
    let snapshot = index.current().await?.context("nothing was published")?;
    let ranks = Ranks::of(&snapshot, embedder.as_ref(), &asked).await?;
    let told = json!({
        "documents": generation.counts.documents,
        "chunks": generation.counts.chunks,
        "questions": asked.len(),
        "rows": ranks.rows(),
    });
    Ok(writeln!(std::io::stdout(), "{told}")?)
}

/// At which place each question's document was, from 1, by the way it was searched.
#[derive(Default)]
struct Ranks(Vec<(String, Vec<Option<usize>>)>);

impl Ranks {
    async fn of(snapshot: &Arc<dyn Snapshot>, embedder: &dyn Embedder, asked: &[Question]) -> anyhow::Result<Self> {
        let searched = [Searched { name: "recall".to_owned(), snapshot: snapshot.clone() }];
        let filter = Filter::default();
        let mut ranks = Self::default();
        for question in asked {
            let vector = embedder.query(&question.words).await?;
            let words = snapshot.lexical(&question.words, &filter, CHUNKS).await?;
            let vectors = snapshot.nearest(&vector, &filter, CHUNKS).await?;
            let found = search(&searched, embedder, &question.words, &filter, DEPTH).await?;
            ranks.add("fused", result(&found.matches, &question.path));
            let paths = paths(snapshot.as_ref(), &[&words, &vectors]).await?;
            let ranked = |hits: &[Hit]| rank(hits.iter().map(|hit| paths[&hit.chunk].as_str()), &question.path);
            ranks.add("words alone", ranked(&words));
            ranks.add("vectors alone", ranked(&vectors));
            for weight in WEIGHTS {
                ranks.add(&format!("by rank, vectors weigh {weight}"), ranked(&by_rank(&words, &vectors, weight)));
            }
            for weight in WEIGHTS {
                ranks.add(&format!("by score, vectors weigh {weight}"), ranked(&by_score(&words, &vectors, weight)));
            }
        }
        Ok(ranks)
    }

    fn add(&mut self, way: &str, rank: Option<usize>) {
        match self.0.iter_mut().find(|(name, _)| name == way) {
            Some((_, ranks)) => ranks.push(rank),
            None => self.0.push((way.to_owned(), vec![rank])),
        }
    }

    fn rows(&self) -> Vec<serde_json::Value> {
        let row = |(way, ranks): &(String, Vec<Option<usize>>)| {
            let within =
                |most| ranks.iter().flatten().filter(|rank| **rank <= most).count() as f64 / ranks.len() as f64;
            let reciprocal: f64 = ranks.iter().flatten().map(|rank| 1.0 / *rank as f64).sum();
            let mrr = reciprocal / ranks.len() as f64;
            json!({ "way": way, "recall_at_1": within(1), "recall_at_5": within(5), "recall_at_10": within(10), "mrr": mrr })
        };
        self.0.iter().map(row).collect()
    }
}

/// The place of `path` among the results, one of each document: it is their document, or cited there for the same text.
fn result(matches: &[Match], path: &str) -> Option<usize> {
    let mut seen: Vec<&str> = Vec::new();
    for found in matches {
        if !seen.contains(&found.document.path.as_str()) {
            seen.push(&found.document.path);
        }
        let cited =
            found.also.iter().map(|citation| citation.rsplit_once("#L").map_or(citation.as_str(), |(at, _)| at));
        if found.document.path == path || { cited }.any(|cited| cited == path) {
            return Some(seen.len());
        }
    }
    None
}

/// Of which document each chunk is.
async fn paths(snapshot: &dyn Snapshot, lists: &[&[Hit]]) -> anyhow::Result<HashMap<ChunkId, String>> {
    let mut ids: Vec<_> = lists.iter().flat_map(|hits| hits.iter().map(|hit| hit.chunk)).collect();
    ids.sort_unstable();
    ids.dedup();
    let chunks = snapshot.chunks(&ids).await?;
    Ok(chunks.into_iter().map(|chunk| (chunk.id, chunk.document.path)).collect())
}

/// The place of `path` among the different documents.
fn rank<'a>(paths: impl Iterator<Item = &'a str>, path: &str) -> Option<usize> {
    let mut seen: Vec<&str> = Vec::new();
    for found in paths {
        if !seen.contains(&found) {
            seen.push(found);
        }
    }
    seen.iter().take(DEPTH).position(|found| *found == path).map(|at| at + 1)
}

/// Reciprocal rank fusion, and nothing of what the tool does besides.
fn by_rank(words: &[Hit], vectors: &[Hit], weight: f64) -> Vec<Hit> {
    let ranked =
        |hits: &[Hit]| hits.iter().zip(1..).map(|(hit, rank)| (hit.chunk, 1.0 / (60.0 + f64::from(rank)))).collect();
    fused(ranked(words), ranked(vectors), weight)
}

/// BM25 as a share of the best, and the cosine as it is.
fn by_score(words: &[Hit], vectors: &[Hit], weight: f64) -> Vec<Hit> {
    let best = words.first().map_or(1.0, |hit| f64::from(hit.score));
    let shares = words.iter().map(|hit| (hit.chunk, f64::from(hit.score) / best)).collect();
    fused(shares, vectors.iter().map(|hit| (hit.chunk, f64::from(hit.score))).collect(), weight)
}

fn fused(words: Vec<(ChunkId, f64)>, vectors: Vec<(ChunkId, f64)>, weight: f64) -> Vec<Hit> {
    let mut scores: HashMap<ChunkId, f64> = HashMap::new();
    for (scored, weight) in [(words, 1.0), (vectors, weight)] {
        for (chunk, score) in scored {
            *scores.entry(chunk).or_default() += weight * score;
        }
    }
    let mut fused: Vec<Hit> = scores.into_iter().map(|(chunk, score)| Hit { chunk, score: score as f32 }).collect();
    fused.sort_by(|one, other| other.score.total_cmp(&one.score).then(one.chunk.cmp(&other.chunk)));
    fused
}
