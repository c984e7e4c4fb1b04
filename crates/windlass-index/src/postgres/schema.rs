//! The tables.
//!
//! A document's text and its chunks (`bodies`, `chunks`) never change once they are written. What is in a generation is
//! said by `documents` alone: a row is in all generations from the one in which it was born to the one in which it
//! died. So publishing touches rows of documents only, and those of `frequencies` (in how many chunks a word is) that
//! they change; a document that moves takes its body along. A row with a writer is not in any generation yet.

use super::{connect::Session, fault::fault};
use crate::IndexError;

/// What this program makes and reads.
const LAYOUT: i32 = 1;

/// `name` is the SHA-256 of the path: an index takes no value longer than a third of a page.
const TABLES: &str = "
    CREATE TABLE layout (version integer NOT NULL);
    CREATE TABLE collections (
        id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        name text NOT NULL UNIQUE,
        number bigint NOT NULL DEFAULT 0);
    CREATE TABLE generations (
        collection integer NOT NULL REFERENCES collections ON DELETE CASCADE,
        number bigint NOT NULL,
        kept boolean NOT NULL DEFAULT true,
        words bigint NOT NULL,
        about text NOT NULL,
        PRIMARY KEY (collection, number));
    CREATE TABLE writers (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        collection integer NOT NULL REFERENCES collections ON DELETE CASCADE,
        steps bigint NOT NULL DEFAULT 0,
        seen timestamptz NOT NULL DEFAULT now());
    CREATE TABLE bodies (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        collection integer NOT NULL REFERENCES collections ON DELETE CASCADE,
        chunks integer NOT NULL,
        words bigint NOT NULL,
        text text NOT NULL);
    CREATE TABLE chunks (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        collection integer NOT NULL REFERENCES collections ON DELETE CASCADE,
        body bigint NOT NULL REFERENCES bodies ON DELETE CASCADE,
        hash bytea NOT NULL,
        first_line integer NOT NULL,
        last_line integer NOT NULL,
        length integer NOT NULL,
        breadcrumb text NOT NULL,
        text text NOT NULL,
        words text[] NOT NULL,
        counts integer[] NOT NULL,
        embedding vector NOT NULL);
    CREATE INDEX chunks_body ON chunks (body);
    CREATE INDEX chunks_hash ON chunks (collection, hash);
    CREATE INDEX chunks_words ON chunks USING gin (words);
    CREATE TABLE frequencies (
        collection integer NOT NULL REFERENCES collections ON DELETE CASCADE,
        term text NOT NULL,
        born bigint NOT NULL,
        died bigint,
        chunks bigint NOT NULL,
        PRIMARY KEY (collection, term, born));
    CREATE INDEX frequencies_dead ON frequencies (collection, died) WHERE died IS NOT NULL;
    CREATE TABLE documents (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        collection integer NOT NULL REFERENCES collections ON DELETE CASCADE,
        writer bigint REFERENCES writers ON DELETE CASCADE,
        born bigint,
        died bigint,
        body bigint NOT NULL REFERENCES bodies,
        name bytea NOT NULL,
        path text NOT NULL,
        stamp text NOT NULL,
        content bytea NOT NULL,
        language text NOT NULL,
        tags text[] NOT NULL,
        day date,
        entry text NOT NULL,
        CHECK ((writer IS NULL) = (born IS NOT NULL)));
    CREATE UNIQUE INDEX documents_standing ON documents (collection, name) WHERE born IS NOT NULL AND died IS NULL;
    CREATE UNIQUE INDEX documents_staged ON documents (writer, name) WHERE writer IS NOT NULL;
    CREATE INDEX documents_born ON documents (collection, born) WHERE born IS NOT NULL;
    CREATE INDEX documents_dead ON documents (collection, died) WHERE died IS NOT NULL;
    CREATE INDEX documents_body ON documents (body);
    CREATE TABLE remembered (
        collection integer NOT NULL REFERENCES collections ON DELETE CASCADE,
        model text NOT NULL,
        hash bytea NOT NULL,
        embedding vector NOT NULL,
        PRIMARY KEY (collection, model, hash));";

/// Makes what is not there yet.
pub(super) async fn ensure(session: &mut Session) -> Result<(), IndexError> {
    if let Some(version) = version(session).await? {
        return fits(version);
    }
    session.batch("BEGIN").await.map_err(fault)?;
    let made = make(session).await;
    let end = if made.is_ok() { "COMMIT" } else { "ROLLBACK" };
    let ended = session.batch(end).await.map_err(fault);
    // What was set in a transaction that is rolled back was not set.
    let settled = session.settle().await.map_err(fault);
    made.and(ended).and(settled)
}

async fn version(session: &mut Session) -> Result<Option<i32>, IndexError> {
    // By the tables themselves: `to_regclass` may still remember what was not there before a lock was waited for.
    let sql = "SELECT 1 FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = 'windlass_knowledge' AND c.relname = 'layout'";
    if session.query(sql, &[]).await.map_err(fault)?.is_empty() {
        return Ok(None);
    }
    let rows = session.query("SELECT max(version) FROM windlass_knowledge.layout", &[]).await.map_err(fault)?;
    Ok(rows.first().and_then(|row| row.get(0)))
}

fn fits(version: i32) -> Result<(), IndexError> {
    if version == LAYOUT {
        return Ok(());
    }
    let why = format!("the tables in schema windlass_knowledge have layout {version}, this program knows {LAYOUT}");
    Err(IndexError::Invalid(why))
}

async fn make(session: &mut Session) -> Result<(), IndexError> {
    // Several processes may come first.
    session.batch("SELECT pg_advisory_xact_lock(1463373888)").await.map_err(fault)?;
    if let Some(version) = version(session).await? {
        return fits(version);
    }
    let encoding = session.query("SELECT current_setting('server_encoding')", &[]).await.map_err(fault)?;
    let encoding: String = encoding.first().map(|row| row.get(0)).unwrap_or_default();
    if encoding != "UTF8" {
        return Err(IndexError::Invalid(format!("the database has the encoding {encoding}, and UTF8 is needed")));
    }
    let installed = session.query("SELECT 1 FROM pg_extension WHERE extname = 'vector'", &[]).await.map_err(fault)?;
    if installed.is_empty() {
        session.batch("CREATE EXTENSION IF NOT EXISTS vector SCHEMA public").await.map_err(no_extension)?;
    }
    // Where it is there, nothing has to be allowed any more.
    let sql = "SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = 'windlass_knowledge'";
    if session.query(sql, &[]).await.map_err(fault)?.is_empty() {
        session.batch("CREATE SCHEMA windlass_knowledge").await.map_err(no_schema)?;
    }
    session.settle().await.map_err(fault)?;
    session.batch(TABLES).await.map_err(fault)?;
    session.execute("INSERT INTO layout (version) VALUES ($1)", &[&LAYOUT]).await.map_err(fault)?;
    Ok(())
}

fn no_extension(error: tokio_postgres::Error) -> IndexError {
    let how = "install pgvector on the server, and have somebody who may run CREATE EXTENSION vector in this database";
    IndexError::Unreachable(format!("the database has no pgvector: {} ({how})", said(&error)))
}

fn no_schema(error: tokio_postgres::Error) -> IndexError {
    let how = "have somebody who may run CREATE SCHEMA windlass_knowledge AUTHORIZATION, with the name of this login";
    IndexError::Unreachable(format!("the database has no schema windlass_knowledge: {} ({how})", said(&error)))
}

fn said(error: &tokio_postgres::Error) -> String {
    error.as_db_error().map_or_else(|| error.to_string(), |said| said.message().to_owned())
}
