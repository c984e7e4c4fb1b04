use serde_json::{Value, json};
use windlass_config::settings::SqlParameterKind as Kind;
use windlass_sql::engine::{Access, Argument, Column, EngineError};

use super::{Place, Taken, ask, cell, read};

fn column(name: &str, kind: &str) -> Column {
    Column { name: name.to_owned(), kind: kind.to_owned() }
}

#[tokio::test]
async fn every_type_is_faithful() {
    let place = Place::new(
        "CREATE TABLE t (i INTEGER, big BIGINT, r REAL, n NUMERIC, s VARCHAR(20), b BLOB, yes BOOLEAN, d DATE, j JSON, u);
         INSERT INTO t VALUES (1, 9223372036854775807, 0.1, 1.50, 'naïve ☃', x'00ff', 1, '2026-11-30',
                               '{\"a\": [1, null, \"x\"]}', 9e999),
                              (NULL, -9007199254740992, -0.0, 3, '', x'', 0, 'soon', 'not json', 'text');",
    );
    let mut connection = place.connect(Access::Read).await;
    let taken = ask(connection.as_mut(), "SELECT *, i + 1 AS more, typeof(b) AS b FROM t").await.unwrap();
    let expected = [
        ("i", "integer"),
        ("big", "bigint"),
        ("r", "real"),
        ("n", "numeric"),
        ("s", "varchar(20)"),
        ("b", "blob"),
        ("yes", "boolean"),
        ("d", "date"),
        ("j", "json"),
        ("u", "real"),
        ("more", "integer"),
        ("b", "text"),
    ];
    assert_eq!(taken.columns.unwrap(), expected.map(|(name, kind)| column(name, kind)));
    let first = json!([
        1, "9223372036854775807", 0.1, 1.5, "naïve ☃", "\\x00ff", 1, "2026-11-30", {"a": [1, null, "x"]}, "Infinity", 2, "blob"
    ]);
    let second =
        json!([null, -9_007_199_254_740_992_i64, -0.0, 3, "", "\\x", 0, "soon", "not json", "text", null, "blob"]);
    assert_eq!(json!(taken.rows), json!([first, second]));
}

#[tokio::test]
async fn a_result_without_rows_still_has_columns() {
    let place = Place::orders();
    let mut connection = place.connect(Access::Read).await;
    let taken = ask(connection.as_mut(), "SELECT id, total * 2 AS twice FROM orders WHERE id > 9").await.unwrap();
    assert_eq!(taken.columns.unwrap(), [column("id", "integer"), column("twice", "")]);
    assert!(taken.rows.is_empty());
}

#[tokio::test]
async fn arguments_are_bound_and_never_text() {
    let place = Place::orders();
    let mut connection = place.connect(Access::Read).await;
    let argument = |kind, value| Argument { kind, items: None, value };
    let arguments = [
        argument(Kind::String, json!("'; DROP TABLE orders; --")),
        argument(Kind::Integer, json!(2)),
        argument(Kind::Array, json!([1, 3])),
        argument(Kind::Timestamp, json!("2026-11-30T12:00:00Z")),
        argument(Kind::Uuid, Value::Null),
        argument(Kind::Boolean, json!(true)),
    ];
    let sql =
        "SELECT ?1, ?2 + ?2, (SELECT group_concat(total) FROM orders WHERE id IN (SELECT value FROM json_each(?3))),
                      ?4, ?5 IS NULL, ?6";
    let mut taken = Taken::up_to(9);
    connection.run(&read(sql, &arguments), &mut taken).await.unwrap();
    let expected = json!([["'; DROP TABLE orders; --", 4, "10,30", "2026-11-30T12:00:00Z", 1, 1]]);
    assert_eq!(json!(taken.rows), expected);

    let shape = connection.describe(sql).await.unwrap();
    assert_eq!((shape.parameters.len(), shape.columns.len()), (6, 6));
    let error = connection.run(&read(sql, &arguments[..2]), &mut Taken::up_to(9)).await.unwrap_err();
    assert_eq!(error, EngineError::Argument("placeholders in the statement: 6, values given: 2".into()));
}

