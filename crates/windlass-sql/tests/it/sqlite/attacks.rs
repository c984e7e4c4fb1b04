use std::time::Duration;

use serde_json::json;
use windlass_sql::engine::{Access, EngineError, Query};

use super::{Place, Taken, ask, read, write};

/// Statements that would change something, reach something, or take too much. Each with what its refusal says.
const ATTACKS: &[(&str, &str)] = &[
    ("INSERT INTO orders VALUES (4, 40)", "INSERT into orders would change"),
    ("UPDATE orders SET total = 0", "UPDATE of orders would change"),
    ("DELETE FROM orders", "DELETE from orders would change"),
    ("WITH x AS (SELECT 1) DELETE FROM orders", "DELETE from orders would change"),
    ("WITH x AS (DELETE FROM orders RETURNING *) SELECT * FROM x", "near \"DELETE\""),
    ("INSERT INTO orders VALUES (4, 40) RETURNING id", "INSERT into orders would change"),
    ("REPLACE INTO orders VALUES (1, 0)", "would change"),
    ("CREATE TABLE t (a)", "would change"),
    ("CREATE TABLE t AS SELECT * FROM orders", "would change"),
    ("CREATE TEMP TABLE t (a)", "would change"),
    ("CREATE TEMP VIEW v AS SELECT 1", "would change"),
    ("CREATE TEMP TRIGGER x AFTER INSERT ON orders BEGIN SELECT 1; END", "would change"),
    ("CREATE VIRTUAL TABLE t USING fts5(a)", "would change"),
    ("CREATE INDEX i ON orders (total)", "would change"),
    ("DROP TABLE orders", "would change"),
    ("DROP VIEW large", "would change"),
    ("ALTER TABLE orders ADD COLUMN a", "would change"),
    ("REINDEX", "would change"),
    ("ANALYZE", "would change"),
    ("VACUUM", ""),
    ("VACUUM INTO 'FOLDER/copy.db'", ""),
    ("ATTACH 'FOLDER/other.db' AS other", "ATTACH is not allowed"),
    ("ATTACH ':memory:' AS other", "ATTACH is not allowed"),
    ("ATTACH 'file:FOLDER/other.db?mode=rwc' AS other", "ATTACH is not allowed"),
    ("DETACH main", "DETACH main is not allowed"),
    ("PRAGMA writable_schema = ON", "PRAGMA writable_schema is not allowed"),
    ("PRAGMA query_only = OFF", "PRAGMA query_only is not allowed"),
    ("PRAGMA journal_mode = WAL", "PRAGMA journal_mode is not allowed"),
    ("PRAGMA user_version = 7", "PRAGMA user_version is not allowed"),
    ("PRAGMA temp_store_directory = 'FOLDER'", "PRAGMA temp_store_directory is not allowed"),
    ("PRAGMA hard_heap_limit = 0", "PRAGMA hard_heap_limit is not allowed"),
    ("PRAGMA database_list", "PRAGMA database_list is not allowed"),
    ("PRAGMA page_size = 512", "PRAGMA page_size is not allowed"),
    ("SELECT * FROM pragma_database_list", "PRAGMA database_list is not allowed"),
    ("SELECT * FROM pragma_integrity_check", ""),
    ("SELECT * FROM pragma_user_version(7)", ""),
    ("BEGIN", "BEGIN, COMMIT or ROLLBACK is not allowed"),
    ("BEGIN IMMEDIATE", "is not allowed"),
    ("COMMIT", "is not allowed"),
    ("ROLLBACK", "is not allowed"),
    ("SAVEPOINT x", "SAVEPOINT x is not allowed"),
    ("RELEASE x", "SAVEPOINT x is not allowed"),
    ("SELECT load_extension('FOLDER/evil.so')", "load_extension is not allowed"),
    ("SELECT load_extension('FOLDER/evil.so', 'main')", "load_extension is not allowed"),
    ("SELECT fts3_tokenizer('simple')", "fts3_tokenizer is not allowed"),
    ("SELECT fts3_tokenizer('simple', x'00')", "fts3_tokenizer is not allowed"),
    ("SELECT readfile('/etc/passwd')", ""),
    ("SELECT writefile('FOLDER/x', 'x')", ""),
    ("SELECT edit('x', 'sh')", ""),
    ("SELECT 1; DROP TABLE orders", "would change"),
    ("SELECT 1; SELECT 2", "only one statement"),
    ("SELECT 1 /* ; */; -- done\n; DELETE FROM orders", "would change"),
    ("SELECT 1\0; DELETE FROM orders", "NUL"),
    ("", "no statement"),
    (" -- nothing\n", "no statement"),
    ("EXPLAIN DELETE FROM orders", "would change"),
    ("SELECT zeroblob(2000000000)", "too big"),
    ("SELECT randomblob(2000000000)", "too big"),
    ("SELECT length(printf('%.*c', 2000000000, 'x'))", "too big"),
    ("SELECT replace(hex(zeroblob(4000000)), '00', '00000000')", "too big"),
    ("WITH RECURSIVE b(x) AS (SELECT 'x' UNION ALL SELECT x || x FROM b) SELECT max(length(x)) FROM b", "too big"),
    ("SELECT zeroblob(8000000), zeroblob(8000000)", "a row is too long"),
    ("SELECT 'x' LIKE hex(zeroblob(600))", "pattern too complex"),
    ("SELECT \"no_such_column\" FROM orders", "no such column"),
];

