//! Making a generation the current one, and letting go of old ones.

use time::OffsetDateTime;

use super::{
    connect::{Pool, Session, take},
    fault::fault,
    pins,
    snapshot::json as parsed,
    writer::{Staging, json, swept},
};
use crate::{About, Counts, Generation, IndexError, Model};

/// How many changes a generation tells of, with those of the ones before it.
const CHANGES: usize = 500;

/// In how many chunks words are, where that is another number from generation `$2` on.
const FREQUENCIES: &str = "
    WITH changed AS (
        SELECT body, 1 AS sign FROM documents WHERE collection = $1 AND born = $2
        UNION ALL
        SELECT body, -1 FROM documents WHERE collection = $1 AND died = $2
    ), delta AS MATERIALIZED (
        SELECT word.term, sum(changed.sign)::int8 AS more
        FROM changed JOIN chunks c ON c.body = changed.body CROSS JOIN unnest(c.words) AS word(term)
        GROUP BY word.term HAVING sum(changed.sign) <> 0
    ), before AS (
        UPDATE frequencies f SET died = $2 FROM delta
        WHERE f.collection = $1 AND f.term = delta.term AND f.died IS NULL RETURNING f.term, f.chunks
    )
    INSERT INTO frequencies (collection, term, born, chunks)
    SELECT $1, term, $2, more + coalesce(before.chunks, 0) FROM delta LEFT JOIN before USING (term)
    WHERE more + coalesce(before.chunks, 0) > 0";

/// When what a transaction wrote has to be on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Durable {
    /// When it ends.
    Now,
    /// When one that waits for the disk ends.
    Later,
}

pub(super) async fn begin(session: &mut Session, durable: Durable) -> Result<(), IndexError> {
    let sql = match durable {
        // It touches every row of a document that changed, of which there may be many, after whoever does so now.
        Durable::Now => "BEGIN; SET LOCAL statement_timeout = '10min'; SET LOCAL lock_timeout = '10min'",
        Durable::Later => "BEGIN; SET LOCAL synchronous_commit = off",
    };
    session.batch(sql).await.map_err(fault)
}

/// Ends a transaction, one way or the other.
pub(super) async fn end<T>(session: &mut Session, done: Result<T, IndexError>) -> Result<T, IndexError> {
    match done {
        Ok(value) => session.batch("COMMIT").await.map_err(fault).map(|()| value),
        Err(error) => {
            // What cannot be rolled back has ended.
            drop(session.batch("ROLLBACK").await);
            Err(error)
        }
    }
}

/// Locks the collection and says which generation is current.
async fn lock(session: &mut Session, collection: i32) -> Result<u64, IndexError> {
    let sql = "SELECT number FROM collections WHERE id = $1 FOR UPDATE";
    let rows = session.query(sql, &[&collection]).await.map_err(fault)?;
    let row = rows.first().ok_or_else(|| IndexError::Damaged("the collection was deleted".to_owned()))?;
    Ok(row.get::<_, i64>(0).cast_unsigned())
}

/// Publishes what is staged.
pub(super) async fn publish(staging: &Staging, about: About) -> Result<Generation, IndexError> {
    let mut session = take(&staging.pool).await?;
    begin(&mut session, Durable::Now).await?;
    let done = replace(&mut session, staging, about).await;
    let generation = end(&mut session, done).await?;
    drop(session);
    clear(&staging.pool, staging.collection).await;
    Ok(generation)
}

async fn replace(session: &mut Session, staging: &Staging, about: About) -> Result<Generation, IndexError> {
    let current = lock(session, staging.collection).await?;
    if current != staging.from {
        return Err(IndexError::Overtaken(current));
    }
    let number = current + 1;
    let next = number.cast_signed();
    let everything = staging.base.is_none();
    let ended: Vec<&[u8]> = staging.ended.iter().map(|name| name.0.as_slice()).collect();
    let sql = "UPDATE documents SET died = $1 WHERE collection = $2 AND born IS NOT NULL AND died IS NULL
        AND ($3 OR name = ANY($4::bytea[]))";
    session.execute(sql, &[&next, &staging.collection, &everything, &ended]).await.map_err(fault)?;
    let sql = "UPDATE documents SET writer = NULL, born = $1 WHERE writer = $2";
    session.execute(sql, &[&next, &staging.writer]).await.map_err(fault)?;
    let sql = "DELETE FROM writers WHERE id = $1 AND steps = $2";
    if session.execute(sql, &[&staging.writer, &staging.steps]).await.map_err(fault)? == 0 {
        return Err(swept());
    }
    session.execute("DELETE FROM remembered WHERE collection = $1", &[&staging.collection]).await.map_err(fault)?;
    let mut changes = about.changes;
    changes.extend(staging.earlier.iter().cloned());
    changes.truncate(CHANGES);
    let generation = Generation {
        number,
        published: OffsetDateTime::now_utc(),
        model: staging.model.clone(),
        counts: Counts::default(),
        sources: about.sources,
        changes,
        skipped: about.skipped,
        rolled_back_to: None,
    };
    let generation = enter(session, staging.collection, generation).await?;
    let sql = "UPDATE generations SET kept = false WHERE collection = $1 AND kept AND number NOT IN (
        SELECT number FROM generations WHERE collection = $1 AND kept ORDER BY number DESC LIMIT $2)";
    let keep = i64::try_from(about.keep.max(1)).unwrap_or(i64::MAX);
    session.execute(sql, &[&staging.collection, &keep]).await.map_err(fault)?;
    Ok(generation)
}

