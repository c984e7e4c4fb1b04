use std::{collections::BTreeSet, sync::Arc};

use async_trait::async_trait;
use pgvector::Vector;
use tokio::runtime::Handle;
use tokio_postgres::types::ToSql;

use super::{
    connect::{self, Pool, Session, take},
    fault::{clean, fault},
    publish::{self, Durable},
    snapshot, words,
};
use crate::{About, Change, DocumentEntry, Generation, Hash, IndexError, Model, NewChunk, NewDocument, Writer};

/// Chunks in one statement: some megabytes.
const BATCH: usize = 256;

const BODY: &str = "INSERT INTO bodies (collection, chunks, words, text) VALUES ($1, $2, $3, $4) RETURNING id";
const CHUNKS: &str = "
    INSERT INTO chunks
        (collection, body, hash, breadcrumb, first_line, last_line, text, length, words, counts, embedding)
    SELECT $1::int4, $2::int8, hash, breadcrumb, first_line, last_line, text, length, words::text[], counts::int4[],
        embedding
    FROM unnest($3::bytea[], $4::text[], $5::int4[], $6::int4[], $7::text[], $8::int4[], $9::text[], $10::text[],
        $11::vector[])
    WITH ORDINALITY AS given(hash, breadcrumb, first_line, last_line, text, length, words, counts, embedding, place)
    ORDER BY place";
const STAGE: &str = "
    INSERT INTO documents (collection, writer, body, name, path, stamp, content, language, tags, day, entry)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";

/// The next generation. Its documents are staged in the database as they come, each in a transaction of its own; the
/// paths whose present document ends with it are kept here.
pub(super) struct Staging {
    pub(super) pool: Pool,
    pub(super) collection: i32,
    pub(super) writer: i64,
    pub(super) model: Model,
    /// The current generation when this began, by number; 0 where there was none.
    pub(super) from: u64,
    /// What is built upon, and held.
    pub(super) base: Option<Arc<snapshot::Held>>,
    /// What changed before.
    pub(super) earlier: Vec<Change>,
    /// By the hashes of their paths.
    pub(super) ended: BTreeSet<Hash>,
    pub(super) staged: BTreeSet<Hash>,
    /// How often something was staged. A crash of the server may lose the last of them: then the server has counted
    /// less.
    pub(super) steps: i64,
    pub(super) published: bool,
}

impl Staging {
    /// A connection with a transaction, which says as well that this lives: who has not for a day is swept.
    async fn step(&self) -> Result<connect::Held, IndexError> {
        let mut session = take(&self.pool).await?;
        publish::begin(&mut session, Durable::Later).await?;
        let sql = "UPDATE writers SET seen = now(), steps = steps + 1 WHERE id = $1";
        match session.execute(sql, &[&self.writer]).await.map_err(fault) {
            Ok(1) => Ok(session),
            Ok(_) => publish::end(&mut session, Err(swept())).await,
            Err(error) => publish::end(&mut session, Err(error)).await,
        }
    }

    async fn unstage(&self, session: &mut Session, name: Hash) -> Result<(), IndexError> {
        if self.staged.contains(&name) {
            let parameters: [&(dyn ToSql + Sync); 2] = [&self.writer, &name.0.as_slice()];
            let sql = "DELETE FROM documents WHERE writer = $1 AND name = $2";
            session.execute(sql, &parameters).await.map_err(fault)?;
        }
        Ok(())
    }

    async fn stage(&self, session: &mut Session, entry: &DocumentEntry, body: i64) -> Result<(), IndexError> {
        let name = name(&entry.path);
        let json = json(entry)?;
        let parameters: [&(dyn ToSql + Sync); 11] = [
            &self.collection,
            &self.writer,
            &body,
            &name.0.as_slice(),
            &entry.path,
            &entry.stamp,
            &entry.content.0.as_slice(),
            &entry.language,
            &entry.tags,
            &entry.date,
            &json,
        ];
        session.execute(STAGE, &parameters).await.map_err(fault)?;
        Ok(())
    }

    async fn write(&self, session: &mut Session, document: &NewDocument) -> Result<(), IndexError> {
        self.unstage(session, name(&document.entry.path)).await?;
        let terms: Vec<_> = document.chunks.iter().map(|chunk| words::terms(&chunk.breadcrumb, &chunk.text)).collect();
        let total: i64 = terms.iter().map(|terms| i64::from(terms.length)).sum();
        let count = number(document.chunks.len());
        let text = clean(&document.text);
        let rows = session.query(BODY, &[&self.collection, &count, &total, &text]).await.map_err(fault)?;
        let body: i64 = rows.first().map(|row| row.get(0)).unwrap_or_default();
        for (chunks, terms) in document.chunks.chunks(BATCH).zip(terms.chunks(BATCH)) {
            self.write_chunks(session, body, chunks, terms).await?;
        }
        self.stage(session, &document.entry, body).await
    }

    async fn write_chunks(
        &self,
        session: &mut Session,
        body: i64,
        chunks: &[NewChunk],
        terms: &[words::Terms],
    ) -> Result<(), IndexError> {
        let hashes: Vec<&[u8]> = chunks.iter().map(|chunk| chunk.hash.0.as_slice()).collect();
        let breadcrumbs = chunks.iter().map(|chunk| json(&chunk.breadcrumb)).collect::<Result<Vec<_>, _>>()?;
        let first: Vec<i32> = chunks.iter().map(|chunk| chunk.first_line.cast_signed()).collect();
        let last: Vec<i32> = chunks.iter().map(|chunk| chunk.last_line.cast_signed()).collect();
        let texts: Vec<_> = chunks.iter().map(|chunk| clean(&chunk.text)).collect();
        let lengths: Vec<i32> = terms.iter().map(|terms| terms.length.cast_signed()).collect();
        let words: Vec<String> = terms.iter().map(|terms| array(terms.counts.keys())).collect();
        let counts: Vec<String> = terms.iter().map(|terms| array(terms.counts.values())).collect();
        let vectors: Vec<Vector> = chunks.iter().map(|chunk| Vector::from(chunk.vector.clone())).collect();
        let parameters: [&(dyn ToSql + Sync); 11] = [
            &self.collection,
            &body,
            &hashes,
            &breadcrumbs,
            &first,
            &last,
            &texts,
            &lengths,
            &words,
            &counts,
            &vectors,
        ];
        session.execute(CHUNKS, &parameters).await.map_err(fault)?;
        Ok(())
    }

