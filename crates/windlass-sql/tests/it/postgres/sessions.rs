use serde_json::json;
use windlass_sql::engine::EngineError;
use windlass_testkit::postgres::Server;

use super::{cell, read, reader, wait_for};

const PID: &str = "select pg_backend_pid()";

#[tokio::test]
async fn a_session_serves_one_statement_after_another() {
    let Some(server) = Server::start() else { return };
    server.sql(
        "postgres",
        "create role guest login; create table t as select 1 as n; grant select on t to guest;
        create function doubled(n int) returns int stable language sql as 'select 2 * n'",
    );
    let mut connection = reader(&server, "guest").await;
    let pid = cell(read(&mut *connection, PID).await);
    for sql in [
        "select * from t",
        "select random() is not null, clock_timestamp() is not null, gen_random_uuid() is not null",
        "select doubled(4)",
        "select set_config('search_path', 'nowhere', false)",
        "select pg_advisory_xact_lock(1)",
        "select 1 / 0",
        "nonsense",
        "delete from t",
        "select pg_total_relation_size('t')",
    ] {
        let _ = read(&mut *connection, sql).await;
        assert!(connection.is_usable(), "{sql}");
        assert_eq!(cell(read(&mut *connection, PID).await), pid, "{sql}");
    }
    assert_eq!(cell(read(&mut *connection, "select count(*) from pg_locks where locktype = 'advisory'").await), 0);
    assert_eq!(cell(read(&mut *connection, "show search_path").await), "\"$user\", public");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_with_something_left_in_it_is_closed() {
    let Some(server) = Server::start() else { return };
    server.sql(
        "postgres",
        "create role guest login;
        create function remember() returns int language plpgsql as
          $$ begin execute 'prepare x as select 1'; perform pg_advisory_lock(1); return 1; end $$;
        create function \"Odd name\"() returns int language sql volatile as 'select pg_advisory_lock(2); select 1';
        create view locking as select pg_try_advisory_lock(3); create view \"The view\" as select * from locking;
        create view harmless as select random(), set_config('a.b', 'c', true);
        grant select on locking, \"The view\", harmless to guest",
    );
    let mut connection = reader(&server, "guest").await;
    assert!(read(&mut *connection, "select * from harmless").await.is_ok() && connection.is_usable());
    for sql in [
        "select remember()",
        "select REMEMBER() from generate_series(1, 3) limit 1",
        "select \"Odd name\"()",
        "select 1 where remember() = 2",
        "select 1 / (remember() - 1)",
        "explain analyze select remember()",
        "select * from locking",
        "table \"The view\"",
    ] {
        let mut connection = reader(&server, "guest").await;
        let done = read(&mut *connection, sql).await;
        assert!(!connection.is_usable(), "{sql}: {done:?}");
        wait_for(&server, "select count(*) from pg_locks where locktype = 'advisory'", "0");
    }
    wait_for(&server, "select count(*) from pg_stat_activity where usename = 'guest'", "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn locks_that_no_statement_shows_end_with_it() {
    let Some(server) = Server::start() else { return };
    server.sql(
        "postgres",
        "create role guest login; create domain locking as int check (pg_try_advisory_lock(1));
        create function quiet() returns boolean stable language sql as 'select pg_try_advisory_lock(2)'",
    );
    let mut connection = reader(&server, "guest").await;
    let pid = cell(read(&mut *connection, PID).await);
    for sql in ["select 1::locking", "select quiet()", "select 1 / (1 - quiet()::int)"] {
        for _ in 0..2 {
            let _ = read(&mut *connection, sql).await;
            wait_for(&server, "select count(*) from pg_locks where locktype = 'advisory'", "0");
            assert_eq!(cell(read(&mut *connection, PID).await), pid, "{sql}");
        }
    }
}

#[tokio::test]
async fn what_acts_outside_the_transaction_is_refused_for_a_reader_as_well() {
    let Some(server) = Server::start() else { return };
    server.sql("postgres", "create role guest login; create extension dblink");
    let mut connection = reader(&server, "guest").await;
    let pid = cell(read(&mut *connection, PID).await);
    for sql in [
        "select pg_advisory_lock(1)",
        "select PG_TRY_ADVISORY_LOCK_SHARED(3)",
        "select query_to_xml('select 1', true, true, '')",
        "select setseed(0.5)",
        "select pg_notify('a', 'b')",
        "select pg_cancel_backend(1)",
        "select dblink_connect('host=db.example.com password=x')",
        "select u&\"pg_advisory\\005flock\"(1)",
        "explain analyze select pg_advisory_lock(4)",
    ] {
        let refused = read(&mut *connection, sql).await;
        assert!(matches!(refused, Err(EngineError::ReadOnly(_))), "{sql}: {refused:?}");
        assert_eq!(cell(read(&mut *connection, PID).await), pid, "{sql}");
    }
}

#[tokio::test]
async fn what_is_kept_of_a_statement_follows_the_table() {
    let Some(server) = Server::start() else { return };
    server.sql("postgres", "create table t as select 1 as n");
    let mut connection = reader(&server, "postgres").await;
    let sql = "select * from t";
    for _ in 0..8 {
        assert_eq!(json!(read(&mut *connection, sql).await.unwrap()), json!([[1]]));
    }
    server.sql("postgres", "alter table t add column m text default 'x'");
    assert_eq!(json!(read(&mut *connection, sql).await.unwrap()), json!([[1, "x"]]));
    server.sql("postgres", "alter table t alter column n type numeric(5, 2)");
    assert_eq!(json!(read(&mut *connection, sql).await.unwrap()), json!([["1.00", "x"]]));
    server.sql("postgres", "drop table t");
    assert!(read(&mut *connection, sql).await.is_err());
    server.sql("postgres", "create table t as select 2 as n");
    assert_eq!(json!(read(&mut *connection, sql).await.unwrap()), json!([[2]]));
}

#[tokio::test]
async fn a_connection_keeps_the_statements_that_were_used_last_and_no_more() {
    let Some(server) = Server::start() else { return };
    let mut connection = reader(&server, "postgres").await;
    for n in 0..300 {
        assert_eq!(cell(read(&mut *connection, &format!("select {n} as n")).await), n);
        // Used again and again.
        assert_eq!(cell(read(&mut *connection, "select 0 as n").await), 0);
    }
    let kept = cell(read(&mut *connection, "select count(*) from pg_prepared_statements").await).as_u64().unwrap();
    // What the driver keeps for itself is among them, and the statement that asks.
    assert!((250..=260).contains(&kept), "{kept}");
    for (n, kept) in [(0, 1), (1, 0), (299, 1)] {
        let like = format!("SELECT * FROM (_select {n} as n_)%");
        let sql = format!("select count(*) from pg_prepared_statements where statement like '{like}'");
        assert_eq!(cell(read(&mut *connection, &sql).await), kept, "select {n}");
    }
}

#[tokio::test]
async fn time_stands_still_in_a_statement_and_goes_on_between() {
    let Some(server) = Server::start() else { return };
    let mut connection = reader(&server, "postgres").await;
    let sql =
        "select now() = statement_timestamp() or now() > statement_timestamp() - interval '1 second', now()::text";
    let first = read(&mut *connection, sql).await.unwrap();
    let second = read(&mut *connection, sql).await.unwrap();
    assert_eq!(first[0][0], true);
    assert_ne!(first[0][1], second[0][1]);
}