#[tokio::test]
async fn faults_are_told_with_their_place() {
    let place = Place::orders();
    let mut connection = place.connect(Access::Read).await;
    let error = ask(connection.as_mut(), "SELECT 'é', totl FROM orders").await.unwrap_err();
    let EngineError::Statement { message, code, position, .. } = error else { panic!("{error:?}") };
    assert_eq!((message.as_str(), code.as_str(), position), ("no such column: totl", "1", Some(13)));
    let described = connection.describe("SELEC 1").await.unwrap_err();
    assert!(matches!(described, EngineError::Statement { position: Some(1), .. }), "{described:?}");
    let refused = connection.describe("DELETE FROM orders").await.unwrap_err();
    assert!(matches!(refused, EngineError::ReadOnly(_)), "{refused:?}");
    // What came before a fault at run time is handed over.
    let mut taken = Taken::up_to(9);
    let sql = "SELECT abs(CASE id WHEN 3 THEN -9223372036854775807 - 1 ELSE id END) FROM orders ORDER BY id";
    let error = connection.run(&read(sql, &[]), &mut taken).await.unwrap_err();
    assert!(error.to_string().contains("overflow"), "{error}");
    assert_eq!(taken.rows.len(), 2);
}

#[tokio::test]
async fn the_schema_can_be_asked_for() {
    let place = Place::orders();
    let mut connection = place.connect(Access::Read).await;
    let questions = [
        ("SELECT count(*) FROM sqlite_schema WHERE type = 'table'", json!(2)),
        ("SELECT group_concat(name) FROM pragma_table_info('orders')", json!("id,total")),
        ("SELECT count(*) FROM pragma_table_xinfo('orders')", json!(2)),
        ("SELECT count(*) FROM pragma_index_list('orders')", json!(1)),
        ("SELECT count(*) FROM pragma_foreign_key_list('orders')", json!(0)),
        ("SELECT count(*) FROM pragma_table_list WHERE schema = 'main' AND name = 'large'", json!(1)),
        (
            "SELECT count(*) FROM sqlite_schema AS s, pragma_table_info(s.name) WHERE s.type IN ('table', 'view')",
            json!(5),
        ),
    ];
    for (question, answer) in questions {
        assert_eq!(cell(connection.as_mut(), question).await, answer, "{question}");
    }
}

#[tokio::test]
async fn a_plan_can_be_asked_for() {
    let place = Place::orders();
    let mut connection = place.connect(Access::Read).await;
    let plan = ask(connection.as_mut(), "EXPLAIN QUERY PLAN SELECT * FROM orders WHERE total = 10").await.unwrap();
    assert_eq!(plan.rows[0][3], json!("SEARCH orders USING COVERING INDEX by_total (total=?)"));
}

#[tokio::test]
async fn full_text_search_and_json_work_for_a_reader() {
    let place = Place::new(
        "CREATE VIRTUAL TABLE pages USING fts5(title, body);
         INSERT INTO pages VALUES ('Snow', 'white and cold'), ('Sand', 'yellow and hot');
         CREATE VIRTUAL TABLE boxes USING rtree(id, x0, x1);
         INSERT INTO boxes VALUES (1, 0, 10), (2, 20, 30);
         CREATE TABLE a_node (a);",
    );
    let before = place.files();
    let mut connection = place.connect(Access::Read).await;
    let found = "SELECT highlight(pages, 1, '[', ']') FROM pages WHERE pages MATCH 'cold'";
    assert_eq!(cell(connection.as_mut(), found).await, json!("white and [cold]"));
    assert_eq!(cell(connection.as_mut(), "SELECT id FROM boxes WHERE x0 > 15").await, json!(2));
    assert_eq!(cell(connection.as_mut(), "SELECT json_extract('{\"a\":[1,2]}', '$.a[1]')").await, json!(2));
    // What an R-tree compiles for itself is no way to write.
    for attack in ["INSERT INTO a_node VALUES (1)", "DELETE FROM boxes_node", "INSERT INTO boxes VALUES (3, 0, 0)"] {
        assert!(ask(connection.as_mut(), attack).await.is_err(), "{attack}");
    }
    assert_eq!(place.files(), before);
}
