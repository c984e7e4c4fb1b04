use std::{
    ops::ControlFlow,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use windlass_sql::engine::{Access, Column, EngineError, Query, Rows};

use super::{Place, Taken, ask, cell, engine, read, write};
use windlass_sql::engine::Engine;

const ENDLESS: &str = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";
const MILLIONS: &str =
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000000) SELECT i, 'row ' || i FROM n";

#[tokio::test]
async fn three_million_rows_are_cut_at_a_thousand() {
    let place = Place::orders();
    let mut connection = place.connect(Access::Read).await;
    let begun = Instant::now();
    let mut taken = Taken::up_to(1000);
    connection.run(&read(MILLIONS, &[]), &mut taken).await.unwrap();
    assert_eq!((taken.rows.len(), &taken.rows[999][0]), (1000, &json!(1000)));
    // All of them take a second or more; the rest was not computed.
    assert!(begun.elapsed() < Duration::from_millis(500), "{:?}", begun.elapsed());
    assert_eq!(cell(connection.as_mut(), "SELECT 1").await, json!(1));
}

/// Counts the rows and keeps none.
struct Count(u64);

impl Rows for Count {
    fn columns(&mut self, _columns: Vec<Column>) {}

    fn row(&mut self, _cells: Vec<Value>) -> ControlFlow<()> {
        self.0 += 1;
        ControlFlow::Continue(())
    }
}

#[tokio::test]
async fn three_million_rows_pass_in_little_memory() {
    let place = Place::orders();
    let mut connection = place.connect(Access::Read).await;
    let resident = || windlass_testkit::process::rss_bytes(std::process::id()).unwrap();
    let before = resident();
    let mut count = Count(0);
    connection.run(&read(MILLIONS, &[]), &mut count).await.unwrap();
    let grown = resident().saturating_sub(before);
    assert_eq!(count.0, 3_000_000);
    assert!(grown < 16 << 20, "grown by {grown} bytes");
}

#[tokio::test]
async fn a_runaway_query_is_ended_in_time() {
    let place = Place::orders();
    let mut connection = place.connect(Access::Read).await;
    let begun = Instant::now();
    let query = Query { timeout: Duration::from_millis(300), ..read(ENDLESS, &[]) };
    let ended = connection.run(&query, &mut Taken::up_to(9)).await;
    assert_eq!(ended, Err(EngineError::TimedOut));
    let took = begun.elapsed();
    assert!(took >= Duration::from_millis(300) && took < Duration::from_millis(900), "{took:?}");
    assert!(connection.is_usable());
    assert_eq!(cell(connection.as_mut(), "SELECT 1").await, json!(1));
}

#[tokio::test]
async fn a_query_is_cancelled_from_elsewhere_and_says_so() {
    let place = Place::orders();
    let mut connection = place.connect(Access::Read).await;
    let canceller = connection.canceller();
    // Where nothing runs it is harmless.
    canceller.cancel().await.unwrap();
    assert_eq!(cell(connection.as_mut(), "SELECT 1").await, json!(1));

    struct CancelAtFirst(tokio::sync::mpsc::UnboundedSender<()>);
    impl Rows for CancelAtFirst {
        fn columns(&mut self, _columns: Vec<Column>) {}
        fn row(&mut self, _cells: Vec<Value>) -> ControlFlow<()> {
            let _ = self.0.send(());
            ControlFlow::Continue(())
        }
    }
    let (running, mut begun) = tokio::sync::mpsc::unbounded_channel();
    let mut rows = CancelAtFirst(running);
    let sql = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n";
    let query = read(sql, &[]);
    let run = connection.run(&query, &mut rows);
    let cancel = async {
        begun.recv().await.unwrap();
        canceller.cancel().await.unwrap();
        Instant::now()
    };
    let (ended, asked) = tokio::join!(run, cancel);
    assert_eq!(ended, Err(EngineError::Cancelled));
    assert!(asked.elapsed() < Duration::from_millis(500), "{:?}", asked.elapsed());
    // The cancellation was for that query, not for the next.
    assert_eq!(cell(connection.as_mut(), "SELECT count(*) FROM orders").await, json!(3));
}

