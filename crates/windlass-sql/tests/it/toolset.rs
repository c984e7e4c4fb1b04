//! What a model is told, from a call to its answer.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};
use windlass_config::settings::SqlSettings;
use windlass_core::{Call, CancellationToken, Deadline, NoOutputs, Output, Principal, Reply, ToolError, mcp};
use windlass_sql::{
    databases::{Databases, Mistake},
    source::Passwords,
};
use windlass_testkit::{Silent, postgres::Server};

use crate::source::Fixed;

fn databases(yaml: &str, password: &str) -> Result<Databases, Vec<Mistake>> {
    let settings: SqlSettings = serde_saphyr::from_str(yaml).unwrap();
    let passwords: Arc<dyn Passwords> = Arc::new(Fixed(password.to_owned()));
    Databases::new(&settings, None, &passwords)
}

async fn call(databases: &Databases, tool: &str, arguments: Value) -> Result<Output, ToolError> {
    let Value::Object(arguments) = arguments else { panic!("arguments are an object") };
    let call = Call {
        id: "1".into(),
        principal: Arc::new(Principal::local()),
        tool: tool.into(),
        arguments,
        meta: mcp::RequestMetaObject::default(),
        deadline: Deadline::after(Duration::from_secs(60)),
        cancel: CancellationToken::new(),
        client: Arc::new(Silent),
        outputs: Arc::new(NoOutputs),
        resume: None,
    };
    let toolset = databases.toolsets().remove(0);
    match toolset.call(call).await? {
        Reply::Done(output) => Ok(output),
        other => panic!("{other:?}"),
    }
}

fn text(output: &Output) -> &str {
    &output.content[0].as_text().unwrap().text
}

/// Writes as the superuser.
fn writable(server: &Server, more: &str) -> String {
    let url = server.url("postgres", "postgres");
    format!(
        "sources: {{shop: {{kind: postgres, url: '{url}', read_only: false, tools: [write_sql, execute_sql]{more}}}}}"
    )
}

#[tokio::test]
async fn a_change_whose_rows_are_cut_is_told_as_made() {
    let Some(server) = Server::start() else { return };
    server.sql("postgres", "create table t (n int)");
    let databases = databases(&writable(&server, ", max_rows: 2, max_kept: 0B"), server.password()).unwrap();
    let sql = "insert into t select generate_series(1, 5000) returning n";
    let wrote = call(&databases, "write_sql", json!({ "sql": sql })).await.unwrap();
    assert!(
        text(&wrote).contains("all of its changes are committed, only the rows shown were cut"),
        "{}",
        text(&wrote)
    );
    assert!(!text(&wrote).contains("ended"), "{}", text(&wrote));
    let told = wrote.structured.unwrap();
    assert_eq!((&told["affected"], &told["stopped"], &told["row_count"]), (&json!(5000), &json!(false), &json!(2)));
    assert_eq!(server.sql("postgres", "select count(*) from t"), "5000");
}

#[tokio::test]
async fn a_change_that_was_ended_in_its_middle_shows_no_rows() {
    let Some(server) = Server::start() else { return };
    server.sql("postgres", "create table t (n int)");
    let databases = databases(&writable(&server, ""), server.password()).unwrap();
    let sql = "insert into t select n from generate_series(1, 9) n where pg_sleep(n - 1) is not null returning repeat('x', 20000)";
    let wrote = call(&databases, "write_sql", json!({ "sql": sql, "timeout": "1s" })).await;
    assert!(wrote.unwrap_err().message.starts_with("the statement was ended on the server after 1."));
    assert_eq!(server.sql("postgres", "select count(*) from t"), "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_told_to_repeat_what_may_have_been_done() {
    let Some(mut server) = Server::start() else { return };
    server.sql("postgres", "create table t (n int)");
    let databases = databases(&writable(&server, ""), server.password()).unwrap();
    let writing = tokio::spawn(async move {
        call(&databases, "write_sql", json!({ "sql": "insert into t select 1 from pg_sleep(60)" })).await.unwrap_err()
    });
    let sleeping = "select count(*) from pg_stat_activity where wait_event = 'PgSleep'";
    while server.sql("postgres", sleeping) != "1" {
        assert!(!writing.is_finished());
        tokio::task::yield_now().await;
    }
    server.stop();
    let hint = writing.await.unwrap().hint.unwrap();
    assert_eq!(hint, "whether the statement changed anything is not known; look before you repeat it");
}

/// A file with one table, and a tool on it.
fn sqlite(folder: &std::path::Path, tool: &str) -> String {
    let file = folder.join("shop.db");
    rusqlite::Connection::open(&file).unwrap().execute_batch("CREATE TABLE IF NOT EXISTS t (n INTEGER)").unwrap();
    let source = format!(
        "shop: {{kind: sqlite, file: '{}', read_only: false, tools: [list_tables, describe_table]}}",
        file.display()
    );
    format!("sources: {{{source}}}\ntools: {{t: {{source: shop, description: d, {tool}}}}}")
}

#[tokio::test]
async fn a_tool_is_compared_with_the_database_as_what_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let verified = async |tool: &str| databases(&sqlite(folder.path(), tool), "").unwrap().verify().await;
    for fits in ["statement: delete from t, writes: true", "statement: select n from t"] {
        let mistakes = verified(fits).await;
        assert!(mistakes.is_empty(), "{fits}: {mistakes:?}");
    }
    let mistakes = verified("statement: delete from t").await;
    let [mistake] = mistakes.as_slice() else { panic!("{mistakes:?}") };
    assert_eq!(mistake.setting, "sql.tools.t.statement");
    assert!(mistake.hint.as_ref().unwrap().contains("`writes: true`"), "{mistake:?}");
    assert!(verified("statement: delete from nowhere, writes: true").await[0].message.contains("nowhere"));
}

