use serde_json::{Value, json};
use windlass_config::settings::SqlParameterKind as Kind;
use windlass_sql::engine::{Access, Argument, Column, EngineError};

use super::{OWNER, READER, Seen, connect, query, read, shop, write};

/// Declaration, value, what it is called and what is seen.
fn columns() -> Vec<(&'static str, &'static str, &'static str, Value)> {
    vec![
        ("tinyint", "-128", "tinyint", json!(-128)),
        ("tinyint unsigned", "255", "tinyint unsigned", json!(255)),
        ("bool", "true", "tinyint", json!(1)),
        ("smallint", "-32768", "smallint", json!(-32768)),
        ("mediumint unsigned", "16777215", "mediumint unsigned", json!(16_777_215)),
        ("int", "-2147483648", "int", json!(-2_147_483_648_i64)),
        ("int unsigned", "4294967295", "int unsigned", json!(4_294_967_295_u64)),
        ("int(5) zerofill", "42", "int unsigned", json!(42)),
        ("bigint", "9007199254740992", "bigint", json!(9_007_199_254_740_992_i64)),
        ("bigint", "-9007199254740993", "bigint", json!("-9007199254740993")),
        ("bigint unsigned", "18446744073709551615", "bigint unsigned", json!("18446744073709551615")),
        ("decimal(30,10)", "12345678901234567890.0123456789", "decimal", json!("12345678901234567890.0123456789")),
        ("decimal(5,2) unsigned", "0", "decimal unsigned", json!("0.00")),
        ("float", "0.1", "float", json!(0.1)),
        ("double", "1e-300", "double", json!(1e-300)),
        ("bit(1)", "b'1'", "bit", json!(1)),
        (
            "bit(64)",
            "b'1111111111111111111111111111111111111111111111111111111111111111'",
            "bit",
            json!("18446744073709551615"),
        ),
        ("year", "2026", "year", json!(2026)),
        ("date", "'2026-11-30'", "date", json!("2026-11-30")),
        ("date", "'0000-00-00'", "date", json!("0000-00-00")),
        ("date", "'2026-00-00'", "date", json!("2026-00-00")),
        ("time", "'838:59:59'", "time", json!("838:59:59")),
        ("time(6)", "'-25:00:00.5'", "time", json!("-25:00:00.5")),
        ("time", "'00:00:00'", "time", json!("00:00:00")),
        ("datetime", "'2026-11-30 12:00:00'", "datetime", json!("2026-11-30T12:00:00")),
        ("datetime", "'2026-11-30 00:00:00'", "datetime", json!("2026-11-30T00:00:00")),
        ("datetime(6)", "'2026-11-30 12:00:00.123450'", "datetime", json!("2026-11-30T12:00:00.12345")),
        ("timestamp", "'2026-11-30 12:00:00'", "timestamp", json!("2026-11-30T11:00:00Z")),
        ("char(5)", "'ab'", "char", json!("ab")),
        ("varchar(50) character set latin1", "'größe'", "varchar", json!("größe")),
        ("varchar(50)", "'\u{1F600}\"\\\\ '", "varchar", json!("\u{1F600}\"\\ ")),
        ("varchar(5)", "''", "varchar", json!("")),
        ("tinytext", "'a'", "tinytext", json!("a")),
        ("text", "'b'", "text", json!("b")),
        ("mediumtext", "'c'", "mediumtext", json!("c")),
        ("longtext", "'d'", "longtext", json!("d")),
        ("binary(4)", "x'00ff10'", "binary", json!("\\x00ff1000")),
        ("varbinary(9)", "'ab'", "varbinary", json!("\\x6162")),
        ("tinyblob", "x'00'", "tinyblob", json!("\\x00")),
        ("blob", "''", "blob", json!("\\x")),
        ("mediumblob", "x'01'", "mediumblob", json!("\\x01")),
        ("longblob", "x'02'", "longblob", json!("\\x02")),
        ("enum('a','ö')", "'ö'", "enum", json!("ö")),
        ("set('a','b','c')", "'a,c'", "set", json!("a,c")),
        // MariaDB's JSON is a text with a check.
        ("json", "'{\"a\": 1}'", "longtext", json!("{\"a\": 1}")),
        ("uuid", "'123e4567-e89b-12d3-a456-426614174000'", "char", json!("123e4567-e89b-12d3-a456-426614174000")),
        ("inet6", "'2001:db8::1'", "char", json!("2001:db8::1")),
        ("inet4", "'192.0.2.1'", "char", json!("192.0.2.1")),
        ("point", "point(1.5,-2)", "geometry", json!("POINT(1.5 -2)")),
        ("point", "st_geomfromtext('POINT(1 2)', 4326)", "geometry", json!("SRID=4326;POINT(1 2)")),
        ("linestring", "st_geomfromtext('LINESTRING(0 0,1 1)')", "geometry", json!("LINESTRING(0 0,1 1)")),
        (
            "polygon",
            "st_geomfromtext('POLYGON((0 0,4 0,4 4,0 0),(1 1,2 1,2 2,1 1))')",
            "geometry",
            json!("POLYGON((0 0,4 0,4 4,0 0),(1 1,2 1,2 2,1 1))"),
        ),
        ("multipoint", "st_geomfromtext('MULTIPOINT(0 0,1 1)')", "geometry", json!("MULTIPOINT((0 0),(1 1))")),
        (
            "multilinestring",
            "st_geomfromtext('MULTILINESTRING((0 0,1 1),(2 2,3 3))')",
            "geometry",
            json!("MULTILINESTRING((0 0,1 1),(2 2,3 3))"),
        ),
        (
            "multipolygon",
            "st_geomfromtext('MULTIPOLYGON(((0 0,1 0,1 1,0 0)))')",
            "geometry",
            json!("MULTIPOLYGON(((0 0,1 0,1 1,0 0)))"),
        ),
        (
            "geometrycollection",
            "st_geomfromtext('GEOMETRYCOLLECTION(POINT(1 1),LINESTRING(0 0,1 1))')",
            "geometry",
            json!("GEOMETRYCOLLECTION(POINT(1 1),LINESTRING(0 0,1 1))"),
        ),
        ("int", "null", "int", Value::Null),
        ("varchar(5)", "null", "varchar", Value::Null),
    ]
}

