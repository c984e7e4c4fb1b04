use serde_json::json;
use windlass_config::settings::SqlParameterKind as Kind;
use windlass_sql::engine::{Access, EngineError, Query, Ran};
use windlass_testkit::postgres::Server;

use super::{Answer, argument, cell, change, connect, query, read, reader, wait_for};

const TABLE: &str = "create table t (id serial primary key, tags text[], n numeric); \
    insert into t (tags, n) values ('{a}', 1.10), ('{b}', 2)";

#[tokio::test]
async fn what_succeeds_is_committed_and_counted() {
    let Some(server) = Server::start() else { return };
    server.sql("postgres", TABLE);
    let mut connection = connect(&server, "postgres", Access::Write).await;
    for (sql, affected, rows) in [
        ("insert into t (n) values (3), (4)", Some(2), json!([])),
        (
            "insert into t (tags, n) values ('{c,NULL}', 5.0) returning id, tags, n",
            Some(1),
            json!([[5, ["c", null], "5.0"]]),
        ),
        ("update t set n = n + 1 where id > 3", Some(2), json!([])),
        (
            "with old as (select max(id) as id from t) delete from t using old where t.id = old.id returning tags",
            Some(1),
            json!([[["c", null]]]),
        ),
        ("delete from t where id > 100", Some(0), json!([])),
        ("select count(*) from t", None, json!([[4]])),
        ("with x as (select array[1] as a) select a from x", None, json!([[[1]]])),
    ] {
        let (answer, ran) = change(&mut *connection, sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
        assert_eq!((ran, json!(answer.rows)), (Ran { affected }, rows), "{sql}");
        assert!(connection.is_usable(), "{sql}");
    }
    assert_eq!(server.sql("postgres", "select count(*), sum(n) from t"), "4|11.10");
    // What is kept of a statement does it again.
    for _ in 0..3 {
        let arguments = [argument(Kind::Number, json!(7))];
        let again = Query { arguments: &arguments, access: Access::Write, ..query("insert into t (n) values ($1)") };
        let ran = connection.run(&again, &mut Answer::default()).await.unwrap();
        assert_eq!(ran.affected, Some(1));
    }
    assert_eq!(server.sql("postgres", "select count(*) from t where n = 7"), "3");
}

#[tokio::test]
async fn what_fails_leaves_nothing() {
    let Some(server) = Server::start() else { return };
    server.sql("postgres", TABLE);
    server.sql("postgres", "create table late (n int unique deferrable initially deferred)");
    let mut connection = connect(&server, "postgres", Access::Write).await;
    for (sql, expected) in [
        ("insert into t (id) values (50), (1)", "23505"),
        ("update t set n = 1 / (id - 2)", "22012"),
        // Only the end shows it.
        ("insert into late values (1), (1)", "23505"),
        ("insert into nowhere values (1)", "42P01"),
        ("insert into t (n) values (1); delete from t", "42601"),
    ] {
        for _ in 0..2 {
            let failed = change(&mut *connection, sql).await;
            let Err(EngineError::Statement { code, .. }) = failed else { panic!("{sql}: {failed:?}") };
            assert_eq!(code, expected, "{sql}");
            assert!(connection.is_usable(), "{sql}");
        }
    }
    assert_eq!(server.sql("postgres", "select (select count(*) from t), (select count(*) from late)"), "2|0");
}

#[tokio::test]
async fn who_wants_no_more_rows_has_changed_all() {
    let Some(server) = Server::start() else { return };
    server.sql("postgres", TABLE);
    let mut connection = connect(&server, "postgres", Access::Write).await;
    let mut answer = Answer { most: Some(1), ..Answer::default() };
    let sql = "insert into t (n) select n from generate_series(1, 5000) n returning n";
    let ran = connection.run(&Query { access: Access::Write, ..query(sql) }, &mut answer).await.unwrap();
    assert_eq!((ran.affected, answer.rows.len()), (Some(5000), 1));
    assert_eq!(server.sql("postgres", "select count(*) from t"), "5002");
}

#[tokio::test]
async fn a_session_that_writes_still_reads_without_writing() {
    let Some(server) = Server::start() else { return };
    server.sql("postgres", TABLE);
    let mut connection = connect(&server, "postgres", Access::Write).await;
    for _ in 0..2 {
        assert!(matches!(read(&mut *connection, "delete from t").await, Err(EngineError::ReadOnly(_))));
        assert_eq!(cell(read(&mut *connection, "select count(*) from t").await), 2);
    }
    // And one that reads does not write, whatever is asked of it.
    let mut reading = reader(&server, "postgres").await;
    assert!(matches!(change(&mut *reading, "delete from t").await, Err(EngineError::ReadOnly(_))));
}

#[tokio::test]
async fn a_session_that_was_changed_serves_nobody_else() {
    let Some(server) = Server::start() else { return };
    server.sql("postgres", TABLE);
    for sql in [
        "set search_path = nowhere",
        "create temp table mine (n int)",
        "prepare x as select 1",
        "listen c",
        "vacuum",
        "select pg_advisory_lock(1)",
        "do $$ begin end $$",
        "copy t from stdin",
        "copy t to stdout",
    ] {
        let mut connection = connect(&server, "postgres", Access::Write).await;
        let done = change(&mut *connection, sql).await;
        assert!(!connection.is_usable(), "{sql}: {done:?}");
        if sql.starts_with("copy") {
            let Err(EngineError::Statement { message, hint: Some(hint), .. }) = done else { panic!("{sql}: {done:?}") };
            assert!(message.contains("not supported") && hint.contains("INSERT"), "{sql}: {message}");
        }
    }
}

/// What hides behind functions that were declared to only read, as whoever writes may make them.
const HIDDEN: &str = "create table child (id int references t); create role nobody;
    create function f_keys() returns text stable language sql as
      $$ select set_config('session_replication_role', 'replica', false) $$;
    create function f_path() returns text stable language sql as $$ select set_config('search_path', 'nowhere', false) $$;
    create function f_role() returns text stable language sql as $$ select set_config('role', 'nobody', false) $$;
    create function f_wait() returns text stable language sql as $$ select set_config('lock_timeout', '0', false) $$;
    create function f_lock() returns text stable language sql as $$ select pg_advisory_lock(1)::text $$;
    create view setting as select set_config('search_path', 'nowhere', false)";

#[tokio::test]
async fn nothing_that_was_set_reaches_who_comes_next() {
    let Some(server) = Server::start() else { return };
    server.sql("postgres", TABLE);
    server.sql("postgres", HIDDEN);
    for sql in ["select set_config('session_replication_role', 'replica', false)", "select * from setting"] {
        let mut connection = connect(&server, "postgres", Access::Write).await;
        change(&mut *connection, sql).await.unwrap();
        assert!(!connection.is_usable(), "{sql}");
    }
    let mut connection = connect(&server, "postgres", Access::Write).await;
    let settings = "select current_setting('session_replication_role'), current_setting('search_path'), current_user::text, \
        current_setting('lock_timeout')";
    for function in ["f_keys", "f_path", "f_role", "f_wait", "f_lock"] {
        change(&mut *connection, &format!("select {function}()")).await.unwrap();
        assert!(connection.is_usable(), "{function}");
        wait_for(&server, "select count(*) from pg_locks where locktype = 'advisory'", "0");
        let (found, _) = change(&mut *connection, settings).await.unwrap();
        assert_eq!(json!(found.rows), json!([["origin", "\"$user\", public", "postgres", "10s"]]), "{function}");
        let orphan = change(&mut *connection, "insert into child values (99)").await;
        assert!(
            matches!(&orphan, Err(EngineError::Statement { code, .. }) if code == "23503"),
            "{function}: {orphan:?}"
        );
    }
}