fn text(error: &EngineError) -> String {
    error.to_string()
}

#[tokio::test]
async fn attacks_are_refused_and_change_nothing() {
    let place = Place::orders();
    let before = place.files();
    let mut connection = place.connect(Access::Read).await;
    for (attack, expected) in ATTACKS {
        let attack = attack.replace("FOLDER", place.folder.path().to_str().unwrap());
        let error = ask(connection.as_mut(), &attack).await.expect_err(&attack);
        assert!(text(&error).contains(expected), "{attack}: {error}");
        let kind = matches!(error, EngineError::ReadOnly(_) | EngineError::Statement { .. });
        assert!(kind, "{attack}: {error:?}");
        // It can be used as before.
        assert!(connection.is_usable(), "{attack}");
        let left = ask(connection.as_mut(), "SELECT count(*), sum(total) FROM orders").await.unwrap();
        assert_eq!(left.rows, [[json!(3), json!(60)]], "{attack}");
        assert_eq!(place.files(), before, "{attack}");
    }
}

#[tokio::test]
async fn a_reader_cannot_be_talked_into_writing() {
    let place = Place::orders();
    let mut connection = place.connect(Access::Read).await;
    let refused = write(connection.as_mut(), "INSERT INTO orders VALUES (4, 40)").await.unwrap_err();
    assert_eq!(refused, EngineError::ReadOnly("this connection can only read".into()));
    // And a writer does not write in a query that reads.
    let mut connection = place.connect(Access::Write).await;
    let refused = ask(connection.as_mut(), "INSERT INTO orders VALUES (4, 40)").await.unwrap_err();
    assert!(matches!(refused, EngineError::ReadOnly(_)), "{refused:?}");
    assert_eq!(super::cell(connection.as_mut(), "SELECT count(*) FROM orders").await, json!(3));
}

#[tokio::test]
async fn a_writer_changes_rows_and_reaches_nothing_else() {
    let place = Place::orders();
    let mut connection = place.connect(Access::Write).await;
    let (ran, _) = write(connection.as_mut(), "INSERT INTO orders VALUES (4, 40), (5, 50)").await.unwrap();
    assert_eq!(ran.affected, Some(2));
    let (ran, taken) = write(connection.as_mut(), "DELETE FROM orders WHERE id > 3 RETURNING id").await.unwrap();
    assert_eq!((ran.affected, taken.rows), (Some(2), vec![vec![json!(4)], vec![json!(5)]]));
    let (ran, _) = write(connection.as_mut(), "CREATE TABLE more (a)").await.unwrap();
    assert_eq!(ran.affected, Some(0));
    let error = write(connection.as_mut(), "INSERT INTO orders VALUES (9, 9), (1, 1)").await.unwrap_err();
    assert!(text(&error).contains("UNIQUE"), "{error}");

    let before = place.files();
    for attack in [
        "ATTACH 'FOLDER/other.db' AS other",
        "VACUUM",
        "VACUUM INTO 'FOLDER/copy.db'",
        "PRAGMA writable_schema = ON",
        "PRAGMA journal_mode = OFF",
        "UPDATE sqlite_schema SET sql = 'x'",
        "DELETE FROM sqlite_schema",
        "CREATE TEMP TABLE t (a)",
        "CREATE VIRTUAL TABLE t USING fts5(a)",
        "BEGIN",
        "DELETE FROM orders; SELECT 1",
        "INSERT INTO orders VALUES (6, load_extension('x'))",
    ] {
        let attack = attack.replace("FOLDER", place.folder.path().to_str().unwrap());
        let error = write(connection.as_mut(), &attack).await.expect_err(&attack);
        assert!(matches!(error, EngineError::Statement { .. }), "{attack}: {error:?}");
        assert_eq!(place.files(), before, "{attack}");
    }
}

