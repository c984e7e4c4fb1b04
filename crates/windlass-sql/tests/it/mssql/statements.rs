use serde_json::json;
use windlass_config::settings::SqlParameterKind as Kind;
use windlass_sql::engine::{Access, Argument, Column, EngineError, Ran, Shape};

use super::{
    Taken, ask, connect, query,
    standin::{Answer, Request, StandIn, Value},
    tokens::{self, bigint, columns, done, error, int, nvarchar, row},
};

#[tokio::test]
async fn a_statement_travels_as_an_argument_inside_a_doomed_transaction() {
    let server = StandIn::start(|_| Answer::Tokens(tokens::number("n", 1))).await;
    let mut connection = connect(&server, Access::Read).await.unwrap();
    let argument = |kind, value| Argument { kind, items: None, value };
    let arguments = [
        argument(Kind::String, json!("'; DROP TABLE orders; --")),
        argument(Kind::Integer, json!(7)),
        argument(Kind::Number, json!(0.5)),
        argument(Kind::Boolean, json!(true)),
        argument(Kind::Date, json!("0001-01-02")),
        argument(Kind::Timestamp, json!("0001-01-01T00:00:01Z")),
        argument(Kind::Uuid, json!("00010203-0405-0607-0809-0a0b0c0d0e0f")),
        argument(Kind::Array, json!([1, 2])),
        argument(Kind::Integer, json!(null)),
    ];
    let sql = "SELECT * FROM orders WHERE name = @P1 -- ☃";
    connection.run(&query(Access::Read, sql, &arguments), &mut Taken::up_to(9)).await.unwrap();
    let Some(Request::Execute { text, declared, values }) = server.requests().pop() else { panic!() };
    let types = "@P1 nvarchar(4000), @P2 bigint, @P3 float(53), @P4 bit, @P5 date, @P6 datetimeoffset, \
                 @P7 uniqueidentifier, @P8 nvarchar(4000), @P9 bigint";
    assert!(text.starts_with("SET XACT_ABORT ON; SET LOCK_TIMEOUT 10000;"), "{text}");
    let doomed = format!(
        "BEGIN TRY THROW 50000, N'read only', 1; END TRY\nBEGIN CATCH EXEC sys.sp_executesql @P10, N'{types}', \
         @P1, @P2, @P3, @P4, @P5, @P6, @P7, @P8, @P9; END CATCH;"
    );
    assert!(text.contains(&doomed), "{text}");
    assert!(text.ends_with("IF @@TRANCOUNT > 0 ROLLBACK TRANSACTION;"), "{text}");
    assert!(!text.contains("orders"), "nothing of the statement is in the text");
    assert_eq!(declared.replace(',', ", "), format!("{types}, @P10 nvarchar(4000)"));
    let expected = [
        Value::Text("'; DROP TABLE orders; --".into()),
        Value::Whole(7),
        Value::Double(0.5),
        Value::Bit(true),
        Value::Bytes(0x28, vec![1, 0, 0]),
        Value::Bytes(0x2b, vec![0x80, 0x96, 0x98, 0, 0, 0, 0, 0, 0, 0]),
        Value::Bytes(0x24, vec![3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15]),
        Value::Text("[1,2]".into()),
        Value::Null,
        Value::Text(sql.into()),
    ];
    assert_eq!(values, expected);
}

#[tokio::test]
async fn a_long_statement_arrives_whole() {
    let server = StandIn::start(|_| Answer::Tokens(tokens::number("n", 1))).await;
    let mut connection = connect(&server, Access::Read).await.unwrap();
    let sql = format!("SELECT '{}'", "x".repeat(20_000));
    ask(connection.as_mut(), &sql).await.unwrap();
    let Some(Request::Execute { declared, values, .. }) = server.requests().pop() else { panic!() };
    assert_eq!((declared.as_str(), values), ("@P1 nvarchar(max)", vec![Value::Text(sql)]));
}

