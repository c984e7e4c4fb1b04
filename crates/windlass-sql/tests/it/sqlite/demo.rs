//! The demo database answers the questions it is there for.

#[path = "../../../src/bin/windlass-demo/shop.rs"]
mod shop;

use std::fs;

use serde_json::json;
use shop::Made;
use windlass_sql::engine::Access;

use super::{ask, cell, connect};

#[tokio::test]
async fn the_demo_database_has_answers() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("shop.db");
    assert_eq!(shop::make(&file).unwrap(), Made::New);
    let bytes = fs::read(&file).unwrap();
    assert!(bytes.len() < 1 << 20, "{} bytes", bytes.len());

    let mut connection = connect(&file, Access::Read).await.unwrap();
    let counts =
        "SELECT (SELECT count(*) FROM customers), (SELECT count(*) FROM products), (SELECT count(*) FROM orders)";
    assert_eq!(ask(connection.as_mut(), counts).await.unwrap().rows, [[json!(200), json!(60), json!(2000)]]);
    let best =
        "SELECT category, sum(revenue_cents) FROM sales WHERE month = '2026-03' GROUP BY category ORDER BY 2 DESC";
    let best = ask(connection.as_mut(), best).await.unwrap();
    assert_eq!((best.rows.len(), &best.rows[0][0]), (6, &json!("Garden")));
    let none = [
        "SELECT count(*) FROM (SELECT sum(quantity) AS there FROM stock_movements GROUP BY product_id) WHERE there < 0",
        "SELECT count(*) FROM orders AS o JOIN customers AS c ON c.id = o.customer_id WHERE joined_on > ordered_on",
        "SELECT count(*) FROM orders WHERE id NOT IN (SELECT order_id FROM order_items)",
        "SELECT count(*) - count(DISTINCT name) FROM customers",
        "SELECT count(*) FROM order_items AS i LEFT JOIN orders AS o ON o.id = i.order_id WHERE o.id IS NULL",
    ];
    for question in none {
        assert_eq!(cell(connection.as_mut(), question).await, json!(0), "{question}");
    }
}

#[test]
fn the_demo_database_is_the_same_each_time_and_made_once() {
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = (folder.path().join("one.db"), folder.path().join("two.db"));
    shop::make(&one).unwrap();
    shop::make(&two).unwrap();
    assert!(fs::read(&one).unwrap() == fs::read(&two).unwrap(), "the bytes are the same");
    assert_eq!(shop::make(&one).unwrap(), Made::AlreadyThere);

    // Of another version: made anew. Something else: left alone.
    rusqlite::Connection::open(&one).unwrap().pragma_update(None, "user_version", 0).unwrap();
    assert_eq!(shop::make(&one).unwrap(), Made::New);
    assert!(fs::read(&one).unwrap() == fs::read(&two).unwrap());
    rusqlite::Connection::open(&one).unwrap().pragma_update(None, "application_id", 0).unwrap();
    assert!(shop::make(&one).is_err());
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 2, "no draft is left");
}
