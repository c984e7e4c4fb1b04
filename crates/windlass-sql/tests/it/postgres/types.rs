use serde_json::{Value, json};
use windlass_testkit::postgres::Server;

use super::{query, read, reader, run};

/// Types of people's own, of extensions as well.
const MADE: &str = "
    create extension hstore; create extension citext;
    create type mood as enum ('sad', 'it''s \"ok\"');
    create type pair as (a int8, b numeric);
    create domain positive as int8 check (value > 0);
    create domain tags as text[];
    create table shown (m mood, p pair);
    insert into shown values ('sad', (9007199254740993, 1.10));
";

/// An expression, what its type is called, and what it is as JSON.
fn cells() -> Vec<(&'static str, &'static str, Value)> {
    vec![
        ("true", "bool", json!(true)),
        ("null::bool", "bool", json!(null)),
        ("null", "text", json!(null)),
        ("(-32768)::int2", "int2", json!(-32768)),
        ("2147483647", "int4", json!(2147483647)),
        ("9007199254740992", "int8", json!(9007199254740992_u64)),
        ("9007199254740993", "int8", json!("9007199254740993")),
        ("(-9223372036854775808)::int8", "int8", json!("-9223372036854775808")),
        ("4294967295::oid", "oid", json!(4294967295_u32)),
        ("0.1::float4", "float4", json!(0.1)),
        ("'nan'::float4", "float4", json!("NaN")),
        ("0.1::float8 + 0.2::float8", "float8", json!(0.30000000000000004)),
        ("'-infinity'::float8", "float8", json!("-Infinity")),
        ("1.10", "numeric", json!("1.10")),
        ("0.00", "numeric", json!("0.00")),
        ("-123456789012345678901234567890.0987654321", "numeric", json!("-123456789012345678901234567890.0987654321")),
        ("0.000000000000000000000001::numeric(30,26)", "numeric", json!("0.00000000000000000000000100")),
        ("10000::numeric", "numeric", json!("10000")),
        ("1e30::numeric", "numeric", json!("1000000000000000000000000000000")),
        ("'nan'::numeric", "numeric", json!("NaN")),
        ("'infinity'::numeric", "numeric", json!("Infinity")),
        ("'it''s é'", "text", json!("it's é")),
        ("'v'::varchar(5)", "varchar", json!("v")),
        ("'c'::char(3)", "bpchar", json!("c  ")),
        ("'x'::\"char\"", "char", json!("x")),
        ("'n'::name", "name", json!("n")),
        ("'Ci'::citext", "citext", json!("Ci")),
        ("'\\x00ff'::bytea", "bytea", json!("\\x00ff")),
        ("''::bytea", "bytea", json!("\\x")),
        ("'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid", "uuid", json!("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11")),
        ("'2026-11-30'::date", "date", json!("2026-11-30")),
        ("'0044-03-15 bc'::date", "date", json!("0044-03-15 BC")),
        ("'5874897-12-31'::date", "date", json!("5874897-12-31")),
        ("'infinity'::date", "date", json!("infinity")),
        ("'12:00:00.5'::time", "time", json!("12:00:00.5")),
        ("'24:00'::time", "time", json!("24:00:00")),
        ("'12:00+02'::timetz", "timetz", json!("12:00:00+02")),
        ("'2026-11-30 12:00:00.123456'::timestamp", "timestamp", json!("2026-11-30T12:00:00.123456")),
        ("'-infinity'::timestamp", "timestamp", json!("-infinity")),
        ("'2026-11-30 12:00:00+02'::timestamptz", "timestamptz", json!("2026-11-30T10:00:00Z")),
        ("'0044-03-15 12:00 bc'::timestamptz", "timestamptz", json!("0044-03-15T12:00:00Z BC")),
        ("'infinity'::timestamptz", "timestamptz", json!("infinity")),
        ("interval '1 year 2 mons 3 days 04:05:06.7'", "interval", json!("1 year 2 mons 3 days 04:05:06.7")),
        (
            "'{\"a\": [1, 1.10, 12345678901234567890, null, \"1e999\"]}'::json",
            "json",
            json!({"a": [1, 1.1, "12345678901234567890", null, "1e999"]}),
        ),
        ("'{\"b\": 0.1234567890123456789}'::jsonb", "jsonb", json!({"b": "0.1234567890123456789"})),
        ("'null'::jsonb", "jsonb", json!(null)),
        ("'\"text\"'::jsonb", "jsonb", json!("text")),
        ("array[1, null, 3]", "int4[]", json!([1, null, 3])),
        ("array[[1, 2], [3, 4]]", "int4[]", json!([[1, 2], [3, 4]])),
        ("'{}'::text[]", "text[]", json!([])),
        ("array['NULL', null, 'a,\"b\"']", "text[]", json!(["NULL", null, "a,\"b\""])),
        ("array[9007199254740993]", "int8[]", json!(["9007199254740993"])),
        ("array[1.10, 'nan']::numeric[]", "numeric[]", json!([1.1, "NaN"])),
        ("array['2026-11-30'::date]", "date[]", json!(["2026-11-30"])),
        ("array['\\x01'::bytea]", "bytea[]", json!(["\\x01"])),
        ("array['{\"a\": 1}'::jsonb]", "jsonb[]", json!([{"a": 1}])),
        ("'sad'::mood", "mood", json!("sad")),
        ("array['it''s \"ok\"'::mood]", "mood[]", json!(["it's \"ok\""])),
        ("row(1, 'x')", "record", json!({"f1": 1, "f2": "x"})),
        ("(select p from shown)", "pair", json!({"a": "9007199254740993", "b": 1.1})),
        ("array[(select p from shown)]", "pair[]", json!([{"a": "9007199254740993", "b": 1.1}])),
        ("7::positive", "int8", json!(7)),
        ("'{a,b}'::tags", "text[]", json!(["a", "b"])),
        ("int4range(1, 5)", "int4range", json!("[1,5)")),
        ("'empty'::int4range", "int4range", json!("empty")),
        ("numrange(1.10, null)", "numrange", json!("[1.10,)")),
        ("'{[1,3), [5,7)}'::int4multirange", "int4multirange", json!("{[1,3),[5,7)}")),
        ("'192.168.0.1/24'::inet", "inet", json!("192.168.0.1/24")),
        ("'10.0.0.0/8'::cidr", "cidr", json!("10.0.0.0/8")),
        ("'08:00:2b:01:02:03'::macaddr", "macaddr", json!("08:00:2b:01:02:03")),
        ("point(1, 2.5)", "point", json!("(1,2.5)")),
        ("'((0,0),(1,1))'::box", "box", json!("(1,1),(0,0)")),
        ("'<(1,2),3>'::circle", "circle", json!("<(1,2),3>")),
        ("'(0,0),(1,0),(1,1)'::polygon", "polygon", json!("((0,0),(1,0),(1,1))")),
        ("'<a>é</a>'::xml", "xml", json!("<a>é</a>")),
        ("B'101'", "bit", json!("101")),
        ("'1011'::varbit", "varbit", json!("1011")),
        ("12.5::money", "money", json!("$12.50")),
        ("to_tsvector('simple', 'a b')", "tsvector", json!("'a':1 'b':2")),
        ("'a & b'::tsquery", "tsquery", json!("'a' & 'b'")),
        ("'a=>1, b=>NULL'::hstore", "hstore", json!({"a": "1", "b": null})),
        ("'16/B374D848'::pg_lsn", "pg_lsn", json!("16/B374D848")),
        ("'(0,1)'::tid", "tid", json!("(0,1)")),
        ("'pg_class'::regclass", "regclass", json!("pg_class")),
        ("'$.a[*]'::jsonpath", "jsonpath", json!("$.\"a\"[*]")),
        ("'1 2'::int2vector", "int2vector", json!([1, 2])),
        ("pg_sleep(0)", "void", json!(null)),
    ]
}

