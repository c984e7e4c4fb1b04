use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use mysql_async::{OptsBuilder, prelude::Queryable};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use windlass_config::settings::TlsMode;
use windlass_core::SecretString;
use windlass_sql::engine::{Access, Address, Connection, Engine, EngineError, Query, Tls, mysql::Mysql};
use windlass_testkit::mariadb::Server;

use super::{LIMIT, OWNER, READER, Seen, address, cell, connect, query, read, shop, write};

const MILLIONS: &str = "SELECT seq, REPEAT('x', 100) FROM seq_1_to_3000000";

/// What others than this one are running.
fn running(server: &Server) -> String {
    server.sql(
        "mysql",
        "SELECT info FROM information_schema.processlist WHERE info IS NOT NULL AND id <> CONNECTION_ID()",
    )
}

async fn run_for(connection: &mut Box<dyn Connection>, sql: &str, timeout: Duration) -> (EngineError, Duration) {
    let begun = Instant::now();
    let query = Query { sql, arguments: &[], access: Access::Read, timeout };
    let error = connection.run(&query, &mut Seen::default()).await.unwrap_err();
    (error, begun.elapsed())
}

#[tokio::test]
async fn rows_nobody_wants_are_not_made() {
    let Some(server) = shop() else { return };
    let mut connection = connect(&server, READER, Access::Read).await;
    for wanted in [1, 10, 5000] {
        let mut seen = Seen { wanted: Some(wanted), ..Seen::default() };
        let begun = Instant::now();
        connection.run(&query(MILLIONS, &[], Access::Read), &mut seen).await.unwrap();
        println!("{wanted} of 3,000,000 rows: {:?}", begun.elapsed());
        assert_eq!(seen.rows.len(), wanted);
        assert_eq!(running(&server), "");
        // In step, and the `KILL` hits nothing else.
        assert_eq!(cell(&mut connection, "SELECT 42").await, 42);
    }
    assert!(connection.is_usable());
}

#[tokio::test]
async fn a_result_that_is_nearly_over_costs_no_second_connection() {
    let Some(server) = shop() else { return };
    let mut connection = connect(&server, READER, Access::Read).await;
    let connections = || server.sql("mysql", "SHOW GLOBAL STATUS LIKE 'Connections'");
    let before = connections();
    let mut seen = Seen { wanted: Some(2), ..Seen::default() };
    connection.run(&query("SELECT * FROM goods", &[], Access::Read), &mut seen).await.unwrap();
    let number = |text: &str| text.split_whitespace().last().unwrap().parse::<u64>().unwrap();
    // The one that asks.
    assert_eq!(number(&connections()), number(&before) + 1);
}

#[tokio::test]
async fn rows_are_read_as_they_come() {
    let Some(server) = shop() else { return };
    let mut connection = connect(&server, READER, Access::Read).await;
    struct Counted(u64);
    impl windlass_sql::engine::Rows for Counted {
        fn columns(&mut self, _: Vec<windlass_sql::engine::Column>) {}
        fn row(&mut self, _: Vec<serde_json::Value>) -> std::ops::ControlFlow<()> {
            self.0 += 1;
            std::ops::ControlFlow::Continue(())
        }
    }
    let mut counted = Counted(0);
    let before = windlass_testkit::process::rss_bytes(std::process::id()).unwrap();
    let begun = Instant::now();
    let sql = "SELECT seq, REPEAT('x', 200) FROM seq_1_to_300000";
    connection.run(&query(sql, &[], Access::Read), &mut counted).await.unwrap();
    let grown = windlass_testkit::process::rss_bytes(std::process::id()).unwrap().saturating_sub(before);
    println!("300,000 rows: {:?}, {} KiB more", begun.elapsed(), grown / 1024);
    assert_eq!(counted.0, 300_000);
    assert!(grown < 16 << 20, "{grown}");
}

#[tokio::test]
async fn what_takes_too_long_is_ended_on_the_server() {
    let Some(server) = shop() else { return };
    let mut connection = connect(&server, OWNER, Access::Read).await;
    let limit = Duration::from_millis(300);
    for sql in [
        "SELECT SLEEP(30)",
        "SELECT BENCHMARK(1000000000000, MD5('x'))",
        "SELECT COUNT(*) FROM seq_1_to_3000000 a, seq_1_to_3000000 b",
        MILLIONS_SLOWLY,
    ] {
        let (error, took) = run_for(&mut connection, sql, limit).await;
        println!("{sql}: {took:?}");
        assert_eq!(error, EngineError::TimedOut, "{sql}");
        assert!(took >= limit && took < Duration::from_secs(5), "{sql}: {took:?}");
        assert_eq!(running(&server), "", "{sql}");
        assert_eq!(cell(&mut connection, "SELECT 42").await, 42, "{sql}");
    }
}

