use std::collections::{BTreeMap, HashMap};

use async_trait::async_trait;
use pgvector::Vector;
use tokio_postgres::{Row, types::ToSql};

use super::{
    connect::{Pool, take},
    fault::{clean, fault},
    filter::{Parameters, passing, standing},
    lexical::{self, Question},
    pins::Pin,
};
use crate::{ChunkId, DocumentEntry, Filter, Generation, Hash, Hit, IndexError, Snapshot, StoredChunk, StoredDocument};

/// How many rows are asked for, whatever limit was given.
const MOST: usize = 100_000;

/// A generation, held.
pub(super) struct Held {
    pub(super) pool: Pool,
    pub(super) collection: i32,
    pub(super) generation: Generation,
    /// Words in all of its chunks.
    pub(super) words: u64,
    pub(super) _pin: Pin,
}

const NEAREST: &str = concat!(
    "SELECT id, 1 - distance FROM (
        SELECT c.id, d.path, coalesce(nullif(c.embedding <=> $8::vector, 'NaN'), 1) AS distance
        FROM documents d JOIN chunks c ON c.body = d.body WHERE ",
    standing!(),
    " AND ",
    passing!(),
    r#") found ORDER BY distance, path COLLATE "C", id LIMIT $9::int8"#,
);

const DOCUMENTS: &str = concat!(
    "SELECT d.entry FROM documents d WHERE ",
    standing!(),
    " AND ",
    passing!(),
    r#" AND ($8::text IS NULL OR d.path COLLATE "C" > $8::text COLLATE "C")
     ORDER BY d.path COLLATE "C" LIMIT $9::int8"#,
);

const CHUNKS: &str = concat!(
    "SELECT c.id, c.hash, c.breadcrumb, c.first_line, c.last_line, c.text, d.entry
     FROM documents d JOIN chunks c ON c.body = d.body WHERE ",
    standing!(),
    " AND c.id = ANY($3::int8[])",
);

const DOCUMENT: &str = concat!(
    "SELECT d.entry, b.text FROM documents d JOIN bodies b ON b.id = d.body WHERE ",
    standing!(),
    " AND d.name = $3::bytea",
);

const CONTENTS: &str = concat!("SELECT d.path, d.stamp, d.content FROM documents d WHERE ", standing!());

impl Held {
    /// The rows of a statement, all of this generation. The generation's own row goes with the first of its documents,
    /// so that what it sees after them tells whether they were all there.
    async fn read(&self, sql: &'static str, parameters: &[&(dyn ToSql + Sync)]) -> Result<Vec<Row>, IndexError> {
        const THERE: &str = "SELECT 1 FROM generations WHERE collection = $1 AND number = $2";
        let mut session = take(&self.pool).await?;
        let rows = session.query(sql, parameters).await.map_err(fault)?;
        let there = session.query(THERE, &[&self.collection, &self.number()]).await.map_err(fault)?;
        if there.is_empty() {
            let number = self.generation.number;
            return Err(IndexError::Unreachable(format!(
                "generation {number} was dropped while the connection was lost"
            )));
        }
        Ok(rows)
    }

    fn number(&self) -> i64 {
        self.generation.number.cast_signed()
    }

    fn parameters(&self, filter: &Filter) -> Result<Parameters, IndexError> {
        Parameters::new(self.collection, self.generation.number, filter)
    }
}

fn hits(rows: &[Row]) -> Vec<Hit> {
    rows.iter()
        .map(|row| Hit { chunk: ChunkId(row.get::<_, i64>(0).cast_unsigned()), score: row.get::<_, f64>(1) as f32 })
        .collect()
}

/// What was written as JSON.
pub(super) fn json<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, IndexError> {
    serde_json::from_str(text).map_err(|error| IndexError::Damaged(error.to_string()))
}

pub(super) fn hash(bytes: &[u8]) -> Result<Hash, IndexError> {
    bytes.try_into().map(Hash).map_err(|_| IndexError::Damaged("a hash has not 32 bytes".to_owned()))
}

fn rows_for(limit: usize) -> i64 {
    limit.min(MOST) as i64
}

