use serde_json::json;
use windlass_sql::engine::Access;

use super::{
    ask, connect,
    standin::{Answer, StandIn},
    tokens::{BIGINT, INT, NVARCHAR, bigint, columns, done, int, nvarchar, row},
};

/// A value whose length stands in one byte before it.
fn sized(bytes: &[u8]) -> Vec<u8> {
    [&[bytes.len() as u8], bytes].concat()
}

/// A value of unlimited length, in one piece.
fn long(bytes: &[u8]) -> Vec<u8> {
    let length = bytes.len() as u32;
    [&0xffff_ffff_ffff_fffe_u64.to_le_bytes()[..], &length.to_le_bytes(), bytes, &[0; 4]].concat()
}

fn wide(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// Name, how the type is written, a value, what it becomes, and what the type is called.
type Case = (&'static str, Vec<u8>, Vec<u8>, serde_json::Value, &'static str);

#[tokio::test]
async fn every_type_is_faithful() {
    let max = [&[0xe7, 0xff, 0xff][..], &NVARCHAR[3..]].concat();
    let day = 739_951_u32.to_le_bytes();
    let noon = 432_005_000_000_u64.to_le_bytes();
    let moment = [&noon[..5], &day[..3]].concat();
    let cases: Vec<Case> = vec![
        ("i", INT.to_vec(), int(-1), json!(-1), "int"),
        ("null", INT.to_vec(), vec![0], json!(null), "int"),
        ("tiny", vec![0x26, 1], vec![1, 255], json!(255), "tinyint"),
        ("small", vec![0x34], vec![0xfe, 0xff], json!(-2), "smallint"),
        ("big", BIGINT.to_vec(), bigint(i64::MAX), json!("9223372036854775807"), "bigint"),
        ("bit", vec![0x68, 1], vec![1, 1], json!(true), "bit"),
        ("real", vec![0x6d, 4], sized(&0.1_f32.to_le_bytes()), json!(0.1), "real"),
        ("float", vec![0x6d, 8], sized(&2.5_f64.to_le_bytes()), json!(2.5), "float"),
        // 12345.6789 of decimal(38, 4), negative.
        (
            "dec",
            vec![0x6a, 17, 38, 4],
            sized(&[&[0], &123_456_789_u128.to_le_bytes()[..]].concat()),
            json!("-12345.6789"),
            "decimal",
        ),
        ("money", vec![0x6e, 8], [&[8, 0, 0, 0, 0], &10_050_i32.to_le_bytes()[..]].concat(), json!("1.0050"), "money"),
        ("s", NVARCHAR.to_vec(), nvarchar("naïve ☃"), json!("naïve ☃"), "nvarchar"),
        ("max", max, long(&wide("long")), json!("long"), "nvarchar"),
        ("v", [&[0xa7, 20, 0], &NVARCHAR[3..]].concat(), [&[4, 0], &b"caf\xe9"[..]].concat(), json!("café"), "varchar"),
        ("b", vec![0xa5, 20, 0], vec![2, 0, 0, 0xab], json!("\\x00ab"), "varbinary"),
        (
            "u",
            vec![0x24, 16],
            sized(&[3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15]),
            json!("00010203-0405-0607-0809-0a0b0c0d0e0f"),
            "uniqueidentifier",
        ),
        ("d", vec![0x28], sized(&day[..3]), json!("2026-12-02"), "date"),
        ("t", vec![0x29, 7], sized(&noon[..5]), json!("12:00:00.5"), "time"),
        ("d2", vec![0x2a, 7], sized(&moment), json!("2026-12-02T12:00:00.5"), "datetime2"),
        (
            "dto",
            vec![0x2b, 7],
            sized(&[&moment[..], &60_i16.to_le_bytes()].concat()),
            json!("2026-12-02T12:00:00.5Z"),
            "datetimeoffset",
        ),
        ("dt", vec![0x6f, 8], sized(&[1, 0, 0, 0, 44, 1, 0, 0]), json!("1900-01-02T00:00:01"), "datetime"),
        ("xml", vec![0xf1, 0], long(&wide("<a/>")), json!("<a/>"), "xml"),
        // An int in a sql_variant.
        (
            "any",
            vec![0x62, 0x49, 0x1f, 0, 0],
            [&6_u32.to_le_bytes()[..], &[0x38, 0], &7_i32.to_le_bytes()].concat(),
            json!(7),
            "sql_variant",
        ),
    ];
    let heads: Vec<(&str, &[u8])> = cases.iter().map(|case| (case.0, case.1.as_slice())).collect();
    let values: Vec<Vec<u8>> = cases.iter().map(|case| case.2.clone()).collect();
    let answer = [columns(&heads), row(&values), row(&values), done(0x10, 2)].concat();
    let server = StandIn::start(move |_| Answer::Tokens(answer.clone())).await;
    let mut connection = connect(&server, Access::Read).await.unwrap();
    let (_, taken) = ask(connection.as_mut(), "SELECT *").await.unwrap();
    assert_eq!(taken.rows.len(), 2);
    for (index, (name, _, _, expected, kind)) in cases.iter().enumerate() {
        assert_eq!((&taken.rows[1][index], taken.columns[index].kind.as_str()), (expected, *kind), "{name}");
        assert_eq!(&taken.columns[index].name, name);
    }
}

#[tokio::test]
async fn a_value_that_the_server_cut_is_an_error() {
    let kind = [&[0xe7, 0xff, 0xff][..], &NVARCHAR[3..]].concat();
    let value = long(&wide(&"x".repeat(4 << 20)));
    let answer = [columns(&[("s", &kind)]), row(&[value])].concat();
    let server = StandIn::start(move |_| Answer::Hang(answer.clone())).await;
    let mut connection = connect(&server, Access::Read).await.unwrap();
    let found = ask(connection.as_mut(), "SELECT s FROM t").await.unwrap_err();
    assert_eq!(found.to_string(), "a value is longer than 8 MiB");
    assert!(server.executed()[0].contains("SET TEXTSIZE 8388608;"));
    assert!(connection.is_usable());
}