#[tokio::test]
async fn a_write_is_committed_and_tells_how_many_rows_it_changed() {
    let returned = [columns(&[("id", tokens::INT)]), row(&[int(5)]), row(&[int(6)]), done(0x11, 2)].concat();
    let affected = [columns(&[("windlass affected rows", tokens::BIGINT)]), row(&[bigint(2)]), done(0x10, 1)].concat();
    let answer = [returned, affected].concat();
    let server = StandIn::start(move |_| Answer::Tokens(answer.clone())).await;
    let mut connection = connect(&server, Access::Write).await.unwrap();
    // The answer is cut, the write is not.
    for (most, rows) in [(9, 2), (1, 1)] {
        let mut taken = Taken::up_to(most);
        let sql = "UPDATE orders SET total = 0 OUTPUT inserted.id";
        let ran = connection.run(&query(Access::Write, sql, &[]), &mut taken).await.unwrap();
        assert_eq!((ran, taken.rows.len()), (Ran { affected: Some(2) }, rows));
        assert!(connection.is_usable());
    }
    assert!(server.executed()[0].contains("COMMIT TRANSACTION"), "{:?}", server.executed());
    assert_eq!(server.requests().len(), 3, "no attention, no round trip of its own");
}

#[tokio::test]
async fn a_reader_is_not_asked_to_write() {
    let server = StandIn::start(|_| Answer::Tokens(done(0, 0))).await;
    let mut connection = connect(&server, Access::Read).await.unwrap();
    let found = connection.run(&query(Access::Write, "DELETE FROM orders", &[]), &mut Taken::up_to(9)).await;
    assert_eq!(found, Err(EngineError::ReadOnly("this connection can only read".into())));
    assert!(server.executed().is_empty());
}

#[tokio::test]
async fn a_second_result_is_taken_for_a_second_statement() {
    let answer = [tokens::number("n", 1), tokens::number("m", 2)].concat();
    let server = StandIn::start(move |_| Answer::Hang(answer.clone())).await;
    let mut connection = connect(&server, Access::Read).await.unwrap();
    let found = ask(connection.as_mut(), "SELECT 1; SELECT 2").await.unwrap_err();
    assert!(matches!(found, EngineError::ReadOnly(_)), "{found:?}");
    assert_eq!(server.requests().pop(), Some(Request::Attention));
    assert!(connection.is_usable());
}

#[tokio::test]
async fn errors_are_told_by_their_number() {
    let statement = |code: u32, message: &str, hint: Option<&str>| EngineError::Statement {
        message: message.into(),
        code: code.to_string(),
        hint: hint.map(str::to_owned),
        position: None,
    };
    let denied = "The SELECT permission was denied on the object 'salaries'.";
    let deadlock = "Transaction was deadlocked and has been chosen as the deadlock victim.";
    let again = Some("try again: two transactions waited for each other and this one was ended");
    let doomed =
        "The current transaction cannot be committed and cannot support operations that write to the log file.";
    let cases = [
        (208, 16, "Invalid object name 'ordrs'.", statement(208, "Invalid object name 'ordrs'.", None)),
        (102, 15, "Incorrect syntax near 'FORM'.", statement(102, "Incorrect syntax near 'FORM'.", None)),
        (229, 14, denied, statement(229, denied, None)),
        (262, 14, "CREATE TABLE permission denied.", statement(262, "CREATE TABLE permission denied.", None)),
        (1205, 13, deadlock, statement(1205, deadlock, again)),
        (3930, 16, doomed, EngineError::ReadOnly(doomed.into())),
        (3906, 16, "the database is read-only", EngineError::ReadOnly("the database is read-only".into())),
        (1222, 16, "Lock request time out period exceeded.", EngineError::TimedOut),
        (10928, 16, "limit reached", EngineError::Full("limit reached".into())),
    ];
    for (number, class, message, expected) in cases {
        let server =
            StandIn::start(move |_| Answer::Tokens([error(number, class, message), done(2, 0)].concat())).await;
        let mut connection = connect(&server, Access::Read).await.unwrap();
        // Twice: the connection is in step after an error.
        for _ in 0..2 {
            assert_eq!(ask(connection.as_mut(), "SELECT 1").await.unwrap_err(), expected);
            assert!(connection.is_usable());
        }
        assert_eq!(server.executed().len(), 2);
    }
}

