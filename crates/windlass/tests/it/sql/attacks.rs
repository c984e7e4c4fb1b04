//! What a model could try, over the wire, with a login that could do it.

use std::fs;

use serde_json::json;

use super::{query, shop, start};
use crate::wire::{Client, MODERN, text};

/// Each changes something, or reads what is not the database's, where nothing holds it back.
const ATTACKS: [&str; 34] = [
    "delete from orders",
    "select 1; delete from orders",
    "select 1; commit; delete from orders",
    "commit; update orders set total = 0",
    "commit",
    "set transaction read write",
    "set session characteristics as transaction read write",
    "set default_transaction_read_only = off",
    "begin; delete from orders; commit",
    "with x as (delete from orders returning *) select * from x",
    "with x as (insert into customers values (999, 'x', null) returning *) select * from x",
    "select * into stolen from orders",
    "create table stolen as select * from orders",
    "copy orders to program 'touch /tmp/windlass-was-here'",
    "copy (select 1) to '/tmp/windlass-was-here'",
    "select lo_import('/etc/passwd')",
    "select lo_export(1, '/tmp/windlass-was-here')",
    "select pg_read_file('/etc/passwd')",
    "select pg_catalog.pg_read_file('/etc/passwd')",
    "select \"pg_read_file\"('/etc/passwd')",
    "select pg_ls_dir('/')",
    "select * from pg_stat_file('/etc/passwd')",
    "select * from dblink('dbname=shop', 'delete from orders returning 1') as t(a int)",
    "select * from orders for update",
    "select nextval('orders_id_seq')",
    "select setval('orders_id_seq', 1)",
    "select set_config('transaction_read_only', 'off', false)",
    "select query_to_xml('delete from orders', true, false, '')",
    "select wipe()",
    "explain analyze delete from orders",
    "do $$ begin delete from orders; end $$",
    "call wipe_all()",
    "select pg_terminate_backend(pid) from pg_stat_activity",
    "select * from pg_hba_file_rules",
];

const TRAPS: &str = "
create function wipe() returns int language sql volatile security definer as 'delete from orders; select 1';
create procedure wipe_all() language sql as 'delete from orders';
create extension if not exists dblink;
";

/// What an attack could leave for the next statement: settings, another role, locks, temporary tables.
const CLEAN: &str = "select current_setting('is_superuser'), session_user::text, current_setting('search_path'),
    (select count(*) from pg_locks where locktype = 'advisory'),
    (select count(*) from pg_class where relnamespace = pg_my_temp_schema())";

#[test]
fn nothing_changes_and_nothing_else_is_read_whoever_logs_in() {
    let Some(server) = shop() else { return };
    server.sql("shop", TRAPS);
    let state = || {
        server.sql(
            "shop",
            "select (select md5(string_agg(o::text, ',' order by id)) from orders o), (select count(*) from customers),
             (select count(*) from pg_class where relname = 'stolen'), (select last_value from orders_id_seq)",
        )
    };
    let before = state();
    for user in ["postgres", "writer"] {
        let house = start(&server, user, "      allow_writable_login: true\n");
        let client = Client::new(house.addr(), MODERN);
        for attack in ATTACKS {
            let tried = query(&client, attack);
            assert_eq!(tried["isError"], true, "{user}: {attack}: {tried}");
            assert!(!text(&tried).contains("root:"), "{user}: {attack}: {tried}");
            assert_eq!(state(), before, "{user}: {attack}");
        }
        // What comes after has a session as clean as before: what a new one would have.
        let clean = query(&client, CLEAN);
        let rows = &clean["structuredContent"]["rows"];
        assert_eq!(rows, &json!([["off", user, "\"$user\", public", 0, 0]]), "{clean}");
        house.stop();
    }
    assert!(!fs::exists("/tmp/windlass-was-here").unwrap());
}

#[test]
fn a_secret_reaches_no_answer() {
    let Some(server) = shop() else { return };
    let house = start(&server, "reader", "");
    let client = Client::new(house.addr(), MODERN);
    let asked = [
        query(&client, "select nothing"),
        client.call("list_tables", json!({})),
        client.rpc("resources/list", json!({})),
        house.get("/ready").json(),
    ];
    for answer in asked {
        assert!(!answer.to_string().contains("reader-secret"), "{answer}");
    }
    let (_, log) = house.stop();
    assert!(!log.contains("reader-secret"), "{log}");
}