#[tokio::test]
async fn a_query_of_postgres_has_to_be_one_before_it_is_called() {
    let Some(server) = Server::start() else { return };
    server.sql("postgres", "create table t (n int)");
    for (statement, fits) in [
        ("select n from t", true),
        ("show work_mem", true),
        ("delete from t", false),
        ("with x as (delete from t returning n) select n from x", false),
    ] {
        let yaml = format!(
            "{}\ntools: {{t: {{source: shop, description: d, statement: '{statement}'}}}}",
            writable(&server, ", allow_writable_login: true")
                .replace("read_only: false, tools: [write_sql, execute_sql]", "read_only: true")
        );
        let mistakes = databases(&yaml, server.password()).unwrap().verify().await;
        assert_eq!(mistakes.is_empty(), fits, "{statement}: {mistakes:?}");
    }
}

#[tokio::test]
async fn a_default_is_checked_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let tool = "statement: 'select :day', parameters: [{name: day, type: date, default: 2026-02-30}]";
    let mistakes = databases(&sqlite(folder.path(), tool), "").err().unwrap();
    let [mistake] = mistakes.as_slice() else { panic!("{mistakes:?}") };
    assert_eq!(mistake.setting, "sql.tools.t.parameters[0].default");
}

#[tokio::test]
async fn a_list_of_tables_says_when_it_is_not_all_and_any_table_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let yaml = sqlite(folder.path(), "statement: select 1");
    // One by one they would take SQLite seconds.
    let many =
        "PRAGMA writable_schema = ON; WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 10004)
        INSERT INTO sqlite_schema SELECT 'view', name, name, 0, 'CREATE VIEW ' || name || ' AS SELECT 1'
        FROM (SELECT printf('a%05d', i) AS name FROM n);";
    let made = rusqlite::Connection::open(folder.path().join("shop.db")).unwrap();
    made.execute_batch(&format!("CREATE VIEW \"Zoë\" AS SELECT 2 AS two; {many}")).unwrap();
    let databases = databases(&yaml, "").unwrap();
    let listed = call(&databases, "list_tables", json!({})).await.unwrap();
    assert!(text(&listed).ends_with("these are the first 10000: say a `schema` or a `pattern` for others\n"));
    assert_eq!(listed.structured.unwrap()["truncated"], json!(true));
    let narrowed = call(&databases, "list_tables", json!({ "pattern": "ZO" })).await.unwrap();
    assert_eq!(text(&narrowed), "main.Zoë (view)\n");
    assert_eq!(text(&call(&databases, "list_tables", json!({ "schema": "other" })).await.unwrap()).lines().count(), 1);
    for name in ["Zoë", "main.zoë", "MAIN.Zoë"] {
        let described = call(&databases, "describe_table", json!({ "table": name })).await.unwrap();
        assert!(text(&described).contains("two"), "{name}");
    }
    let near = call(&databases, "describe_table", json!({ "table": "a0000" })).await.unwrap_err();
    assert!(near.hint.unwrap().starts_with("did you mean main.a00000"));
}