#[tokio::test]
async fn a_query_whose_caller_is_gone_stops() {
    let place = Place::orders();
    let mut connection = place.connect(Access::Read).await;
    let query = read(ENDLESS, &[]);
    let dropped = tokio::time::timeout(Duration::from_millis(100), async {
        let mut taken = Taken::up_to(9);
        connection.run(&query, &mut taken).await
    });
    assert!(dropped.await.is_err());
    let begun = Instant::now();
    assert_eq!(cell(connection.as_mut(), "SELECT 1").await, json!(1));
    assert!(begun.elapsed() < Duration::from_millis(500), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn one_slow_query_delays_no_other() {
    let place = Place::orders();
    let (mut slow, mut quick) = (place.connect(Access::Read).await, place.connect(Access::Read).await);
    let query = Query { timeout: Duration::from_millis(500), ..read(ENDLESS, &[]) };
    let mut taken = Taken::up_to(9);
    let begun = Instant::now();
    let others = async {
        for _ in 0..100 {
            cell(quick.as_mut(), "SELECT count(*) FROM orders").await;
        }
        begun.elapsed()
    };
    let (ended, took) = tokio::join!(slow.run(&query, &mut taken), others);
    assert_eq!(ended, Err(EngineError::TimedOut));
    assert!(took < Duration::from_millis(400), "{took:?}");
}

#[tokio::test]
async fn what_cannot_be_interrupted_is_given_up_and_bounded() {
    let place = Place::orders();
    let engine = engine(&place.file);
    // Looks for a long text in another, one place after the other, inside one step of SQLite.
    let stubborn = "SELECT instr(zeroblob(4000000), CAST(zeroblob(400000) || x'01' AS BLOB))";
    let query = Query { timeout: Duration::from_millis(100), ..read(stubborn, &[]) };
    let mut given_up = Vec::new();
    let refused = loop {
        let mut connection = match engine.connect(None, Access::Read).await {
            Ok(connection) => connection,
            Err(error) => break error,
        };
        let begun = Instant::now();
        let ended = connection.run(&query, &mut Taken::up_to(9)).await;
        assert_eq!(ended, Err(EngineError::TimedOut));
        assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
        assert!(!connection.is_usable());
        given_up.push(connection);
        assert!(given_up.len() <= 4, "there is a bound");
    };
    assert!(matches!(refused, EngineError::Full(_)), "{refused:?}");
}

#[tokio::test]
async fn a_change_that_cannot_be_ended_may_be_made() {
    let place = Place::orders();
    let mut connection = place.connect(Access::Write).await;
    let stubborn = "UPDATE orders SET total = instr(zeroblob(4000000), CAST(zeroblob(400000) || x'01' AS BLOB))";
    let query = Query { timeout: Duration::from_millis(100), access: Access::Write, ..read(stubborn, &[]) };
    let ended = connection.run(&query, &mut Taken::up_to(9)).await;
    assert!(matches!(ended, Err(EngineError::Lost(_))), "{ended:?}");
}

#[tokio::test]
async fn a_locked_database_is_waited_for_within_the_time_of_the_query() {
    let place = Place::orders();
    let mut connection = place.connect(Access::Write).await;
    let other = rusqlite::Connection::open(&place.file).unwrap();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let sql = "INSERT INTO orders VALUES (4, 40)";
    let query = Query { timeout: Duration::from_millis(200), access: Access::Write, ..read(sql, &[]) };
    let error = connection.run(&query, &mut Taken::up_to(9)).await.unwrap_err();
    assert!(
        matches!(&error, EngineError::Statement { hint: Some(hint), .. } if hint.contains("try again")),
        "{error:?}"
    );
    let unlock = async {
        tokio::task::yield_now().await;
        other.execute_batch("COMMIT").unwrap();
    };
    let (written, ()) = tokio::join!(write(connection.as_mut(), sql), unlock);
    assert_eq!(written.unwrap().0.affected, Some(1));
    assert_eq!(ask(connection.as_mut(), "SELECT * FROM victims").await.unwrap().rows, [[json!(4)]]);
}