#[tokio::test]
async fn what_a_writer_changed_stays_when_its_answer_is_cut() {
    let place = Place::orders();
    let mut connection = place.connect(Access::Write).await;
    let mut first = Taken::up_to(1);
    let sql = "UPDATE orders SET total = total + 1 RETURNING id";
    let query = Query { access: Access::Write, ..read(sql, &[]) };
    let ran = connection.run(&query, &mut first).await.unwrap();
    assert_eq!((ran.affected, first.rows.len()), (Some(3), 1));
    assert_eq!(super::cell(connection.as_mut(), "SELECT sum(total) FROM orders").await, json!(63));
}

#[tokio::test]
async fn deeply_nested_statements_are_refused_before_the_stack_ends() {
    let place = Place::orders();
    let mut connection = place.connect(Access::Read).await;
    let nested = [
        format!("SELECT {}1{}", "(".repeat(50_000), ")".repeat(50_000)),
        format!("SELECT {}1", "NOT ".repeat(50_000)),
        format!("SELECT {}1", "1 + ".repeat(50_000)),
        format!("SELECT * FROM {}orders{}", "(SELECT * FROM ".repeat(5_000), ")".repeat(5_000)),
        format!("SELECT 1{}", " UNION ALL SELECT 1".repeat(5_000)),
        format!("SELECT {}1{}", "abs(".repeat(5_000), ")".repeat(5_000)),
        format!("SELECT '{}'", "x".repeat(300_000)),
    ];
    for sql in nested {
        let begin = &sql[..30];
        let error = ask(connection.as_mut(), &sql).await.expect_err(begin);
        assert!(matches!(error, EngineError::Statement { .. }), "{begin}: {error:?}");
    }
    // As deep as allowed is walked to its end.
    let deep = format!("SELECT {}1", "1 + ".repeat(990));
    assert_eq!(super::cell(connection.as_mut(), &deep).await, json!(991));
}

#[tokio::test]
async fn sorting_takes_a_bounded_amount_of_memory_and_no_file() {
    let place = Place::orders();
    let mut connection = place.connect(Access::Read).await;
    let hog = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)
               SELECT i, printf('%*d', 4000000, i) AS junk FROM n ORDER BY junk LIMIT 990, 1";
    let error = ask(connection.as_mut(), hog).await.unwrap_err();
    assert!(matches!(&error, EngineError::Statement { hint: Some(hint), .. } if hint.contains("memory")), "{error:?}");
    assert_eq!(super::cell(connection.as_mut(), "SELECT count(*) FROM orders").await, json!(3));
}

#[tokio::test]
async fn a_hostile_schema_does_nothing_to_its_reader() {
    // A view that calls what only statements may call, and one that reads through a function of a virtual table.
    let place = Place::new(
        "CREATE TABLE t (a);
         INSERT INTO t VALUES (1);
         CREATE VIEW evil AS SELECT load_extension('/nowhere/evil.so') FROM t;
         CREATE VIEW pragmas AS SELECT * FROM pragma_database_list;
         CREATE VIEW endless AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n;",
    );
    let before = place.files();
    let mut connection = place.connect(Access::Read).await;
    for view in ["evil", "pragmas"] {
        let error = ask(connection.as_mut(), &format!("SELECT * FROM {view}")).await.expect_err(view);
        assert!(matches!(error, EngineError::Statement { .. }), "{view}: {error:?}");
    }
    let query = Query { timeout: Duration::from_millis(200), ..read("SELECT * FROM endless", &[]) };
    let ended = connection.run(&query, &mut Taken::up_to(9)).await;
    assert_eq!(ended, Err(EngineError::TimedOut));
    assert_eq!(place.files(), before);
}
