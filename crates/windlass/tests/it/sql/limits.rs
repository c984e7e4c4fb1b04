//! Large results, slow statements, many at once.

use std::{
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use windlass_testkit::process;

use super::{query, shop, start};
use crate::{
    house::eventually,
    wire::{Client, MODERN, text},
};

/// Statements that run there, besides the one that asks.
fn running(server: &windlass_testkit::postgres::Server, like: &str) -> usize {
    let counted = server.sql(
        "postgres",
        &format!(
            "select count(*) from pg_stat_activity where state = 'active' and query like '{like}' and pid <> pg_backend_pid()"
        ),
    );
    counted.trim().parse().unwrap()
}

#[test]
fn three_million_rows_are_cut_kept_and_ended_on_the_server() {
    let Some(server) = shop() else { return };
    let house = start(&server, "reader", "");
    let client = Client::new(house.addr(), MODERN);
    let resident = || process::rss_bytes(house.pid).unwrap();
    query(&client, "select 1");
    let before = resident();
    let rows = query(&client, "select n, n * 2 as twice from generate_series(1, 3000000) n");
    let structured = &rows["structuredContent"];
    assert_eq!((&structured["row_count"], &structured["truncated"]), (&json!(1000), &json!(true)), "{structured}");
    let read = structured["rows_read"].as_u64().unwrap();
    assert!((10_000..3_000_000).contains(&read), "{read}");
    assert!(text(&rows).contains("1000 rows, the most an answer may have"), "{}", text(&rows));
    eventually("the query is gone", || running(&server, "%generate_series%") == 0);
    assert!(resident() < before + (64 << 20), "{before} bytes became {}", resident());
    // The rest is behind the handle, and the connection works on.
    let handle = structured["handle"].as_str().unwrap();
    let page = client.call("search_output", json!({ "handle": handle, "pattern": "^\\[5000," }));
    assert!(text(&page).contains("[5000,10000]"), "{page}");
    assert_eq!(query(&client, "select count(*) from orders")["structuredContent"]["rows"], json!([[500]]));
}

#[test]
fn fewer_rows_come_where_fewer_are_asked_for() {
    let Some(server) = shop() else { return };
    let house = start(&server, "reader", "      max_bytes: 200B\n      max_kept: 0B\n");
    let client = Client::new(house.addr(), MODERN);
    let rows = client.call("execute_sql", json!({ "sql": "select id from orders order by id", "max_rows": 3 }));
    assert_eq!(rows["structuredContent"]["rows"], json!([[1], [2], [3]]), "{rows}");
    assert_eq!(rows["structuredContent"].get("handle"), None, "nothing is kept: {rows}");
    let rows = query(&client, "select id, at from orders order by id");
    assert!(text(&rows).contains("as many as an answer has room for"), "{rows}");
}

#[test]
fn slow_ones_end_in_their_time_and_delay_nobody() {
    let Some(server) = shop() else { return };
    let house = start(&server, "reader", "");
    let addr = house.addr();
    let fifty = |arguments: Value| -> Vec<_> {
        let call = |_| {
            let arguments = arguments.clone();
            thread::spawn(move || {
                let began = Instant::now();
                let ended = Client::new(addr, MODERN).call("execute_sql", arguments);
                (began.elapsed(), ended)
            })
        };
        (0..50).map(call).collect()
    };
    // Making connections is slow where nothing is optimised; what is asked here is how statements end.
    for warmed in fifty(json!({ "sql": "select pg_sleep(1)" })) {
        assert_eq!(warmed.join().unwrap().1["isError"], false);
    }
    let slow = fifty(json!({ "sql": "select pg_sleep(5)", "timeout": "1s" }));
    eventually("many of them sleep", || running(&server, "%pg_sleep%") >= 10);
    let client = Client::new(house.addr(), MODERN);
    let began = Instant::now();
    assert_eq!(query(&client, "select count(*) from customers")["structuredContent"]["rows"], json!([[50]]));
    let other = began.elapsed();
    for ended in slow {
        let (took, ended): (Duration, Value) = ended.join().unwrap();
        assert!(text(&ended).contains("ended on the server after 1."), "{ended}");
        assert!(took < Duration::from_secs(4), "{took:?}");
    }
    // None of those had ended by then: each had a second of its own.
    assert!(other < Duration::from_secs(1), "another's query took {other:?}");
    assert_eq!(running(&server, "%pg_sleep%"), 0);
}

#[test]
fn who_goes_away_leaves_nothing_running() {
    let Some(server) = shop() else { return };
    let house = start(&server, "reader", "");
    let addr = house.addr();
    let mut wire = crate::wire::Wire::connect(addr).unwrap();
    let client = Client::new(addr, MODERN);
    let arguments = json!({ "name": "execute_sql", "arguments": { "sql": "select pg_sleep(60)" } });
    let (headers, body) = client.request("tools/call", arguments);
    let mut all = vec![("content-type", "application/json")];
    all.extend(headers.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    wire.write("POST", "/mcp", &all, body.to_string().as_bytes()).unwrap();
    eventually("it sleeps", || running(&server, "%pg_sleep%") == 1);
    drop(wire);
    eventually("it is gone", || running(&server, "%pg_sleep%") == 0);
    assert!(house.is_running());
}
