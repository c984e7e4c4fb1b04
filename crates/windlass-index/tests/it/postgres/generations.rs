//! What is published, what is read, and what happens in between.

use std::time::{Duration, Instant};

use tokio_postgres::{Client, NoTls};
use windlass_index::{About, IndexError, NewDocument};
use windlass_testkit::postgres::Server;

use super::*;
use crate::contract::{DIMENSIONS, Everything, about, begin, chunk, current, document, filter, found, publish};

/// Somebody else at the database.
async fn other(server: &Server) -> Client {
    let socket = server.socket_directory().display().to_string();
    let address = format!("host={socket} port={} user=postgres dbname=postgres", server.port());
    let (client, link) = tokio_postgres::connect(&address, NoTls).await.unwrap();
    tokio::spawn(link);
    client
}

/// Waits until that many of ours wait for a lock.
async fn waiting(client: &Client, count: i64) {
    let sql = "SELECT count(*) FROM pg_stat_activity
        WHERE application_name = 'windlass-knowledge' AND wait_event_type = 'Lock'";
    let deadline = Instant::now() + Duration::from_secs(30);
    while client.query_one(sql, &[]).await.unwrap().get::<_, i64>(0) != count {
        assert!(Instant::now() < deadline, "nobody waits");
        tokio::task::yield_now().await;
    }
}

