use serde_json::{Value, json};
use windlass_config::settings::SqlParameterKind as Kind;
use windlass_sql::engine::{Argument, EngineError, Query};
use windlass_testkit::postgres::Server;

use super::{argument, query, reader, run};

#[tokio::test]
async fn the_server_reads_a_value_as_what_it_needs() {
    let Some(server) = Server::start() else { return };
    server.sql(
        "postgres",
        "create type mood as enum ('sad', 'ok'); create domain small as int2; create domain tags as text[]",
    );
    let mut connection = reader(&server, "postgres").await;
    let array = |items, value| Argument { kind: Kind::Array, items: Some(items), value };
    let hostile = "'; drop table t; -- \" \\ $1 {},NULL é\u{1f600}";
    for (sql, argument, expected) in [
        (
            "select $1::uuid",
            argument(Kind::Uuid, json!("A0EEBC99-9c0b-4ef8-bb6d-6bb9bd380a11")),
            json!("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
        ),
        ("select $1::int8", argument(Kind::Integer, json!(9007199254740993_i64)), json!("9007199254740993")),
        ("select $1::small", argument(Kind::Integer, json!(7)), json!(7)),
        ("select $1::numeric", argument(Kind::Number, json!(0.1)), json!("0.1")),
        ("select $1::float8", argument(Kind::Number, json!(1e300)), json!(1e300)),
        ("select $1::bool", argument(Kind::Boolean, json!(false)), json!(false)),
        ("select $1::date", argument(Kind::Date, json!("2026-11-30")), json!("2026-11-30")),
        (
            "select $1::timestamptz",
            argument(Kind::Timestamp, json!("2026-11-30T12:00:00+02:00")),
            json!("2026-11-30T10:00:00Z"),
        ),
        ("select $1::mood", argument(Kind::String, json!("ok")), json!("ok")),
        ("select $1::text", argument(Kind::String, json!(hostile)), json!(hostile)),
        ("select $1", argument(Kind::String, json!(hostile)), json!(hostile)),
        ("select $1::text", argument(Kind::String, json!(null)), json!(null)),
        ("select $1::int4[]", array(Kind::Integer, json!([1, null, 3])), json!([1, null, 3])),
        (
            "select $1::text[]",
            array(Kind::String, json!([hostile, "", "NULL", null])),
            json!([hostile, "", "NULL", null]),
        ),
        ("select $1::tags", array(Kind::String, json!(["a"])), json!(["a"])),
        ("select $1::int4[]", array(Kind::Integer, json!([[1, 2], [3, 4]])), json!([[1, 2], [3, 4]])),
        (
            "select $1::jsonb[]",
            array(Kind::Json, json!([{"a": hostile}, [1], null])),
            json!([{"a": hostile}, [1], null]),
        ),
        ("select $1::jsonb", array(Kind::Integer, json!([1, 2])), json!([1, 2])),
        ("select $1::jsonb", argument(Kind::Json, json!({"a": [hostile, null]})), json!({"a": [hostile, null]})),
        ("select $1::jsonb", argument(Kind::Json, json!("text")), json!("text")),
        ("select $1::json", argument(Kind::Json, json!([1])), json!([1])),
        (
            "select count(*) from generate_series(1, 10) n where n = any($1)",
            array(Kind::Integer, json!([2, 3, 99])),
            json!(2),
        ),
        ("select 1 from generate_series(1, 3) limit $1", argument(Kind::Integer, json!(1)), json!(1)),
        ("select $1::interval", argument(Kind::String, json!("90 minutes")), json!("01:30:00")),
        ("select $1::int4range", argument(Kind::String, json!("[1,5]")), json!("[1,6)")),
    ] {
        // Once prepared, and once from what is kept.
        for _ in 0..2 {
            let arguments = [argument.clone()];
            let answer = run(&mut *connection, Query { arguments: &arguments, ..query(sql) }).await;
            let answer = answer.unwrap_or_else(|error| panic!("{sql} {argument:?}: {error:?}"));
            assert_eq!(answer.rows, [[expected.clone()]], "{sql} {argument:?}");
        }
    }
}

#[tokio::test]
async fn a_value_that_does_not_fit_is_the_statements_fault_and_nothing_else() {
    let Some(server) = Server::start() else { return };
    let mut connection = reader(&server, "postgres").await;
    for (value, code) in [(json!("x"), "22P02"), (json!("99999999999"), "22003"), (json!("1\u{0}"), "22021")] {
        for _ in 0..2 {
            let arguments = [argument(Kind::String, value.clone())];
            let failed = run(&mut *connection, Query { arguments: &arguments, ..query("select $1::int4") }).await;
            let Err(EngineError::Statement { code: found, .. }) = failed else { panic!("{failed:?}") };
            assert_eq!(found, code);
            assert!(connection.is_usable());
        }
    }
    let none: [Argument; 0] = [];
    let two = [argument(Kind::String, json!(1)), argument(Kind::String, Value::Null)];
    for arguments in [&none[..], &two] {
        for _ in 0..2 {
            let failed = run(&mut *connection, Query { arguments, ..query("select $1::int4") }).await;
            assert!(matches!(failed, Err(EngineError::Argument(_))), "{failed:?}");
        }
    }
    let good = [argument(Kind::Integer, json!(1))];
    assert!(run(&mut *connection, Query { arguments: &good, ..query("select $1::int4") }).await.is_ok());
}

#[tokio::test]
async fn a_statement_says_what_it_takes_and_gives_without_running() {
    let Some(server) = Server::start() else { return };
    server.sql("postgres", "create sequence s");
    let mut connection = reader(&server, "postgres").await;
    let shape =
        connection.describe("select nextval('s') as n, $1::int[] as a, x from generate_series(1, $2) x").await.unwrap();
    let columns: Vec<_> = shape.columns.iter().map(|column| (column.name.as_str(), column.kind.as_str())).collect();
    assert_eq!(shape.parameters, ["int4[]", "int4"]);
    assert_eq!(columns, [("n", "int8"), ("a", "int4[]"), ("x", "int4")]);
    assert_eq!(server.sql("postgres", "select is_called from s"), "f");
    let failed = connection.describe("select é, nope from pg_class").await;
    let Err(EngineError::Statement { code, position, .. }) = failed else { panic!("{failed:?}") };
    assert_eq!((code.as_str(), position), ("42703", Some(8)));
    assert!(connection.is_usable());
}