#[tokio::test]
async fn every_type_is_faithful_json() {
    let Some(server) = Server::start() else { return };
    server.sql("postgres", MADE);
    let mut connection = reader(&server, "postgres").await;
    for (expression, kind, expected) in cells() {
        let answer = run(&mut *connection, query(&format!("select {expression} as x"))).await;
        let answer = answer.unwrap_or_else(|error| panic!("{expression}: {error:?}"));
        assert_eq!(answer.rows, [[expected]], "{expression}");
        assert_eq!((answer.columns[0].name.as_str(), answer.columns[0].kind.as_str()), ("x", kind), "{expression}");
    }
    // All at once, and more than once: also what is kept of a statement is right.
    let all: Vec<_> = cells().iter().map(|(expression, ..)| *expression).collect();
    let all = format!("select {}", all.join(", "));
    let expected: Vec<Value> = cells().into_iter().map(|(.., value)| value).collect();
    for _ in 0..3 {
        assert_eq!(read(&mut *connection, &all).await.unwrap(), std::slice::from_ref(&expected));
    }
}

#[tokio::test]
async fn columns_may_have_the_same_name_or_none() {
    let Some(server) = Server::start() else { return };
    let mut connection = reader(&server, "postgres").await;
    for (sql, names, row) in [
        ("select 1 as a, 2 as a, 3", vec!["a", "a", "?column?"], json!([1, 2, 3])),
        ("select array[1] as a, 2 as a, '{3}'::int[]", vec!["a", "a", "int4"], json!([[1], 2, [3]])),
        ("values (1, point(1,2))", vec!["column1", "column2"], json!([1, "(1,2)"])),
        (
            "with x as (select 1 as \"c1\", int4range(1,2) as \"Q\"\"q\") table x",
            vec!["c1", "Q\"q"],
            json!([1, "[1,2)"]),
        ),
        ("select 1 -- ; the end", vec!["?column?"], json!([1])),
        ("select 1 /* ; */ ; ", vec!["?column?"], json!([1])),
        ("select", vec![], json!([])),
        ("select ';' as \") as _w; drop table t; --\"", vec![") as _w; drop table t; --"], json!([";"])),
    ] {
        for _ in 0..2 {
            let answer = run(&mut *connection, query(sql)).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
            let found: Vec<_> = answer.columns.iter().map(|column| column.name.as_str()).collect();
            assert_eq!((found, json!(answer.rows)), (names.clone(), json!([row])), "{sql}");
        }
    }
    assert_eq!(
        read(&mut *connection, "select n from generate_series(3, 1, -1) n order by n desc").await.unwrap().len(),
        3
    );
}

#[tokio::test]
async fn what_is_no_query_and_reads_is_shown() {
    let Some(server) = Server::start() else { return };
    let mut connection = reader(&server, "postgres").await;
    for (sql, expected) in [
        ("show transaction_read_only", json!([["on"]])),
        ("-- which?\nSHOW standard_conforming_strings", json!([["on"]])),
        ("explain (costs off) select 1", json!([["Result"]])),
        (
            "explain (costs off, format json) select 1",
            json!([[[{"Plan": {
            "Node Type": "Result", "Parallel Aware": false, "Async Capable": false}}]]]),
        ),
    ] {
        assert_eq!(json!(read(&mut *connection, sql).await.unwrap()), expected, "{sql}");
        assert!(connection.is_usable(), "{sql}");
    }
}
