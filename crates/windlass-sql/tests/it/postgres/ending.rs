use std::{
    ops::ControlFlow,
    time::{Duration, Instant},
};

use serde_json::Value;
use windlass_sql::engine::{Access, Column, Engine, EngineError, Query, Rows, postgres::Postgres};
use windlass_testkit::{postgres::Server, process::rss_bytes};

use super::{Answer, RUNNING, at_port, cell, connect, password, query, read, reader, run, wait_for};

/// Counts, and keeps nothing.
#[derive(Default)]
struct Count(u64, Option<u64>);

impl Rows for Count {
    fn columns(&mut self, _: Vec<Column>) {}

    fn row(&mut self, _: Vec<Value>) -> ControlFlow<()> {
        self.0 += 1;
        if self.1 == Some(self.0) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

const MANY: &str = "select n, 'row ' || n as text from generate_series(1, 3000000) n";

#[tokio::test]
async fn three_million_rows_are_streamed() {
    let Some(server) = Server::start() else { return };
    let mut connection = reader(&server, "postgres").await;
    run(&mut *connection, query("select 1")).await.unwrap();
    let before = rss_bytes(std::process::id()).unwrap();
    let mut count = Count::default();
    connection.run(&query(MANY), &mut count).await.unwrap();
    assert_eq!(count.0, 3_000_000);
    let grown = rss_bytes(std::process::id()).unwrap().saturating_sub(before);
    assert!(grown < 16 << 20, "{grown} bytes more");
}

#[tokio::test]
async fn what_is_cut_is_ended_on_the_server() {
    let Some(server) = Server::start() else { return };
    let mut connection = reader(&server, "postgres").await;
    let pid = cell(read(&mut *connection, "select pg_backend_pid()").await);
    // A sort would have to be done first; this has its first row at once.
    let endless = "with recursive x as (select 1::int8 as n union all select n + 1 from x) select n from x";
    for sql in [MANY, endless, MANY, endless] {
        let begun = Instant::now();
        let mut count = Count(0, Some(100));
        connection.run(&query(sql), &mut count).await.unwrap();
        assert_eq!(count.0, 100);
        assert!(begun.elapsed() < Duration::from_secs(20));
        assert_eq!(server.sql("postgres", RUNNING), "0");
        assert!(connection.is_usable());
        assert_eq!(cell(read(&mut *connection, "select pg_backend_pid()").await), pid);
    }
    // The end comes by itself just then.
    for most in 1..=3 {
        let mut answer = Answer { most: Some(most), ..Answer::default() };
        connection.run(&query("select n from generate_series(1, 3) n"), &mut answer).await.unwrap();
        assert_eq!(answer.rows.len(), most);
        assert_eq!(cell(read(&mut *connection, "select pg_backend_pid()").await), pid);
    }
}

#[tokio::test]
async fn a_statement_is_ended_on_the_server_when_its_time_is_over() {
    let Some(server) = Server::start() else { return };
    let mut connection = reader(&server, "postgres").await;
    let pid = cell(read(&mut *connection, "select pg_backend_pid()").await);
    for sql in [
        "select pg_sleep(60)",
        "select pg_sleep(60)",
        "select count(*) from generate_series(1, 1e12)",
        "explain analyze select pg_sleep(60)",
        "select set_config('statement_timeout', '0', true), pg_sleep(60)",
    ] {
        let login = if sql.contains("set_config") { Some(guest(&server).await) } else { None };
        let mut login = login;
        let connection = login.as_mut().unwrap_or(&mut connection);
        let begun = Instant::now();
        let failed = run(&mut **connection, Query { timeout: Duration::from_millis(200), ..query(sql) }).await;
        assert!(matches!(failed, Err(EngineError::TimedOut)), "{sql}: {failed:?}");
        assert!(begun.elapsed() >= Duration::from_millis(200) && begun.elapsed() < Duration::from_secs(10));
        assert_eq!(server.sql("postgres", RUNNING), "0");
        assert!(connection.is_usable());
    }
    assert_eq!(cell(read(&mut *connection, "select pg_backend_pid()").await), pid);
}

async fn guest(server: &Server) -> Box<dyn windlass_sql::engine::Connection> {
    server.sql("postgres", "create role guest login");
    reader(server, "guest").await
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_ends_a_statement() {
    let Some(server) = Server::start() else { return };
    for access in [Access::Read, Access::Write] {
        let mut connection = connect(&server, "postgres", access).await;
        for _ in 0..3 {
            let canceller = connection.canceller();
            let work = tokio::spawn(async move {
                let ended = run(&mut *connection, Query { access, ..query("select pg_sleep(60)") }).await;
                (connection, ended)
            });
            wait_for(&server, RUNNING, "1");
            canceller.cancel().await.unwrap();
            let (back, ended) = work.await.unwrap();
            connection = back;
            assert!(matches!(ended, Err(EngineError::Cancelled)), "{ended:?}");
            assert!(connection.is_usable());
            assert_eq!(cell(read(&mut *connection, "select 1").await), 1);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_who_ends_a_statement_is_not_its_time() {
    let Some(server) = Server::start() else { return };
    let mut connection = reader(&server, "postgres").await;
    let work = tokio::spawn(async move {
        let ended = run(&mut *connection, query("select pg_sleep(60)")).await;
        (ended, connection.is_usable())
    });
    wait_for(&server, RUNNING, "1");
    server.sql("postgres", "select pg_cancel_backend(pid) from pg_stat_activity where application_name = 'windlass'");
    let (ended, usable) = work.await.unwrap();
    assert!(matches!(ended, Err(EngineError::Cancelled)), "{ended:?}");
    assert!(usable);
}

/// However close it is: what was meant for one statement never hits the next.
#[tokio::test(flavor = "multi_thread")]
async fn a_late_request_hits_nobody() {
    let Some(server) = Server::start() else { return };
    let mut connection = reader(&server, "postgres").await;
    let canceller = connection.canceller();
    for _ in 0..20 {
        canceller.cancel().await.unwrap();
    }
    let mut cancelled = 0;
    for round in 0..300 {
        let canceller = connection.canceller();
        let asking = tokio::spawn(async move { canceller.cancel().await });
        if round % 3 == 0 {
            tokio::task::yield_now().await;
        }
        // From what is over before it can be hit to what cannot be missed.
        let many = 1 << (round % 22);
        match read(&mut *connection, &format!("select count(*) from generate_series(1, {many})")).await {
            Ok(rows) => assert_eq!(rows[0][0], many),
            Err(EngineError::Cancelled) => cancelled += 1,
            Err(error) => panic!("{error:?}"),
        }
        asking.await.unwrap().unwrap();
        if !connection.is_usable() {
            connection = reader(&server, "postgres").await;
        }
        assert_eq!(cell(read(&mut *connection, "select 1").await), 1);
    }
    println!("{cancelled} of 300 were hit");
    assert!(cancelled > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_goes_away_in_the_middle_leaves_nothing_running() {
    let Some(server) = Server::start() else { return };
    for access in [Access::Read, Access::Write] {
        for sql in [
            "select pg_sleep(60)",
            "with recursive x as (select 1::int8 as n union all select n + 1 from x) select n from x",
        ] {
            // Once it is known, everything is sent at once. A session whose begin was already too slow is closed.
            let mut connection = loop {
                let mut connection = connect(&server, "postgres", access).await;
                let short = Query { access, timeout: Duration::from_millis(50), ..query(sql) };
                run(&mut *connection, short).await.unwrap_err();
                if connection.is_usable() {
                    break connection;
                }
            };
            let mut count = Count::default();
            let question = Query { access, ..query(sql) };
            let gone = tokio::time::timeout(Duration::from_millis(100), connection.run(&question, &mut count)).await;
            assert!(gone.is_err(), "{sql}");
            assert!(!connection.is_usable());
            assert!(matches!(read(&mut *connection, "select 1").await, Err(EngineError::Lost(_))));
            drop(connection);
            wait_for(&server, "select count(*) from pg_stat_activity where application_name = 'windlass'", "0");
        }
    }
}

#[tokio::test]
async fn a_row_that_is_too_large_is_refused_before_it_is_read() {
    let (Some(plain), Some(encrypted)) = (Server::start(), Server::start_tls()) else { return };
    for server in [plain, encrypted] {
        let engine = Postgres::new(at_port(&server, "postgres")).unwrap();
        let password = password(&server);
        for access in [Access::Read, Access::Write] {
            let mut connection = engine.connect(Some(&password), access).await.unwrap();
            let before = rss_bytes(std::process::id()).unwrap();
            let large = Query { access, ..query("select repeat('x', 200000000)") };
            let refused = run(&mut *connection, large).await;
            let Err(EngineError::Statement { message, .. }) = &refused else { panic!("{:?}", refused.is_ok()) };
            assert_eq!(message, "a row is larger than 64 MiB");
            let grown = rss_bytes(std::process::id()).unwrap().saturating_sub(before);
            assert!(grown < 16 << 20, "{grown} bytes more");
            assert!(!connection.is_usable());
        }
        // What is just as large as it may be passes.
        let mut connection = engine.connect(Some(&password), Access::Read).await.unwrap();
        assert_eq!(cell(read(&mut *connection, "select length(repeat('x', 200000000))").await), 200_000_000);
        let large = cell(read(&mut *connection, "select repeat('x', 60000000)").await);
        assert_eq!(large.as_str().map(str::len), Some(60_000_000));
    }
}

#[tokio::test]
async fn fifty_slow_statements_end_in_their_time() {
    let Some(server) = Server::start() else { return };
    let mut connections = Vec::new();
    for _ in 0..50 {
        connections.push(reader(&server, "postgres").await);
    }
    let mut other = reader(&server, "postgres").await;
    let begun = Instant::now();
    let slow = connections.iter_mut().map(|connection| {
        run(&mut **connection, Query { timeout: Duration::from_secs(1), ..query("select pg_sleep(5)") })
    });
    let (slow, quick) = futures::join!(futures::future::join_all(slow), async {
        let begun = Instant::now();
        read(&mut *other, "select 1").await.unwrap();
        begun.elapsed()
    });
    assert!(slow.iter().all(|ended| matches!(ended, Err(EngineError::TimedOut))), "{slow:?}");
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
    assert!(quick < Duration::from_secs(1), "{quick:?}");
    assert_eq!(server.sql("postgres", RUNNING), "0");
    assert!(connections.iter().all(|connection| connection.is_usable()));
}