#[tokio::test]
async fn every_type_is_seen_as_it_is() {
    let Some(server) = shop() else { return };
    let columns = columns();
    let declared: Vec<String> = columns.iter().enumerate().map(|(at, one)| format!("c{at} {} null", one.0)).collect();
    let values: Vec<&str> = columns.iter().map(|one| one.1).collect();
    // The timestamp is written at another time zone than it is read at.
    server.sql(
        "shop",
        &format!(
            "SET time_zone='+01:00', sql_mode=''; CREATE TABLE kinds({}); INSERT INTO kinds VALUES ({})",
            declared.join(", "),
            values.join(", ")
        ),
    );
    let mut connection = connect(&server, READER, Access::Read).await;
    let seen = read(&mut connection, "SELECT * FROM kinds").await.unwrap();
    for (at, (declared, value, kind, expected)) in columns.into_iter().enumerate() {
        assert_eq!((&seen.columns[at].kind[..], &seen.rows[0][at]), (kind, &expected), "{declared}: {value}");
    }
    let described = connection.describe("SELECT * FROM kinds WHERE c0 = ? AND c1 = ?").await.unwrap();
    assert_eq!(described.columns, seen.columns);
    assert_eq!(described.parameters, ["", ""]);
}

#[tokio::test]
async fn what_is_computed_is_seen_as_it_is() {
    let Some(server) = shop() else { return };
    let mut connection = connect(&server, READER, Access::Read).await;
    let seen = read(
        &mut connection,
        "SELECT 1.10, 1/3, 1e0, NULL, 'a', CONCAT(1,'b'), X'ff', CURRENT_TIMESTAMP > '2020-01-01', \
         CAST('12:00' AS TIME), COUNT(*), SUM(id), GROUP_CONCAT(name ORDER BY id), JSON_OBJECT('a', 1), 7 AS `a``\"b`, \
         7 AS `a``\"b` FROM goods",
    )
    .await
    .unwrap();
    let expected = json!([
        "1.10",
        "0.3333",
        1.0,
        null,
        "a",
        "1b",
        "\\xff",
        1,
        "12:00:00",
        3,
        "6",
        "anvil,rope,glue",
        "{\"a\": 1}",
        7,
        7
    ]);
    assert_eq!(Value::from(seen.rows[0].clone()), expected);
    let column = |at: usize| (&seen.columns[at].name[..], &seen.columns[at].kind[..]);
    assert_eq!([column(0), column(3)], [("1.10", "decimal"), ("NULL", "null")]);
    assert_eq!([column(13), column(14)], [("a`\"b", "int"), ("a`\"b", "int")]);
    assert_eq!(read(&mut connection, "SHOW TABLES").await.unwrap().rows, [[json!("goods")]]);
    assert!(!read(&mut connection, "EXPLAIN SELECT * FROM goods").await.unwrap().rows.is_empty());
    assert_eq!(read(&mut connection, "SHOW CREATE TABLE goods").await.unwrap().rows.len(), 1);
}

fn argument(kind: Kind, value: Value) -> Argument {
    Argument { kind, items: None, value }
}