    /// The body of what stands at a path as this writer sees it.
    async fn standing(&self, session: &mut Session, name: Hash) -> Result<Option<i64>, IndexError> {
        let rows = if self.staged.contains(&name) {
            let sql = "SELECT body FROM documents WHERE writer = $1 AND name = $2";
            session.query(sql, &[&self.writer, &name.0.as_slice()]).await
        } else if self.base.is_some() && !self.ended.contains(&name) {
            let sql = "SELECT body FROM documents WHERE collection = $1 AND name = $2
                AND born <= $3 AND (died IS NULL OR died > $3)";
            session.query(sql, &[&self.collection, &name.0.as_slice(), &self.from.cast_signed()]).await
        } else {
            return Ok(None);
        };
        Ok(rows.map_err(fault)?.first().map(|row| row.get(0)))
    }

    async fn relocate(&self, session: &mut Session, from: Hash, to: &DocumentEntry) -> Result<(), IndexError> {
        let Some(body) = self.standing(session, from).await? else {
            return Err(IndexError::Invalid(format!("there is no document to move to {}", to.path)));
        };
        self.unstage(session, from).await?;
        if name(&to.path) != from {
            self.unstage(session, name(&to.path)).await?;
        }
        self.stage(session, to, body).await
    }
}

#[async_trait]
impl Writer for Staging {
    fn base(&self) -> Option<&Generation> {
        self.base.as_ref().map(|base| &base.generation)
    }

    async fn put(&mut self, mut document: NewDocument) -> Result<(), IndexError> {
        for chunk in &document.chunks {
            super::vector_fits(&self.model, &chunk.vector)?;
        }
        wash(&mut document.entry);
        for heading in document.chunks.iter_mut().flat_map(|chunk| &mut chunk.breadcrumb) {
            wash_text(heading);
        }
        let mut session = self.step().await?;
        let written = self.write(&mut session, &document).await;
        publish::end(&mut session, written).await?;
        self.steps += 1;
        let name = name(&document.entry.path);
        self.ended.insert(name);
        self.staged.insert(name);
        Ok(())
    }

    async fn rename(&mut self, from: &str, mut to: DocumentEntry) -> Result<(), IndexError> {
        wash(&mut to);
        let (from, name) = (name(&clean(from)), name(&to.path));
        let mut session = self.step().await?;
        let moved = self.relocate(&mut session, from, &to).await;
        publish::end(&mut session, moved).await?;
        self.steps += 1;
        self.staged.remove(&from);
        self.staged.insert(name);
        self.ended.extend([from, name]);
        Ok(())
    }

    async fn remove(&mut self, path: &str) -> Result<(), IndexError> {
        let name = name(&clean(path));
        if self.staged.contains(&name) {
            let mut session = self.step().await?;
            let gone = self.unstage(&mut session, name).await;
            publish::end(&mut session, gone).await?;
            self.steps += 1;
            self.staged.remove(&name);
        }
        self.ended.insert(name);
        Ok(())
    }

    async fn publish(mut self: Box<Self>, about: About) -> Result<Generation, IndexError> {
        let generation = publish::publish(&self, about).await?;
        self.published = true;
        Ok(generation)
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        if self.published {
            return;
        }
        let (pool, writer) = (self.pool.clone(), self.writer);
        // Where this does not come to its end, the next writer sweeps it, a day later.
        let Ok(runtime) = Handle::try_current() else { return };
        runtime.spawn(async move {
            if let Ok(mut session) = take(&pool).await {
                drop(session.execute("DELETE FROM writers WHERE id = $1", &[&writer]).await);
            }
        });
    }
}

/// What was staged is not there any more.
pub(super) fn swept() -> IndexError {
    IndexError::Damaged("what was staged was swept away, or lost in a crash of the database".to_owned())
}

/// What a path is found by.
pub(super) fn name(path: &str) -> Hash {
    Hash::of(path.as_bytes())
}

pub(super) fn json<T: serde::Serialize>(value: &T) -> Result<String, IndexError> {
    serde_json::to_string(value).map_err(|error| IndexError::Invalid(error.to_string()))
}

/// An array of PostgreSQL as it is written: one of arrays is no array there. Words are letters and digits.
fn array(items: impl Iterator<Item = impl std::fmt::Display>) -> String {
    let items: Vec<_> = items.map(|item| format!("\"{item}\"")).collect();
    format!("{{{}}}", items.join(","))
}

fn number(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

/// What is told of a document later is what was kept.
fn wash(entry: &mut DocumentEntry) {
    let sections = entry.sections.iter_mut().map(|(_, title, _)| title);
    let texts = [&mut entry.path, &mut entry.stamp, &mut entry.language, &mut entry.source];
    for text in texts.into_iter().chain(&mut entry.title).chain(&mut entry.link).chain(&mut entry.tags).chain(sections)
    {
        wash_text(text);
    }
}

fn wash_text(text: &mut String) {
    if text.contains('\0') {
        *text = clean(text).into_owned();
    }
}