#[tokio::test]
async fn rows_before_an_error_are_handed_over() {
    let rows = [columns(&[("n", tokens::INT)]), row(&[int(1)])].concat();
    let answer = [rows, error(8134, 16, "Divide by zero error encountered."), done(2, 0)].concat();
    let server = StandIn::start(move |_| Answer::Tokens(answer.clone())).await;
    let mut connection = connect(&server, Access::Read).await.unwrap();
    let mut taken = Taken::up_to(9);
    let found = connection.run(&query(Access::Read, "SELECT 1 / n FROM t", &[]), &mut taken).await;
    assert!(matches!(found, Err(EngineError::Statement { code, .. }) if code == "8134"));
    assert_eq!(taken.rows, [[json!(1)]]);
}

#[tokio::test]
async fn a_statement_is_described_without_being_run() {
    let server = StandIn::start(|request| {
        let Request::Execute { text, .. } = request else { panic!() };
        Answer::Tokens(if text.contains("sp_describe_undeclared_parameters") {
            let names = ["name", "suggested_system_type_name"];
            tokens::texts(&names, &[&["@P2", "nvarchar(20)"], &["@P1", "int"]])
        } else {
            let kinds = [
                ("name", tokens::NVARCHAR),
                ("system_type_name", tokens::NVARCHAR),
                ("e", tokens::INT),
                ("m", tokens::NVARCHAR),
            ];
            let cells = |name, kind| row(&[nvarchar(name), nvarchar(kind), vec![0], vec![0xff, 0xff]]);
            [columns(&kinds), cells("id", "int"), cells("total", "decimal(10,2)"), done(0x10, 2)].concat()
        })
    })
    .await;
    let mut connection = connect(&server, Access::Read).await.unwrap();
    let sql = "SELECT id, total FROM orders WHERE id = @P1 AND name = @P2";
    let shape = connection.describe(sql).await.unwrap();
    let column = |name: &str, kind: &str| Column { name: name.into(), kind: kind.into() };
    let expected = Shape {
        parameters: vec!["int".into(), "nvarchar(20)".into()],
        columns: vec![column("id", "int"), column("total", "decimal(10,2)")],
    };
    assert_eq!(shape, expected);
    let Some(Request::Execute { values, .. }) = server.requests().pop() else { panic!() };
    assert_eq!(values, [Value::Text(sql.into()), Value::Text("@P1 int, @P2 nvarchar(20)".into())]);
    assert!(connection.is_usable());
}

#[tokio::test]
async fn types_that_the_server_cannot_tell_are_left_open() {
    let server = StandIn::start(|request| {
        let Request::Execute { text, .. } = request else { panic!() };
        Answer::Tokens(if text.contains("sp_describe_undeclared_parameters") {
            [error(11508, 16, "The undeclared parameter '@P1' is used more than once."), done(2, 0)].concat()
        } else {
            tokens::texts(&["name", "system_type_name", "e", "m"], &[])
        })
    })
    .await;
    let mut connection = connect(&server, Access::Read).await.unwrap();
    let shape = connection.describe("SELECT 1 WHERE @P1 = 1 OR @P1 = 2").await.unwrap();
    assert_eq!(shape, Shape { parameters: vec![String::new()], columns: Vec::new() });

    let server =
        StandIn::start(|_| Answer::Tokens([error(102, 15, "Incorrect syntax near 'x'."), done(2, 0)].concat())).await;
    let mut connection = connect(&server, Access::Read).await.unwrap();
    let found = connection.describe("x").await;
    assert!(matches!(found, Err(EngineError::Statement { code, .. }) if code == "102"));
}