#[tokio::test]
async fn values_arrive_as_what_they_are() {
    let Some(server) = shop() else { return };
    let mut connection = connect(&server, READER, Access::Read).await;
    let cases = [
        (Kind::String, json!("x' OR 1=1 -- \\"), "CONCAT(?)", json!("x' OR 1=1 -- \\")),
        (Kind::Integer, json!(i64::MIN), "? = -9223372036854775808", json!(1)),
        (Kind::Integer, json!(u64::MAX), "? = 18446744073709551615", json!(1)),
        (Kind::Number, json!(0.5), "? * 2", json!(1.0)),
        (Kind::Number, json!(3), "? = 3", json!(1)),
        (Kind::Boolean, json!(true), "IF(?, 'yes', 'no')", json!("yes")),
        (Kind::Date, json!("2026-11-30"), "? = DATE '2026-11-30'", json!(1)),
        (
            Kind::Timestamp,
            json!("2026-11-30T12:00:00.25+01:00"),
            "CAST(? AS DATETIME(6))",
            json!("2026-11-30T11:00:00.25"),
        ),
        (
            Kind::Uuid,
            json!("123e4567-e89b-12d3-a456-426614174000"),
            "CAST(? AS UUID)",
            json!("123e4567-e89b-12d3-a456-426614174000"),
        ),
        (Kind::Json, json!({"a": [1, null]}), "JSON_VALUE(?, '$.a[0]')", json!("1")),
        (Kind::Array, json!([1, 2]), "JSON_CONTAINS(?, '2')", json!(1)),
        (Kind::String, Value::Null, "? IS NULL", json!(1)),
    ];
    for (kind, value, expression, expected) in cases {
        let (sql, arguments) = (format!("SELECT {expression}"), [argument(kind, value.clone())]);
        let mut seen = Seen::default();
        let ran = connection.run(&query(&sql, &arguments, Access::Read), &mut seen).await;
        assert!(ran.is_ok(), "{sql} with {value}: {ran:?}");
        assert_eq!(seen.rows[0][0], expected, "{sql} with {value}");
    }
    let ids = [argument(Kind::Array, json!([1, 3]))];
    let mut seen = Seen::default();
    let sql =
        "SELECT name FROM goods JOIN JSON_TABLE(?, '$[*]' COLUMNS(n INT PATH '$')) AS wanted ON n = id ORDER BY id";
    connection.run(&query(sql, &ids, Access::Read), &mut seen).await.unwrap();
    assert_eq!(seen.rows, [[json!("anvil")], [json!("glue")]]);
    // Neither too few nor too many break the connection.
    for arguments in [vec![], vec![ids[0].clone(), ids[0].clone()]] {
        let error = connection.run(&query("SELECT ?", &arguments, Access::Read), &mut Seen::default()).await;
        assert!(matches!(error, Err(EngineError::Argument(_))), "{error:?}");
    }
    assert_eq!(read(&mut connection, "SELECT 1").await.unwrap().rows, [[json!(1)]]);
}

#[tokio::test]
async fn what_may_write_is_committed_when_it_succeeded_and_undone_when_not() {
    let Some(server) = shop() else { return };
    let mut connection = connect(&server, OWNER, Access::Write).await;
    let ran = write(&mut connection, "UPDATE goods SET name = 'rope!' WHERE id >= 2").await.unwrap();
    assert_eq!(ran.affected, Some(2));
    assert_eq!(server.sql("shop", "SELECT COUNT(*) FROM goods WHERE name='rope!'"), "2");
    // The second row is a duplicate; strictly, and without a transaction in MyISAM, the first would stay.
    let error = write(&mut connection, "INSERT INTO goods VALUES (4,'new'),(1,'again')").await.unwrap_err();
    assert!(matches!(&error, EngineError::Statement { code, .. } if code == "1062"), "{error:?}");
    assert_eq!(server.sql("shop", "SELECT COUNT(*) FROM goods"), "3");
    // What is too long is an error, whatever the server's own mode.
    server.sql("shop", "SET GLOBAL sql_mode=''");
    let long = format!("INSERT INTO goods VALUES (5,'{}')", "x".repeat(51));
    assert!(write(&mut connection, &long).await.is_err());
    // Rows nobody wants any more undo nothing.
    let mut seen = Seen { wanted: Some(1), ..Seen::default() };
    let sql = "INSERT INTO goods SELECT seq, 'many' FROM seq_10_to_20000 RETURNING id";
    connection.run(&query(sql, &[], Access::Write), &mut seen).await.unwrap();
    assert_eq!(server.sql("shop", "SELECT COUNT(*) FROM goods WHERE name='many'"), "19991");
    assert_eq!(seen.columns, [Column { name: "id".to_owned(), kind: "int".to_owned() }]);
    // It reads as well, and then it reads only.
    assert!(matches!(read(&mut connection, "DELETE FROM goods RETURNING id").await, Err(EngineError::ReadOnly(_))));
    assert_eq!(write(&mut connection, "CREATE TABLE made(n INT)").await.unwrap().affected, Some(0));
}