#[tokio::test]
async fn who_lifts_the_limit_of_the_server_meets_ours() {
    let Some(server) = shop() else { return };
    let mut connection = connect(&server, OWNER, Access::Write).await;
    let sql = "SET STATEMENT max_statement_time=0 FOR UPDATE goods SET name = SLEEP(30)";
    let query = Query { timeout: Duration::from_millis(300), ..query(sql, &[], Access::Write) };
    let begun = Instant::now();
    assert_eq!(connection.run(&query, &mut Seen::default()).await.unwrap_err(), EngineError::TimedOut);
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    assert_eq!(running(&server), "");
    assert_eq!(server.sql("shop", "SELECT name FROM goods WHERE id=1"), "anvil");
    assert_eq!(cell(&mut connection, "SELECT 42").await, 42);
}

const MILLIONS_SLOWLY: &str = "SELECT SLEEP(0.01), seq FROM seq_1_to_3000000";

#[tokio::test]
async fn a_statement_that_waits_for_a_lock_is_ended_too() {
    let Some(server) = shop() else { return };
    let mut holder = connect(&server, OWNER, Access::Write).await;
    let mut waiter = connect(&server, OWNER, Access::Write).await;
    let cancel = holder.canceller();
    let holding = tokio::spawn(async move { write(&mut holder, "UPDATE goods SET name = SLEEP(30)").await });
    while !running(&server).contains("UPDATE") {
        tokio::task::yield_now().await;
    }
    let sql = "UPDATE goods SET name = 'mine'";
    let query = Query { timeout: Duration::from_secs(1), ..query(sql, &[], Access::Write) };
    let error = waiter.run(&query, &mut Seen::default()).await.unwrap_err();
    // Whichever of the two limits comes first.
    let lock = matches!(&error, EngineError::Statement { code, .. } if code == "1205");
    assert!(lock || error == EngineError::TimedOut, "{error:?}");
    cancel.cancel().await.unwrap();
    assert_eq!(holding.await.unwrap().unwrap_err(), EngineError::Cancelled);
    assert_eq!(server.sql("shop", "SELECT name FROM goods WHERE id=1"), "anvil");
}

#[tokio::test]
async fn what_is_cancelled_says_so_whatever_the_server_says() {
    let Some(server) = shop() else { return };
    for sql in ["SELECT SLEEP(30)", "SELECT COUNT(*) FROM seq_1_to_3000000 a, seq_1_to_3000000 b", MILLIONS_SLOWLY] {
        let mut connection = connect(&server, READER, Access::Read).await;
        let canceller = connection.canceller();
        let task = tokio::spawn(async move {
            let error = read(&mut connection, sql).await.unwrap_err();
            (connection, error)
        });
        let begun = Instant::now();
        while !running(&server).contains("seq_1_to") && !running(&server).contains("SLEEP") {
            assert!(begun.elapsed() < LIMIT);
            tokio::task::yield_now().await;
        }
        let asked = Instant::now();
        canceller.cancel().await.unwrap();
        let (mut connection, error) = task.await.unwrap();
        println!("{sql}: {:?}", asked.elapsed());
        assert_eq!(error, EngineError::Cancelled, "{sql}");
        assert_eq!(running(&server), "");
        // Nothing runs: nothing happens.
        canceller.cancel().await.unwrap();
        assert_eq!(cell(&mut connection, "SELECT 42").await, 42);
    }
}

#[tokio::test]
async fn a_kill_never_hits_the_next_statement() {
    let Some(server) = shop() else { return };
    let mut connection = connect(&server, READER, Access::Read).await;
    let mut cancelled = 0;
    for turn in 0..200_u64 {
        let canceller = connection.canceller();
        let cancel = tokio::spawn(async move {
            for _ in 0..turn % 40 {
                tokio::task::yield_now().await;
            }
            canceller.cancel().await
        });
        // Anywhere in the life of a short statement.
        let sql = format!("SELECT COUNT(*) FROM seq_1_to_{}", 1 + turn * 100);
        match read(&mut connection, &sql).await {
            Ok(seen) => assert_eq!(seen.rows[0][0], 1 + turn * 100),
            Err(error) => {
                assert_eq!(error, EngineError::Cancelled);
                cancelled += 1;
            }
        }
        cancel.await.unwrap().unwrap();
        assert_eq!(cell(&mut connection, "SELECT 42").await, 42, "turn {turn}");
    }
    println!("{cancelled} of 200 were cancelled");
    assert!(cancelled > 0);
}

