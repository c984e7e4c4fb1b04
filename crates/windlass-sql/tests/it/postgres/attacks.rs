//! Nothing reads the statements before the engine does: what holds here holds without the guard.

use serde_json::json;
use windlass_sql::engine::EngineError;
use windlass_testkit::postgres::Server;

use super::{cell, read, reader, wait_for};

/// What there is to break. `app` owns it, and is no superuser.
const VICTIMS: &str = "
    create role guest login; grant pg_read_all_data to guest; create role app login; grant create on schema public to app; grant app to postgres;
    create extension dblink; create extension adminpack; create extension tablefunc;
    set role app;
    create table t (n int); insert into t values (1), (2);
    create sequence s;
    create materialized view mv as select count(*) from t;
    create function f_delete() returns int language plpgsql as $$ begin delete from t; return 1; end $$;
    create function f_stable() returns int language plpgsql stable as $$ begin delete from t; return 1; end $$;
    create function f_sql() returns setof t language sql as $$ delete from t returning n $$;
    create function f_owner() returns int language plpgsql security definer as
      $$ begin delete from t; return 1; end $$;
    create function f_mode() returns int language plpgsql as
      $$ begin set transaction read write; delete from t; return 1; end $$;
    create function f_config() returns int language plpgsql as
      $$ begin perform set_config('transaction_read_only', 'off', false); delete from t; return 1; end $$;
    create function f_any(q text) returns int language plpgsql as $$ begin execute q; return 1; end $$;
    create function g_any(q text) returns int language plpgsql stable as $$ begin execute q; return 1; end $$;
    create procedure p() language plpgsql as
      $$ begin commit; set transaction read write; delete from t; commit; end $$;
    create view v as select f_stable();
    create rule r as on insert to v do instead delete from t;
";

/// Everything that could have changed.
const STATE: &str = "
    select (select array_agg(n order by n) from t), (select last_value || is_called::text from s), (select count from mv),
      (select count(*) from pg_class), (select count(*) from pg_proc), (select count(*) from pg_extension),
      (select count(*) from pg_namespace), (select count(*) from pg_largeobject_metadata),
      (select array_agg(r order by oid) from pg_authid r), (select count(*) from pg_replication_slots),
      (select count(*) from pg_prepared_xacts), (select count(*) from pg_db_role_setting), (select count(*) from pg_database),
      (select count(*) from pg_replication_origin), (select count(*) from pg_description),
      (select array_agg(f order by f) from pg_ls_dir('.') f), (select md5(pg_read_file('postgresql.auto.conf'))),
      (select pg_conf_load_time()), (select count(*) from pg_stat_activity where application_name = 'bystander')";

/// One a line.
const ATTACKS: &str = include_str!("attacks.txt");

/// What a session must not have of another's.
const LEFT: &str = "select (select count(*) from pg_prepared_statements where from_sql) + (select count(*) from pg_cursors \
    where is_holdable) + (select count(*) from pg_listening_channels()) + (select count(*) from pg_locks where \
    locktype = 'advisory' and pid = pg_backend_pid()) + (select count(*) from pg_class where relpersistence = 't')";

async fn nothing_works(user: &str) {
    let Some(server) = Server::start() else { return };
    server.sql("postgres", VICTIMS);
    let directory = server.socket_directory();
    let mut bystander = reader(&server, user).await;
    let set = "select set_config('application_name', 'bystander', false)";
    // Refused, or undone: it is only one of ours while it runs.
    let _ = read(&mut *bystander, set).await;
    let before = server.sql("postgres", STATE);
    let mut connection = reader(&server, user).await;
    let attacks = ATTACKS.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    for attack in attacks.chain(["", "select 1\n) as _w\n; delete from t"]) {
        let attack = attack.replace("DIR", directory.to_str().unwrap()).replace("PORT", &server.port().to_string());
        // What is kept of the first time must not help the second.
        for _ in 0..2 {
            let done = read(&mut *connection, &attack).await;
            assert_eq!(server.sql("postgres", STATE), before, "{attack}: {done:?}");
            assert!(!directory.join("touched").exists(), "{attack}: {done:?}");
            if !connection.is_usable() {
                connection = reader(&server, user).await;
            }
            let session = "select current_setting('transaction_read_only'), current_setting('default_transaction_read_only'), \
                session_user::text, current_setting('statement_timeout')";
            let expected = json!([["on", "on", user, "1min"]]);
            assert_eq!(json!(read(&mut *connection, session).await.unwrap()), expected, "{attack}");
            assert_eq!(cell(read(&mut *connection, LEFT).await), 0, "{attack}: {done:?}");
        }
    }
    wait_for(&server, "select count(*) from pg_locks where locktype = 'advisory'", "0");
    assert!(read(&mut *bystander, "select 1").await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_superuser_changes_nothing() {
    nothing_works("postgres").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_changes_nothing() {
    nothing_works("app").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_changes_nothing() {
    nothing_works("guest").await;
}

#[tokio::test]
async fn nothing_is_read_outside_the_database() {
    let Some(server) = Server::start() else { return };
    server.sql(
        "postgres",
        "create extension adminpack; create extension dblink; create extension xml2; create role app login; 
        create role guest login",
    );
    for user in ["postgres", "app", "guest"] {
        for attack in [
            "select pg_read_file('/etc/passwd')",
            "select pg_catalog.pg_read_binary_file('/etc/passwd')",
            "select * from pg_ls_dir('/etc')",
            "select pg_stat_file('/etc/passwd')",
            "select pg_file_read('/etc/passwd', 0, 10)",
            "select set_config('role', 'none', true), query_to_xml('select pg_read_file(''/etc/passwd'')', true, true, '')",
            "select set_config('role', 'none', true), pg_read_file('/etc/passwd')",
            "select current_setting('role'), \"pg_read_file\"('/etc/passwd')",
            "select u&\"pg_re\\0061d_file\"('/etc/passwd')",
            "select lo_import('/etc/passwd')",
            "select lo_get(lo_import('/etc/passwd'))",
            "select * from pg_hba_file_rules()",
            "copy t from '/etc/passwd'",
            "select * from dblink('dbname=postgres', 'select 1') as x (n int)",
            "select xmlparse(document '<!DOCTYPE a [<!ENTITY e SYSTEM \"file:///etc/passwd\">]><a>&e;</a>')::text ~ 'root'",
        ] {
            let mut connection = reader(&server, user).await;
            let found = read(&mut *connection, attack).await;
            let harmless = found.as_ref().is_ok_and(|rows| json!(rows) == json!([[false]]));
            assert!(found.is_err() || harmless, "{user}: {attack}: {found:?}");
        }
    }
}

#[tokio::test]
async fn what_writes_is_refused_as_such() {
    let Some(server) = Server::start() else { return };
    server.sql("postgres", VICTIMS);
    let mut connection = reader(&server, "app").await;
    for attack in [
        "delete from t",
        "with x as (delete from t returning *) table x",
        "select nextval('s')",
        "select * from t for update",
        "commit",
        "explain analyze delete from t",
        "select * into new from t",
        "call p()",
        "select pg_reload_conf()",
    ] {
        let refused = read(&mut *connection, attack).await;
        assert!(matches!(refused, Err(EngineError::ReadOnly(_))), "{attack}: {refused:?}");
        assert!(connection.is_usable(), "{attack}");
    }
    let refused = read(&mut *connection, "select f_delete()").await;
    assert!(matches!(refused, Err(EngineError::ReadOnly(_))), "{refused:?}");
}
