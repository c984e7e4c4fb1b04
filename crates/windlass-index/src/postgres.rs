//! An index in PostgreSQL with pgvector: for what outgrows one machine, and where several write to one collection.
//!
//! Everything is in the schema `windlass_knowledge`, which is made when something is first written; who only reads
//! needs no right but to read it. A generation is a range of rows (see `schema`): publishing is one transaction,
//! readers keep their generation, and the writer's documents are staged outside any of it, for as long as their vectors
//! take to make.
//!
//! Vectors are compared one by one, exactly: an approximate index would not see the filter, and would let chunks go.
//! Words are cut as the index of files cuts them, and ranked by BM25 in SQL (see `lexical`).

mod connect;
mod fault;
mod filter;
mod glob;
mod lexical;
mod pins;
mod publish;
mod schema;
mod snapshot;
mod tls;
mod words;
mod writer;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use pgvector::Vector;
use tokio_postgres::Row;
use windlass_core::SecretString;

use self::{
    connect::{Maker, Pool, Session, take},
    fault::{clean, fault, is_missing},
    pins::Pins,
    publish::describe,
    snapshot::{Held, hash, json as parsed},
    writer::{Staging, json},
};
use crate::{Generation, Hash, Index, IndexError, Model, Snapshot, Writer};

/// Vectors in one statement.
const BATCH: usize = 1000;
/// A generation that is not there any more when it is held was followed by another one. So often in a row it is not.
const TRIES: usize = 5;

/// Where the tables are.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `postgres://windlass@db.example.com/knowledge`. Beyond this machine the connection is encrypted and the server's
    /// certificate checked, whatever the URL says.
    pub url: String,
    /// In place of the one in the URL.
    pub password: Option<SecretString>,
    /// Certificates of the authorities that are trusted, in PEM. Default: those that web browsers trust.
    pub ca: Option<PathBuf>,
    /// The collection; others in the same tables do not see it.
    pub collection: String,
}

/// One collection in PostgreSQL.
pub struct PostgresIndex {
    pool: Pool,
    pins: Arc<Pins>,
    collection: String,
    /// The current generation when somebody last asked.
    latest: Mutex<Option<Arc<Held>>>,
}

impl PostgresIndex {
    /// Connects to nothing yet. Fails where the URL or the file of trusted authorities cannot be used.
    pub fn new(settings: Settings) -> Result<Self, IndexError> {
        let pool = connect::pool(Maker::new(&settings)?);
        let pins = Pins::new(Maker::new(&settings)?);
        let collection = clean(&settings.collection).into_owned();
        Ok(Self { pool, pins, collection, latest: Mutex::default() })
    }

    /// The collection and its current generation, by their numbers; `None` where nothing was ever published. The schema
    /// is named: one that this login may not look into would be passed over otherwise, as if it were empty.
    async fn head(&self, session: &mut Session) -> Result<Option<(i32, u64)>, IndexError> {
        let sql = "SELECT id, number FROM windlass_knowledge.collections WHERE name = $1 AND number > 0";
        match session.query(sql, &[&self.collection]).await {
            Ok(rows) => Ok(rows.first().map(|row| (row.get(0), row.get::<_, i64>(1).cast_unsigned()))),
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) => Err(fault(error)),
        }
    }

    /// What is current, held. Kept, so that who asks next only has to be told that it still is.
    async fn held(&self) -> Result<Option<Arc<Held>>, IndexError> {
        for _ in 0..TRIES {
            let mut session = take(&self.pool).await?;
            let Some((collection, number)) = self.head(&mut session).await? else { return Ok(None) };
            let latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner).clone();
            if let Some(latest) = latest
                && (latest.collection, latest.generation.number) == (collection, number)
            {
                return Ok(Some(latest));
            }
            let Some(pin) = self.pins.pin(collection, number).await? else { continue };
            let sql = "SELECT about, words FROM generations WHERE collection = $1 AND number = $2";
            let rows = session.query(sql, &[&collection, &number.cast_signed()]).await.map_err(fault)?;
            let Some(row) = rows.first() else { continue };
            let generation: Generation = parsed(row.get(0))?;
            let words = row.get::<_, i64>(1).cast_unsigned();
            let held = Arc::new(Held { pool: self.pool.clone(), collection, generation, words, _pin: pin });
            *self.latest.lock().unwrap_or_else(PoisonError::into_inner) = Some(held.clone());
            return Ok(Some(held));
        }
        Err(IndexError::Unreachable("generations come faster than they can be read".to_owned()))
    }

    /// The number of the collection, which is entered where it is new.
    async fn entered(&self, session: &mut Session) -> Result<i32, IndexError> {
        schema::ensure(session).await?;
        let sql = "INSERT INTO collections (name) VALUES ($1) ON CONFLICT (name) DO NOTHING";
        session.execute(sql, &[&self.collection]).await.map_err(fault)?;
        let rows = session.query("SELECT id FROM collections WHERE name = $1", &[&self.collection]).await;
        let rows = rows.map_err(fault)?;
        rows.first().map(|row| row.get(0)).ok_or_else(|| IndexError::Damaged("the collection was deleted".to_owned()))
    }
}

#[async_trait]
impl Index for PostgresIndex {
    async fn current(&self) -> Result<Option<Arc<dyn Snapshot>>, IndexError> {
        Ok(self.held().await?.map(|held| held as Arc<dyn Snapshot>))
    }

