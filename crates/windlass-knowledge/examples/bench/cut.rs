//! The same chunks, vectors and questions for everybody.

use std::{
    fs::{self, File},
    io::{BufWriter, Write},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, ensure};
use serde_json::json;
use windlass_index::Hash;

use crate::{corpus, questions::questions, say};

/// How many questions are asked in turn.
const QUESTIONS: usize = 500;

/// Writes `files/`, `chunks.jsonl`, `vectors.f32`, `queries.jsonl` and `queries.f32`.
pub async fn cut(corpus: &Path, chunks: usize, data: &Path) -> anyhow::Result<()> {
    let embedder = corpus::hashed(corpus)?;
    let mut documents = corpus::read(corpus, embedder.as_ref()).await?;
    let (mut kept, mut count) = (0, 0);
    while kept < documents.len() && count < chunks {
        count += documents[kept].chunks.len();
        kept += 1;
    }
    documents.truncate(kept);

    fs::create_dir_all(data)?;
    let (mut lines, mut vectors) = (create(data, "chunks.jsonl")?, create(data, "vectors.f32")?);
    for document in &documents {
        copy(corpus, &document.entry.path, &data.join("files"))?;
        for chunk in &document.chunks {
            let line = json!({
                "path": document.entry.path,
                "first_line": chunk.first_line,
                "breadcrumb": chunk.breadcrumb,
                "text": chunk.text,
            });
            writeln!(lines, "{line}")?;
            numbers(&mut vectors, &chunk.vector)?;
        }
    }
    let asked = questions(&documents, QUESTIONS);
    ensure!(!asked.is_empty(), "no question can be made of {}", corpus.display());
    let (mut lines, mut vectors) = (create(data, "queries.jsonl")?, create(data, "queries.f32")?);
    for question in &asked {
        writeln!(lines, "{}", json!({ "words": question.words, "path": question.path }))?;
        numbers(&mut vectors, &embedder.query(&question.words).await?)?;
    }
    let bytes: usize = documents.iter().flat_map(|document| &document.chunks).map(|chunk| chunk.text.len()).sum();
    say(&json!({ "documents": kept, "chunks": count, "questions": asked.len(), "bytes": bytes }))
}

/// As many of a corpus' files as there are, up to `documents`, in the order of [`corpus::read`].
pub fn first(corpus: &Path, documents: usize, folder: &Path) -> anyhow::Result<()> {
    let mut paths = Vec::new();
    walk(corpus, corpus, &mut paths)?;
    paths.sort_by_key(|path| Hash::of(path));
    paths.truncate(documents);
    for path in &paths {
        copy(corpus, path, folder)?;
    }
    say(&json!({ "documents": paths.len() }))
}

fn walk(root: &Path, folder: &Path, paths: &mut Vec<String>) -> anyhow::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            walk(root, &entry.path(), paths)?;
        } else {
            let path = entry.path().strip_prefix(root)?.to_str().context("a name that is not UTF-8")?.to_owned();
            paths.push(path);
        }
    }
    Ok(())
}

fn copy(corpus: &Path, path: &str, folder: &Path) -> anyhow::Result<()> {
    let to: PathBuf = folder.join(path);
    fs::create_dir_all(to.parent().context("a path without a folder")?)?;
    // A copy, so that whoever changes it does not change the corpus.
    fs::copy(corpus.join(path), &to).with_context(|| path.to_owned())?;
    Ok(())
}

fn create(data: &Path, name: &str) -> anyhow::Result<BufWriter<File>> {
    Ok(BufWriter::new(File::create(data.join(name))?))
}

fn numbers(out: &mut impl Write, vector: &[f32]) -> std::io::Result<()> {
    vector.iter().try_for_each(|number| out.write_all(&number.to_le_bytes()))
}
