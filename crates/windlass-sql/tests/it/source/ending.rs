use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use windlass_core::CancellationToken;
use windlass_sql::{
    engine::{Access, EngineError},
    source::{Limits, SourceError},
};
use windlass_testkit::{mariadb, postgres};

use super::{LONG, cell, limits, of_mariadb, of_postgres, run, source};

#[tokio::test]
async fn a_statement_that_is_cancelled_ends_at_once() {
    let Some(server) = mariadb::Server::start() else { return };
    let source = of_mariadb(&server, "");
    assert_eq!(cell(&source, "select 1").await, 1);
    let cancel = CancellationToken::new();
    let sleeping = run(&source, "select sleep(20)", Access::Read, Limits { cancel: cancel.clone(), ..limits(LONG) });
    let cancelling = async {
        while !server.sql("mysql", "show processlist").contains("sleep(20)") {
            tokio::task::yield_now().await;
        }
        cancel.cancel();
        Instant::now()
    };
    let (ended, asked) = tokio::join!(sleeping, cancelling);
    let error = ended.outcome.unwrap_err();
    assert!(matches!(error, SourceError::Engine(EngineError::Cancelled)), "{error:?}");
    assert!(asked.elapsed() < Duration::from_millis(1500), "{:?}", asked.elapsed());
}

#[tokio::test]
async fn statements_that_cannot_be_ended_are_bounded() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("shop.db");
    rusqlite::Connection::open(&file).unwrap().execute_batch("CREATE TABLE t (a)").unwrap();
    let source = source(&format!("{{kind: sqlite, file: '{}'}}", file.display()), "");
    // Looks for a long text in another, one place after the other, inside one step of SQLite.
    let stubborn = "SELECT instr(zeroblob(4000000), CAST(zeroblob(400000) || x'01' AS BLOB))";
    for given_up in 0..=4 {
        let ended = run(&source, stubborn, Access::Read, limits(Duration::from_millis(100))).await;
        match ended.outcome.unwrap_err() {
            SourceError::Engine(EngineError::Full(_)) if given_up == 4 => return,
            error => assert!(matches!(error, SourceError::Engine(EngineError::TimedOut)), "{given_up}: {error:?}"),
        }
    }
    panic!("there is no bound");
}

#[tokio::test]
async fn a_row_that_is_too_large_is_the_statements_fault_and_nobody_elses() {
    let Some(server) = postgres::Server::start() else { return };
    let source = of_postgres(&server, "");
    let ended = run(&source, "select repeat('x', 200000000)", Access::Read, limits(LONG)).await;
    let error = ended.outcome.unwrap_err();
    assert!(matches!(&error, SourceError::Engine(EngineError::Statement { .. })), "{error:?}");
    assert_eq!(cell(&source, "select 42").await, 42);
}

/// Ends the server under a statement.
#[tokio::test(flavor = "multi_thread")]
async fn whether_a_lost_change_was_made_is_not_known() {
    let Some(mut server) = postgres::Server::start() else { return };
    server.sql("postgres", "create table t (n int)");
    let source = of_postgres(&server, ", read_only: false");
    let writing = tokio::spawn(async move {
        let sql = "insert into t select 1 from pg_sleep(60)";
        run(&source, sql, Access::Write, limits(LONG)).await.outcome
    });
    let sleeping = "select count(*) from pg_stat_activity where wait_event = 'PgSleep'";
    while server.sql("postgres", sleeping) != "1" {
        assert!(!writing.is_finished());
        tokio::task::yield_now().await;
    }
    server.stop();
    let error = writing.await.unwrap().unwrap_err();
    assert!(matches!(error, SourceError::Engine(EngineError::Lost(_))), "{error:?}");
}

/// One that its server cannot end goes on computing there: nobody else may take its place meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_heed_keeps_its_place_until_it_ends() {
    let Some(server) = postgres::Server::start() else { return };
    let source = of_postgres(&server, ", pool: {max: 1}");
    let process = cell(&source, "select pg_backend_pid()").await.as_i64().unwrap();
    let process = Pid::from_raw(i32::try_from(process).unwrap()).unwrap();
    kill_process(process, Signal::STOP).unwrap();
    let ended = run(&source, "select 1", Access::Read, limits(Duration::from_millis(100))).await;
    assert!(matches!(ended.outcome, Err(SourceError::Engine(EngineError::TimedOut))), "{:?}", ended.outcome);
    let refused = run(&source, "select 1", Access::Read, limits(Duration::from_millis(100))).await;
    assert!(matches!(refused.outcome, Err(SourceError::Busy(1))), "{:?}", refused.outcome);
    kill_process(process, Signal::CONT).unwrap();
    assert_eq!(cell(&source, "select 42").await, 42);
}
