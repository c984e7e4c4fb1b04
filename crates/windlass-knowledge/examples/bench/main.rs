//! What `make bench-knowledge` runs of Windlass in a process of its own; bench/knowledge says how it is called.
//!
//!     bench cut CORPUS CHUNKS DATA        the first documents of a corpus that have so many chunks, with their vectors and
//!                                         questions, as everybody reads them
//!     bench first CORPUS DOCUMENTS FOLDER the first documents of a corpus, and nothing else
//!     bench build DATA INDEX              makes an index of them, and says how long it took
//!     bench serve DATA INDEX WORK         answers the first question, then does what it is told, a line at a time

mod corpus;
mod cut;
mod questions;
mod serve;

use std::{path::Path, sync::Arc, time::Instant};

use anyhow::bail;
use serde_json::json;
use windlass_index::{About, Index, embedded::FileIndex};

/// What the collection is called.
const COLLECTION: &str = "bench";

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["cut", corpus, chunks, data] => cut::cut(corpus.as_ref(), chunks.parse()?, data.as_ref()).await,
        ["first", corpus, documents, folder] => cut::first(corpus.as_ref(), documents.parse()?, folder.as_ref()),
        ["build", data, index] => build(data.as_ref(), index.as_ref()).await,
        ["serve", data, index, work] => serve::serve(data.as_ref(), index.as_ref(), work).await,
        _ => bail!(
            "usage: bench cut CORPUS CHUNKS DATA | first CORPUS DOCUMENTS FOLDER | build DATA INDEX | serve DATA INDEX WORK"
        ),
    }
}

/// From documents whose vectors are there to a generation that is published.
async fn build(data: &Path, folder: &Path) -> anyhow::Result<()> {
    let files = data.join("files");
    let embedder = corpus::hashed(&files)?;
    let documents = corpus::read(&files, embedder.as_ref()).await?;
    let model = embedder.model().await?;
    let started = Instant::now();
    let mut writer = opened(folder)?.begin(&model).await?;
    for document in documents {
        writer.put(document).await?;
    }
    let generation = writer.publish(About { keep: 1, ..About::default() }).await?;
    say(&json!({ "chunks": generation.counts.chunks, "seconds": started.elapsed().as_secs_f64() }))
}

fn opened(folder: &Path) -> anyhow::Result<Arc<dyn Index>> {
    Ok(Arc::new(FileIndex::folder(folder)?))
}

/// One line for whoever started this.
fn say(told: &serde_json::Value) -> anyhow::Result<()> {
    use std::io::Write as _;
    let mut out = std::io::stdout().lock();
    writeln!(out, "{told}")?;
    Ok(out.flush()?)
}