#[tokio::test]
async fn a_run_that_is_dropped_leaves_nothing_running() {
    let Some(server) = shop() else { return };
    for sql in ["SELECT SLEEP(30)", MILLIONS_SLOWLY, "SELECT COUNT(*) FROM seq_1_to_3000000 a, seq_1_to_3000000 b"] {
        let mut connection = connect(&server, READER, Access::Read).await;
        let dropped = tokio::time::timeout(Duration::from_millis(300), read(&mut connection, sql)).await;
        assert!(dropped.is_err());
        assert!(!connection.is_usable());
        assert!(matches!(read(&mut connection, "SELECT 1").await, Err(EngineError::Lost(_))));
        let begun = Instant::now();
        while !running(&server).is_empty() {
            assert!(begun.elapsed() < Duration::from_secs(5), "{sql} still runs");
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn where_no_second_connection_is_left_the_first_is_given_up() {
    let Some(server) = shop() else { return };
    server.sql("mysql", &format!("ALTER USER {READER}@'127.0.0.1' WITH MAX_USER_CONNECTIONS 1"));
    let mut connection = connect(&server, READER, Access::Read).await;
    let mut seen = Seen { wanted: Some(10), ..Seen::default() };
    connection.run(&query(MILLIONS, &[], Access::Read), &mut seen).await.unwrap();
    assert_eq!(seen.rows.len(), 10, "what came is as good as ever");
    assert!(!connection.is_usable());
    let begun = Instant::now();
    while !running(&server).is_empty() {
        assert!(begun.elapsed() < Duration::from_secs(5), "it still runs");
        tokio::task::yield_now().await;
    }
}

/// A way to the server on which requests are counted: nobody says more before there is an answer.
async fn counting(server: &Server) -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (target, counted) = ((server.host(), server.port()), Arc::new(AtomicUsize::new(0)));
    let counter = Arc::clone(&counted);
    tokio::spawn(async move {
        let (mut requests, mut to_client) = listener.accept().await.unwrap().0.into_split();
        let (mut answers, mut to_server) = TcpStream::connect(target).await.unwrap().into_split();
        tokio::spawn(async move { tokio::io::copy(&mut answers, &mut to_client).await });
        let mut buffer = vec![0; 1 << 16];
        while let Ok(read @ 1..) = requests.read(&mut buffer).await {
            counter.fetch_add(1, Ordering::Relaxed);
            to_server.write_all(&buffer[..read]).await.unwrap();
        }
    });
    (port, counted)
}

#[tokio::test]
async fn round_trips_are_few() {
    let Some(server) = shop() else { return };
    let (port, counted) = counting(&server).await;
    let tls = Tls { mode: Some(TlsMode::Disable), ca: None };
    let engine = Mysql::new(Address { port, tls, ..address(&server, READER) }).unwrap();
    let password = SecretString::from(server.password());
    let mut connection = engine.connect(Some(&password), Access::Read).await.unwrap();
    let before = counted.load(Ordering::Relaxed);
    for _ in 0..100 {
        read(&mut connection, "SELECT name FROM goods WHERE id = 1").await.unwrap();
    }
    // What the session has to be, the statement prepared, run, and forgotten.
    assert_eq!(counted.load(Ordering::Relaxed) - before, 400);
}

#[tokio::test]
async fn what_was_not_seen_to_be_committed_is_not_told_as_done() {
    let Some(server) = shop() else { return };
    let password = SecretString::from(server.password());
    let hasty = Address { connect_timeout: Duration::from_secs(3), ..address(&server, OWNER) };
    let mut writer = Mysql::new(hasty).unwrap().connect(Some(&password), Access::Write).await.unwrap();
    let root = OptsBuilder::default().user(Some("root")).pass(Some(server.password())).tcp_port(server.port());
    let mut backup = mysql_async::Conn::new(root.ip_or_hostname(server.host()).prefer_socket(false)).await.unwrap();
    // Statements go on, and no commit does.
    for stage in ["START", "FLUSH", "BLOCK_DDL", "BLOCK_COMMIT"] {
        backup.query_drop(format!("BACKUP STAGE {stage}")).await.unwrap();
    }
    let unsure = write(&mut writer, "UPDATE goods SET name = 'new' WHERE id = 1").await;
    assert_eq!(unsure.unwrap_err(), EngineError::Lost("the commit was not confirmed".to_owned()));
    assert!(!writer.is_usable());
    backup.query_drop("BACKUP STAGE END").await.unwrap();
}

#[tokio::test]
async fn who_wants_no_more_rows_has_changed_all() {
    let Some(server) = shop() else { return };
    let mut connection = connect(&server, OWNER, Access::Write).await;
    let mut seen = Seen { wanted: Some(1), ..Seen::default() };
    let sql = "INSERT INTO goods SELECT seq, 'more' FROM seq_100_to_5099 RETURNING id";
    let ran = connection.run(&query(sql, &[], Access::Write), &mut seen).await.unwrap();
    assert_eq!((ran.affected, seen.rows.len()), (Some(5000), 1));
    assert_eq!(server.sql("shop", "SELECT COUNT(*) FROM goods"), "5003");
}

#[tokio::test]
async fn a_recursive_query_is_not_cut_in_silence() {
    let Some(server) = shop() else { return };
    let mut connection = connect(&server, READER, Access::Read).await;
    let sql = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000) SELECT COUNT(*) FROM n";
    for _ in 0..2 {
        assert_eq!(cell(&mut connection, sql).await, 3000);
    }
}
