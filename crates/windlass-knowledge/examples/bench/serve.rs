//! Answers questions and tells how long that took, as the peers do.

use std::{
    fs,
    io::BufRead as _,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail, ensure};
use serde_json::{Value, json};
use windlass_index::{Filter, Hit, Snapshot};
use windlass_knowledge::{
    embed::Embedder,
    search::{Searched, search},
};

use crate::{COLLECTION, corpus, opened, say};

const LIMIT: usize = 10;

struct Query {
    words: String,
    vector: Vec<f32>,
}

/// An index that is open.
struct Asked {
    snapshot: Arc<dyn Snapshot>,
    searched: [Searched; 1],
    embedder: Arc<dyn Embedder>,
    queries: Vec<Query>,
}

#[derive(Clone, Copy, PartialEq)]
enum Work {
    Words,
    Vectors,
    Fused,
}

/// Opens the index, answers the first question, and then does what standard input says.
pub async fn serve(data: &Path, index: &Path, first: &str) -> anyhow::Result<()> {
    let snapshot = opened(index)?.current().await?.context("nothing was published")?;
    let asked = Arc::new(Asked {
        searched: [Searched { name: COLLECTION.to_owned(), snapshot: snapshot.clone() }],
        snapshot,
        embedder: corpus::hashed(data)?,
        queries: queries(data)?,
    });
    say(&json!({ "found": asked.answer(work(first)?, &asked.queries[0]).await? }))?;
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let words: Vec<&str> = line.split_whitespace().collect();
        let told = match words[..] {
            ["load", clients, seconds, least, of] => {
                let seconds = Duration::from_secs_f64(seconds.parse()?);
                load(&asked, clients.parse()?, seconds, least.parse()?, work(of)?).await?
            }
            ["show", _] => asked.similarities().await?,
            ["paths", _] => asked.paths().await?,
            _ => bail!("unknown: {line}"),
        };
        say(&told)?;
    }
    Ok(())
}

fn work(word: &str) -> anyhow::Result<Work> {
    Ok(match word {
        "words" => Work::Words,
        "vectors" => Work::Vectors,
        "fused" => Work::Fused,
        _ => bail!("no such work: {word}"),
    })
}

fn queries(data: &Path) -> anyhow::Result<Vec<Query>> {
    let lines = fs::read_to_string(data.join("queries.jsonl"))?;
    let numbers = fs::read(data.join("queries.f32"))?;
    let numbers: Vec<f32> = numbers.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
    let lines: Vec<Value> = lines.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    ensure!(!lines.is_empty() && numbers.len().is_multiple_of(lines.len()), "questions and vectors do not go together");
    let vectors = numbers.chunks(numbers.len() / lines.len());
    let both = lines.iter().zip(vectors);
    Ok(both
        .map(|(line, vector)| Query {
            words: line["words"].as_str().unwrap_or_default().to_owned(),
            vector: vector.to_vec(),
        })
        .collect())
}

impl Asked {
    /// How many results there are; all that is known of each has been read.
    async fn answer(&self, work: Work, query: &Query) -> anyhow::Result<usize> {
        let filter = Filter::default();
        let hits = match work {
            Work::Words => self.snapshot.lexical(&query.words, &filter, LIMIT).await?,
            Work::Vectors => self.snapshot.nearest(&query.vector, &filter, LIMIT).await?,
            Work::Fused => {
                let found = search(&self.searched, self.embedder.as_ref(), &query.words, &filter, LIMIT).await?;
                return Ok(found.matches.len());
            }
        };
        let ids: Vec<_> = hits.iter().map(|hit| hit.chunk).collect();
        Ok(self.snapshot.chunks(&ids).await?.len())
    }

    /// Of each question, how near the nearest are.
    async fn similarities(&self) -> anyhow::Result<Value> {
        let mut all = Vec::new();
        for query in &self.queries {
            let hits: Vec<Hit> = self.snapshot.nearest(&query.vector, &Filter::default(), LIMIT).await?;
            all.push(hits.iter().map(|hit| hit.score).collect::<Vec<_>>());
        }
        Ok(json!({ "similarities": all }))
    }

    /// Of each question, the document of its first result.
    async fn paths(&self) -> anyhow::Result<Value> {
        let mut all = Vec::new();
        for query in &self.queries {
            let found = search(&self.searched, self.embedder.as_ref(), &query.words, &Filter::default(), LIMIT).await?;
            all.push(found.matches.first().map(|first| first.document.path.clone()));
        }
        Ok(json!({ "paths": all }))
    }
}

/// `clients` ask one question after the other, for so long and each at least so many.
async fn load(
    asked: &Arc<Asked>,
    clients: usize,
    how_long: Duration,
    least: usize,
    work: Work,
) -> anyhow::Result<Value> {
    let started = Instant::now();
    let running: Vec<_> = (0..clients)
        .map(|client| {
            let asked = asked.clone();
            let first = client * asked.queries.len() / clients;
            tokio::spawn(async move {
                let mut times = Vec::new();
                for query in asked.queries.iter().cycle().skip(first) {
                    let sent = Instant::now();
                    if sent >= started + how_long && times.len() >= least {
                        break;
                    }
                    ensure!(asked.answer(work, query).await? > 0, "nothing found");
                    times.push(sent.elapsed());
                }
                Ok(times)
            })
        })
        .collect();
    let (mut times, mut failures) = (Vec::new(), Vec::new());
    for client in running {
        match client.await? {
            Ok(mine) => times.extend(mine),
            Err(error) => failures.push(error.to_string()),
        }
    }
    let seconds = started.elapsed().as_secs_f64();
    times.sort_unstable();
    let at = |share: f64| {
        let index = (times.len() as f64 * share) as usize;
        times.get(index.min(times.len().saturating_sub(1))).map(|time| time.as_secs_f64() * 1000.0)
    };
    Ok(json!({
        "calls": times.len(),
        "seconds": seconds,
        "failed_clients": failures.len(),
        "failure": failures.join("; "),
        "p50_ms": at(0.5),
        "p99_ms": at(0.99),
    }))
}