#[async_trait]
impl Snapshot for Held {
    fn generation(&self) -> &Generation {
        &self.generation
    }

    async fn lexical(&self, words: &str, filter: &Filter, limit: usize) -> Result<Vec<Hit>, IndexError> {
        let parameters = self.parameters(filter)?;
        let terms = super::words::question(words);
        let chunks = self.generation.counts.chunks;
        if terms.is_empty() || chunks == 0 || limit == 0 {
            return Ok(Vec::new());
        }
        let average = (self.words as f64 / chunks as f64).max(1.0);
        let frequencies = self.read(lexical::FREQUENCIES, &[&self.collection, &self.number(), &terms]).await?;
        let frequencies = frequencies.iter().map(|row| (row.get(0), row.get(1))).collect();
        let asked = Question::new(frequencies, chunks);
        let (mut first, wanted) = (asked.first(), rows_for(limit));
        loop {
            let needed = &asked.terms[..first];
            let more = parameters.with(&[&asked.terms, &asked.idf, &needed, &average, &wanted]);
            let found = if needed.is_empty() { Vec::new() } else { self.read(lexical::QUERY, &more).await? };
            let worst = if found.len() < limit { 0.0 } else { found.last().map_or(0.0, |row| row.get(1)) };
            let enough = asked.enough(worst);
            if enough <= first {
                return Ok(hits(&found));
            }
            first = enough;
        }
    }

    async fn nearest(&self, vector: &[f32], filter: &Filter, limit: usize) -> Result<Vec<Hit>, IndexError> {
        let model = &self.generation.model;
        super::vector_fits(model, vector)?;
        let (vector, limit) = (Vector::from(vector.to_vec()), rows_for(limit));
        Ok(hits(&self.read(NEAREST, &self.parameters(filter)?.with(&[&vector, &limit])).await?))
    }

    async fn chunks(&self, ids: &[ChunkId]) -> Result<Vec<StoredChunk>, IndexError> {
        let wanted: Vec<i64> = ids.iter().map(|id| id.0.cast_signed()).collect();
        let rows = self.read(CHUNKS, &[&self.collection, &self.number(), &wanted]).await?;
        let mut found = HashMap::with_capacity(rows.len());
        for row in &rows {
            let id = ChunkId(row.get::<_, i64>(0).cast_unsigned());
            let chunk = StoredChunk {
                id,
                hash: hash(row.get(1))?,
                document: json(row.get(6))?,
                breadcrumb: json(row.get(2))?,
                first_line: row.get::<_, i32>(3).cast_unsigned(),
                last_line: row.get::<_, i32>(4).cast_unsigned(),
                text: row.get(5),
            };
            found.insert(id, chunk);
        }
        let number = self.generation.number;
        let known = |id: &ChunkId| {
            let missing = || IndexError::Invalid(format!("there is no chunk {} in generation {number}", id.0));
            found.get(id).cloned().ok_or_else(missing)
        };
        ids.iter().map(known).collect()
    }

    async fn document(&self, path: &str) -> Result<Option<StoredDocument>, IndexError> {
        let name = Hash::of(clean(path).as_bytes());
        let rows = self.read(DOCUMENT, &[&self.collection, &self.number(), &name.0.as_slice()]).await?;
        let document = |row: &Row| Ok(StoredDocument { entry: json(row.get(0))?, text: row.get(1) });
        rows.first().map(document).transpose()
    }

    async fn documents(
        &self,
        filter: &Filter,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<DocumentEntry>, IndexError> {
        let (after, limit) = (after.map(clean), rows_for(limit));
        let rows = self.read(DOCUMENTS, &self.parameters(filter)?.with(&[&after, &limit])).await?;
        rows.iter().map(|row| json(row.get(0))).collect()
    }

    async fn contents(&self) -> Result<BTreeMap<String, (String, Hash)>, IndexError> {
        let rows = self.read(CONTENTS, &[&self.collection, &self.number()]).await?;
        rows.iter().map(|row| Ok((row.get(0), (row.get(1), hash(row.get(2))?)))).collect()
    }
}