/// How many rows are in each table of what was staged or published.
fn rows(server: &Server) -> Vec<String> {
    let tables = ["generations", "documents", "bodies", "chunks", "writers", "remembered"];
    let count = |table: &&str| format!("(SELECT count(*) FROM windlass_knowledge.{table})");
    let counts: Vec<_> = tables.iter().map(count).collect();
    server.sql("postgres", &format!("SELECT {}", counts.join(", "))).split('|').map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_breaks_in_the_middle_of_publishing_changes_nothing() {
    let Some(place) = database().await else { return };
    let index = place.open().await;
    let before = [document("a.md", &["first words"])];
    publish(&*index, before.clone()).await;
    let mut writer = begin(&*index).await;
    writer.put(document("a.md", &["second words"])).await.unwrap();
    writer.put(document("b.md", &["more words"])).await.unwrap();

    // The documents are moved over already when it comes to the generation itself.
    let client = other(&place.server).await;
    client.batch_execute("BEGIN; LOCK TABLE windlass_knowledge.generations IN EXCLUSIVE MODE").await.unwrap();
    let publishing = tokio::spawn(writer.publish(about()));
    waiting(&client, 1).await;
    let ours = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE application_name = 'windlass-knowledge' AND wait_event_type = 'Lock'";
    client.query(ours, &[]).await.unwrap();
    assert!(matches!(publishing.await.unwrap(), Err(IndexError::Unreachable(_))));
    client.batch_execute("ROLLBACK").await.unwrap();

    let snapshot = current(&*place.open().await).await;
    assert_eq!(snapshot.generation().number, 1);
    assert_eq!(Everything::of(&*snapshot).await, Everything::expected(&before));
    assert_eq!(index.generations().await.unwrap().len(), 1);
    let after = [document("c.md", &["third words"])];
    let mut writer = begin(&*index).await;
    writer.remove("a.md").await.unwrap();
    writer.put(after[0].clone()).await.unwrap();
    assert_eq!(writer.publish(about()).await.unwrap().number, 2);
    assert_eq!(Everything::of(&*current(&*index).await).await, Everything::expected(&after));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_of_the_server_costs_the_writer_and_nobody_else() {
    let Some(mut place) = database().await else { return };
    let index = place.open().await;
    let before = [document("a.md", &["first words"])];
    publish(&*index, before.clone()).await;
    let held = current(&*index).await;
    let mut writer = begin(&*index).await;
    writer.put(document("a.md", &["second words"])).await.unwrap();
    place.server.stop();
    assert!(matches!(writer.put(document("b.md", &["x"])).await, Err(IndexError::Unreachable(_))));
    assert!(matches!(held.document("a.md").await, Err(IndexError::Unreachable(_))));
    place.server.start_again();
    // What was staged is not promised to be there; half of it is not published.
    match writer.publish(about()).await {
        Ok(generation) => assert_eq!(generation.counts.documents, 1),
        Err(error) => {
            assert!(matches!(error, IndexError::Damaged(_) | IndexError::Unreachable(_)), "{error}");
            assert_eq!(Everything::of(&*current(&*index).await).await, Everything::expected(&before));
        }
    }
    assert_eq!(Everything::of(&*held).await, Everything::expected(&before));
    publish(&*index, [document("c.md", &["third words"])]).await;
    assert_eq!(found(&*current(&*index).await, "third").await, ["c.md:1"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_somebody_reads_is_not_dropped_and_what_nobody_reads_is() {
    let Some(place) = database().await else { return };
    let (reader, writer) = (place.open().await, place.open().await);
    let first = [document("a.md", &["words of round 0"]), document("b.md", &["stays"])];
    publish(&*writer, first.clone()).await;
    let held = current(&*reader).await;
    let keep_one = || About { keep: 1, ..about() };
    for round in 1..=3 {
        let mut next = begin(&*writer).await;
        next.put(document("a.md", &[&format!("words of round {round}")])).await.unwrap();
        next.publish(keep_one()).await.unwrap();
        assert_eq!(Everything::of(&*held).await, Everything::expected(&first), "round {round}");
    }
    assert_eq!(writer.generations().await.unwrap().len(), 1);
    assert!(matches!(writer.rollback(Some(1)).await, Err(IndexError::NoGeneration(_))));

    // The reader's process ends, and its connections with it.
    drop(held);
    drop(reader);
    let client = other(&place.server).await;
    let deadline = Instant::now() + Duration::from_secs(30);
    let shared = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 1 AND database <> 0";
    while client.query_one(shared, &[]).await.unwrap().get::<_, i64>(0) > 1 {
        assert!(Instant::now() < deadline, "it is still held");
        tokio::task::yield_now().await;
    }
    // The writer's own snapshot of the generation before lets go of it only when it sees the next, and not before its turn.
    let mine = "(SELECT id FROM windlass_knowledge.collections WHERE name LIKE 'it%')";
    let old = format!("SELECT count(*) FROM windlass_knowledge.generations WHERE collection = {mine} AND number < 5");
    while place.server.sql("postgres", &old) != "0" {
        assert!(Instant::now() < deadline, "generations that nobody reads are still there");
        begin(&*writer).await.publish(keep_one()).await.unwrap();
    }
    let kept = format!("SELECT count(*) FROM windlass_knowledge.documents WHERE collection = {mine}");
    assert_eq!(place.server.sql("postgres", &kept), "2");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_killed_writer_left_is_swept_a_day_later_and_not_published() {
    let Some(place) = database().await else { return };
    let index = place.open().await;
    publish(&*index, [document("a.md", &["first"])]).await;
    let before = rows(&place.server);
    let mut late = begin(&*index).await;
    late.put(document("late.md", &["too late"])).await.unwrap();
    assert_ne!(rows(&place.server), before);
    // One that works is not taken for dead.
    begin(&*index).await;
    late.put(document("later.md", &["too late"])).await.unwrap();
    place.server.sql("postgres", "UPDATE windlass_knowledge.writers SET seen = now() - interval '25 hours'");
    begin(&*index).await;
    assert!(matches!(late.put(document("x.md", &["x"])).await, Err(IndexError::Damaged(_))));
    assert!(matches!(late.publish(about()).await, Err(IndexError::Damaged(_))));
    let mut next = begin(&*index).await;
    next.remove("a.md").await.unwrap();
    next.put(document("a.md", &["first"])).await.unwrap();
    next.publish(About { keep: 1, ..about() }).await.unwrap();
    let bodies = "SELECT count(*) FROM windlass_knowledge.bodies WHERE text LIKE 'too late'";
    assert_eq!(place.server.sql("postgres", bodies), "0");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frequencies_are_those_that_counting_finds() {
    let Some(place) = database().await else { return };
    let index = place.open().await;
    publish(&*index, [document("a.md", &["one two", "two three"]), document("b.md", &["three four"])]).await;
    let mut writer = begin(&*index).await;
    writer.put(document("a.md", &["two"])).await.unwrap();
    let moved = document("c.md", &["three four"]).entry;
    writer.rename("b.md", moved).await.unwrap();
    writer.publish(about()).await.unwrap();
    index.rollback(Some(1)).await.unwrap();
    publish(&*index, [document("d.md", &["four five"])]).await;
    let wrong = "WITH counted AS (
            SELECT d.collection, g.number, w.term, count(*) AS chunks
            FROM windlass_knowledge.generations g
            JOIN windlass_knowledge.documents d ON d.collection = g.collection AND d.born <= g.number
                AND (d.died IS NULL OR d.died > g.number)
            JOIN windlass_knowledge.chunks c ON c.body = d.body CROSS JOIN unnest(c.words) AS w(term) GROUP BY 1, 2, 3
        ), known AS (
            SELECT f.collection, g.number, f.term, f.chunks FROM windlass_knowledge.generations g
            JOIN windlass_knowledge.frequencies f ON f.collection = g.collection AND f.born <= g.number
                AND (f.died IS NULL OR f.died > g.number)
        )
        SELECT count(*) FROM counted FULL JOIN known USING (collection, number, term)
        WHERE counted.chunks IS DISTINCT FROM known.chunks";
    assert_eq!(place.server.sql("postgres", wrong), "0");
    let all = "SELECT count(*) FROM windlass_knowledge.frequencies WHERE term = 'four'";
    assert_ne!(place.server.sql("postgres", all), "0");
}

/// Numbers that are the same every time.
fn numbers() -> impl FnMut(usize) -> usize {
    let mut state = 11_u64;
    move |end| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % end
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_best_are_those_that_scoring_every_chunk_finds() {
    let Some(place) = database().await else { return };
    let index = place.open().await;
    let mut number = numbers();
    // A few words are nearly everywhere, most are rare.
    let mut word = || {
        let size = 4_usize.pow(1 + number(6) as u32);
        format!("w{}", number(size))
    };
    let documents: Vec<_> = (0..30)
        .map(|nth| {
            let texts: Vec<_> = (0..100).map(|_| (0..12).map(|_| word()).collect::<Vec<_>>().join(" ")).collect();
            let chunks = texts.iter().zip(0..).map(|(text, nth)| chunk(nth * 2 + 1, &[], text)).collect();
            NewDocument { chunks, ..document(&format!("{nth:02}.md"), &[]) }
        })
        .collect();
    publish(&*index, documents.clone()).await;
    let snapshot = current(&*index).await;
    let texts: Vec<_> = documents.iter().flat_map(|document| &document.chunks).map(|chunk| &*chunk.text).collect();
    for words in ["w0", "w0 w1 w2 w3", "w1000 w0 w1", "w70 w80 w90 w1 w2", "w3999 w2222 w0", "nowhere w2", "nowhere"] {
        let expected = scores(&texts, words);
        for limit in [1, 10, 100, 3000] {
            let hits = snapshot.lexical(words, &filter(), limit).await.unwrap();
            assert_eq!(hits.len(), limit.min(expected.len()), "{words}, {limit}");
            for (hit, expected) in hits.iter().zip(&expected) {
                assert!((f64::from(hit.score) - expected).abs() < 1e-4, "{words}, {limit}: {} {expected}", hit.score);
            }
        }
    }
    assert_eq!(snapshot.nearest(&[1.0; DIMENSIONS], &filter(), 5000).await.unwrap().len(), 3000);
}

/// BM25 as it is written in books.
fn scores(texts: &[&str], words: &str) -> Vec<f64> {
    let count = |text: &str, word: &str| text.split(' ').filter(|other| *other == word).count() as f64;
    let all = texts.len() as f64;
    let average = texts.iter().map(|text| text.split(' ').count() as f64).sum::<f64>() / all;
    let idf: Vec<_> = words
        .split(' ')
        .map(|word| {
            let having = texts.iter().filter(|text| count(text, word) > 0.0).count() as f64;
            (word, (1.0 + (all - having + 0.5) / (having + 0.5)).ln())
        })
        .collect();
    let score = |text: &&str| {
        let length = text.split(' ').count() as f64;
        let part = |(word, idf): &(&str, f64)| {
            let often = count(text, word);
            idf * often * 2.2 / (often + 1.2 * (0.25 + 0.75 * length / average))
        };
        idf.iter().map(part).sum::<f64>()
    };
    let mut scores: Vec<_> = texts.iter().map(score).filter(|score| *score > 0.0).collect();
    scores.sort_by(|one, other| other.total_cmp(one));
    scores
}