/// Counts what is in it, and makes it the current one.
async fn enter(session: &mut Session, collection: i32, mut generation: Generation) -> Result<Generation, IndexError> {
    let number = generation.number.cast_signed();
    let sql = "SELECT count(*), coalesce(sum(b.chunks), 0)::int8, coalesce(sum(b.words), 0)::int8
        FROM documents d JOIN bodies b ON b.id = d.body
        WHERE d.collection = $1 AND d.born IS NOT NULL AND d.died IS NULL";
    let rows = session.query(sql, &[&collection]).await.map_err(fault)?;
    let row = rows.first().ok_or_else(|| IndexError::Damaged("nothing was counted".to_owned()))?;
    let count = |column| row.get::<_, i64>(column).cast_unsigned();
    generation.counts = Counts { documents: count(0), chunks: count(1) };
    let (words, about) = (count(2).cast_signed(), json(&generation)?);
    session.execute(FREQUENCIES, &[&collection, &number]).await.map_err(fault)?;
    let sql = "INSERT INTO generations (collection, number, words, about) VALUES ($1, $2, $3, $4)";
    session.execute(sql, &[&collection, &number, &words, &about]).await.map_err(fault)?;
    let sql = "UPDATE collections SET number = $2 WHERE id = $1";
    session.execute(sql, &[&collection, &number]).await.map_err(fault)?;
    Ok(generation)
}

/// Publishes an earlier generation again.
pub(super) async fn rollback(pool: &Pool, collection: i32, to: Option<u64>) -> Result<Generation, IndexError> {
    let mut session = take(pool).await?;
    begin(&mut session, Durable::Now).await?;
    let done = bring_back(&mut session, collection, to).await;
    end(&mut session, done).await
}

async fn bring_back(session: &mut Session, collection: i32, to: Option<u64>) -> Result<Generation, IndexError> {
    let current = lock(session, collection).await?;
    let sql = "SELECT number, about FROM generations WHERE collection = $1 AND kept AND number < $2
        AND ($3::int8 IS NULL OR number = $3) ORDER BY number DESC LIMIT 1";
    // The current one is a kept one too: it can be asked for by its number.
    let (below, asked) = (if to.is_some() { current + 1 } else { current }, to.map(u64::cast_signed));
    let rows = session.query(sql, &[&collection, &below.cast_signed(), &asked]).await.map_err(fault)?;
    let Some(row) = rows.first() else {
        return Err(IndexError::NoGeneration(to.map_or_else(|| "before this".to_owned(), |to| to.to_string())));
    };
    let target: i64 = row.get(0);
    let (next, old): (i64, Generation) = ((current + 1).cast_signed(), parsed(row.get(1))?);
    let sql =
        "UPDATE documents SET died = $2 WHERE collection = $1 AND born IS NOT NULL AND died IS NULL AND born > $3";
    session.execute(sql, &[&collection, &next, &target]).await.map_err(fault)?;
    let sql = "INSERT INTO documents (collection, born, body, name, path, stamp, content, language, tags, day, entry)
        SELECT collection, $2::int8, body, name, path, stamp, content, language, tags, day, entry FROM documents
        WHERE collection = $1 AND born <= $3 AND died > $3 AND died <= $4";
    session.execute(sql, &[&collection, &next, &target, &current.cast_signed()]).await.map_err(fault)?;
    let generation = Generation {
        number: current + 1,
        published: OffsetDateTime::now_utc(),
        rolled_back_to: Some(old.number),
        ..old
    };
    enter(session, collection, generation).await
}

/// Lets go of the generations that are neither kept nor read, and of what only they had. That is no part of publishing:
/// where it fails, the next one does it.
async fn clear(pool: &Pool, collection: i32) {
    let cleared = async {
        let mut session = take(pool).await?;
        begin(&mut session, Durable::Later).await?;
        let done = sweep(&mut session, collection).await;
        end(&mut session, done).await
    };
    if let Err(error) = cleared.await {
        tracing::warn!(%error, "old generations are cleared away with the next refresh");
    }
}

async fn sweep(session: &mut Session, collection: i32) -> Result<(), IndexError> {
    session.batch("SET LOCAL statement_timeout = '10min'").await.map_err(fault)?;
    // Who reads one has a shared lock on it. Who comes while this goes on gets none, and asks again
    // what is current.
    let sql = "WITH old AS MATERIALIZED (SELECT number FROM generations WHERE collection = $1 AND NOT kept)
        SELECT number FROM old WHERE pg_try_advisory_xact_lock($2, (number & 2147483647)::int4)";
    let rows = session.query(sql, &[&collection, &pins::space(collection)]).await.map_err(fault)?;
    let gone: Vec<i64> = rows.iter().map(|row| row.get(0)).collect();
    let sql = "DELETE FROM generations WHERE collection = $1 AND number = ANY($2)";
    session.execute(sql, &[&collection, &gone]).await.map_err(fault)?;
    let sql = "DELETE FROM documents d WHERE d.collection = $1 AND d.died IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM generations g WHERE g.collection = $1 AND g.number >= d.born AND g.number < d.died)";
    session.execute(sql, &[&collection]).await.map_err(fault)?;
    let sql = "DELETE FROM frequencies WHERE collection = $1
        AND died <= (SELECT min(number) FROM generations WHERE collection = $1)";
    session.execute(sql, &[&collection]).await.map_err(fault)?;
    let sql =
        "DELETE FROM bodies b WHERE b.collection = $1 AND NOT EXISTS (SELECT 1 FROM documents d WHERE d.body = b.id)";
    session.execute(sql, &[&collection]).await.map_err(fault)?;
    Ok(())
}

/// What is said where vectors of one model meet those of another.
pub(super) fn describe(model: &Model) -> String {
    format!("{} ({} numbers)", model.name, model.dimensions)
}