    async fn begin(&self, model: &Model) -> Result<Box<dyn Writer>, IndexError> {
        let current = self.held().await?;
        let mut session = take(&self.pool).await?;
        let collection = self.entered(&mut session).await?;
        // What is left of writers that were killed.
        session.batch("DELETE FROM writers WHERE seen < now() - interval '1 day'").await.map_err(fault)?;
        let sql = "INSERT INTO writers (collection) VALUES ($1) RETURNING id";
        let rows = session.query(sql, &[&collection]).await.map_err(fault)?;
        let writer = rows.first().map(|row| row.get(0)).unwrap_or_default();
        drop(session);
        let from = current.as_ref().map_or(0, |held| held.generation.number);
        let earlier = current.as_ref().map(|held| held.generation.changes.clone()).unwrap_or_default();
        let base = current.filter(|held| held.generation.model == *model);
        Ok(Box::new(Staging {
            pool: self.pool.clone(),
            collection,
            writer,
            model: model.clone(),
            from,
            base,
            earlier,
            ended: BTreeSet::new(),
            staged: BTreeSet::new(),
            steps: 0,
            published: false,
        }))
    }

    async fn generations(&self) -> Result<Vec<Generation>, IndexError> {
        let mut session = take(&self.pool).await?;
        let sql = "SELECT g.about FROM windlass_knowledge.generations g
            JOIN windlass_knowledge.collections c ON c.id = g.collection WHERE c.name = $1 AND g.kept ORDER BY g.number DESC";
        match session.query(sql, &[&self.collection]).await {
            Ok(rows) => rows.iter().map(|row| parsed(row.get(0))).collect(),
            Err(error) if is_missing(&error) => Ok(Vec::new()),
            Err(error) => Err(fault(error)),
        }
    }

    async fn rollback(&self, to: Option<u64>) -> Result<Generation, IndexError> {
        let head = self.head(&mut *take(&self.pool).await?).await?;
        match head {
            Some((collection, _)) => publish::rollback(&self.pool, collection, to).await,
            None => Err(IndexError::NoGeneration(to.map_or_else(|| "at all".to_owned(), |to| to.to_string()))),
        }
    }

    async fn known(&self, model: &Model, chunks: &[Hash]) -> Result<BTreeMap<Hash, Vec<f32>>, IndexError> {
        // The vectors of another model are there, and are not asked for.
        const KNOWN: &str = "
            SELECT DISTINCT ON (hash) hash, embedding FROM (
                SELECT c.hash, c.embedding FROM chunks c JOIN documents d ON d.body = c.body
                WHERE $2 AND c.collection = $1 AND c.hash = ANY($4::bytea[]) AND d.born IS NOT NULL AND d.died IS NULL
                UNION ALL
                SELECT r.hash, r.embedding FROM remembered r
                WHERE r.collection = $1 AND r.model = $3 AND r.hash = ANY($4::bytea[])) found";
        let current = self.held().await?;
        let mut session = take(&self.pool).await?;
        let sql = "SELECT id FROM windlass_knowledge.collections WHERE name = $1";
        let rows = match session.query(sql, &[&self.collection]).await {
            Err(error) if is_missing(&error) => return Ok(BTreeMap::new()),
            rows => rows.map_err(fault)?,
        };
        let Some(collection) = rows.first().map(|row| row.get::<_, i32>(0)) else { return Ok(BTreeMap::new()) };
        let same = current.is_some_and(|held| held.generation.model == *model);
        let (model, mut known) = (json(model)?, BTreeMap::new());
        for chunks in chunks.chunks(BATCH) {
            let hashes: Vec<&[u8]> = chunks.iter().map(|hash| hash.0.as_slice()).collect();
            let rows = session.query(KNOWN, &[&collection, &same, &model, &hashes]).await.map_err(fault)?;
            for row in &rows {
                known.insert(hash(row.get(0))?, vector(row));
            }
        }
        Ok(known)
    }

    async fn remember(&self, model: &Model, vectors: &[(Hash, Vec<f32>)]) -> Result<(), IndexError> {
        const REMEMBER: &str = "
            INSERT INTO remembered (collection, model, hash, embedding)
            SELECT $1::int4, $2::text, hash, embedding FROM unnest($3::bytea[], $4::vector[]) AS given(hash, embedding)
            ON CONFLICT DO NOTHING";
        for (_, vector) in vectors {
            vector_fits(model, vector)?;
        }
        let mut session = take(&self.pool).await?;
        let collection = self.entered(&mut session).await?;
        let model = json(model)?;
        for vectors in vectors.chunks(BATCH) {
            let hashes: Vec<&[u8]> = vectors.iter().map(|(hash, _)| hash.0.as_slice()).collect();
            let vectors: Vec<Vector> = vectors.iter().map(|(_, vector)| Vector::from(vector.clone())).collect();
            session.execute(REMEMBER, &[&collection, &model, &hashes, &vectors]).await.map_err(fault)?;
        }
        Ok(())
    }
}

fn vector(row: &Row) -> Vec<f32> {
    row.get::<_, Vector>(1).to_vec()
}

/// Whether a vector can be one of this model.
fn vector_fits(model: &Model, vector: &[f32]) -> Result<(), IndexError> {
    if vector.len() != model.dimensions {
        return Err(IndexError::OtherModel { has: describe(model), given: format!("{} numbers", vector.len()) });
    }
    if vector.iter().all(|number| number.is_finite()) {
        return Ok(());
    }
    Err(IndexError::Invalid("a vector has a number that is none".to_owned()))
}
