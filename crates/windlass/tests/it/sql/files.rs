//! Declared tools: in files, checked against the database, read again when they change. And SQLite, which is a file.

use std::fs;

use serde_json::json;
use tempfile::tempdir;

use super::{shop, source};
use crate::{
    house::{House, Plan, run},
    wire::{Client, MODERN, text},
};

const TOOL: &str = "count_orders:
  source: shop
  description: How many orders there are
  statement: select count(*) as orders from orders
";

#[test]
fn a_file_of_tools_is_read_again_and_a_bad_one_keeps_the_last() {
    let Some(server) = shop() else { return };
    let dir = tempdir().unwrap();
    let work = dir.path().join("work");
    fs::create_dir(&work).unwrap();
    fs::write(work.join("tools.yaml"), TOOL).unwrap();
    let yaml = source(&server, "reader", "  tool_files: [tools.yaml]\n");
    let mut house = Plan::yaml(&yaml).env("SHOP_PASSWORD", "reader-secret").spawn_in(dir);
    house.await_banner();
    let client = Client::new(house.addr(), MODERN);
    assert_eq!(client.call("count_orders", json!({}))["structuredContent"]["rows"], json!([[500]]));

    let replace = |text: &str| {
        fs::write(work.join("new"), text).unwrap();
        fs::rename(work.join("new"), work.join("tools.yaml")).unwrap();
    };
    // A column that does not exist is found by the database itself, before anybody calls.
    replace(&TOOL.replace("count(*)", "max(prize)"));
    let log = house.stderr.wait("the mistake is told", |log| {
        let at = log.find("the former one stays")?;
        log[at..].contains("hint").then(|| log[at..].to_owned())
    });
    assert!(log.contains("tools.yaml:4") && log.contains("prize"), "{log}");
    assert_eq!(client.call("count_orders", json!({}))["structuredContent"]["rows"], json!([[500]]));

    replace(&format!(
        "{TOOL}count_customers:\n  source: shop\n  description: Customers\n  statement: select count(*) from customers\n"
    ));
    house.stderr.wait_for("the configuration was reloaded");
    // An editor that was caught between truncating and writing.
    replace("");
    house.stderr.wait_for("tools.yaml is empty");
    assert_eq!(client.call("count_customers", json!({}))["structuredContent"]["rows"], json!([[50]]));
    house.stop();
}

#[test]
fn mistakes_are_told_with_their_place_before_anything_starts() {
    let Some(server) = shop() else { return };
    let tool = |statement: &str, parameters: &str| {
        format!(
            "  tools:\n    t:\n      source: shop\n      description: d\n      statement: {statement}\n      parameters: [{parameters}]\n"
        )
    };
    let cases = [
        (tool("select * from nowhere", ""), "relation \"nowhere\" does not exist"),
        (tool("select * from orders where id = :id", "{ name: id, type: date }"), "`:id` is declared as date"),
        (tool("select * from orders where id = :nr", "{ name: id, type: integer }"), ":nr"),
        (tool("select 1", "{ name: id, type: integer }"), "id"),
        (
            tool("select * from orders where id = :id", "{ name: id, type: integer, pattern: x }"),
            "only text has a pattern",
        ),
        (tool("select * from :what", "{ name: what, type: identifier }"), "`enum`"),
        (tool("select * from :what", "{ name: what, type: identifier, enum: [orders, nothing] }"), "nothing"),
        ("  tools: { execute_sql: { source: shop, description: d, statement: select 1 } }\n".to_owned(), "built-in"),
        (
            "  tools: { t: { source: shpo, description: d, statement: select 1 } }\n".to_owned(),
            "there is no source `shpo`",
        ),
        (
            "  tools: { t: { source: shop, description: d, statement: select 1, writes: true } }\n".to_owned(),
            "read-only",
        ),
    ];
    for (tools, wanted) in cases {
        let dir = tempdir().unwrap();
        fs::write(dir.path().join("windlass.yaml"), source(&server, "reader", &tools)).unwrap();
        let (code, out, err) = run(dir.path(), &["config", "check"], &[("SHOP_PASSWORD", "reader-secret")]);
        assert_eq!(code, 2, "{tools}\n{out}{err}");
        assert!(err.contains(wanted) && err.contains("windlass.yaml:") && err.contains("hint"), "{tools}\n{err}");
    }
}

#[test]
fn a_password_in_the_file_is_refused_and_not_repeated() {
    for source in [
        "kind: postgres, url: 'postgres://me:hunter2@db.example.com/shop'",
        "kind: postgres, host: db.example.com, password: hunter2",
    ] {
        let dir = tempdir().unwrap();
        fs::write(dir.path().join("windlass.yaml"), format!("sql: {{ sources: {{ shop: {{ {source} }} }} }}")).unwrap();
        let (code, out, err) = run(dir.path(), &["config", "check"], &[]);
        assert_eq!(code, 2, "{out}{err}");
        assert!(!err.contains("hunter2") && err.contains("env:NAME"), "{err}");
    }
}

#[test]
fn sqlite_is_asked_and_never_changed() {
    let dir = tempdir().unwrap();
    let file = dir.path().join("demo.db");
    let made = rusqlite::Connection::open(&file).unwrap();
    let rows = "create table t (id integer primary key, name text); insert into t values (1, 'Ada'), (2, 'Grace');";
    made.execute_batch(rows).unwrap();
    drop(made);
    let before = fs::read(&file).unwrap();
    let yaml = format!(
        "sql: {{ sources: {{ demo: {{ kind: sqlite, file: '{}', tools: [execute_sql, list_tables, describe_table, sample_rows, explain_sql] }} }} }}",
        file.display()
    );
    let house = House::start(&yaml);
    let client = Client::new(house.addr(), MODERN);
    let call = |sql: &str| client.call("execute_sql", json!({ "sql": sql }));
    assert_eq!(call("select * from t order by id")["structuredContent"]["rows"], json!([[1, "Ada"], [2, "Grace"]]));
    assert!(text(&client.call("describe_table", json!({ "table": "t" }))).contains("primary key: id"));
    assert!(text(&client.call("explain_sql", json!({ "sql": "select * from t where id = 1" }))).contains("SEARCH"));
    for attack in [
        "delete from t",
        "select 1; delete from t",
        "attach database '/tmp/x.db' as x",
        "pragma writable_schema = on",
        "select load_extension('/tmp/x.so')",
        "vacuum into '/tmp/windlass-copy.db'",
        "insert into t values (3, 'x')",
        "create temp table x as select 1",
    ] {
        assert_eq!(call(attack)["isError"], true, "{attack}");
    }
    assert_eq!(fs::read(&file).unwrap(), before);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "no file beside it");
}

#[test]
fn a_toolbox_file_becomes_a_windlass_yaml_that_works() {
    let Some(server) = shop() else { return };
    let dir = tempdir().unwrap();
    let toolbox = format!(
        "sources:
  shop:
    kind: postgres
    host: {}
    port: {}
    database: shop
    user: reader
    password: ${{SHOP_PASSWORD}}
tools:
  orders-of:
    kind: postgres-sql
    source: shop
    description: Orders of a customer
    statement: select id, total from orders where customer_id = $1 order by id limit 2
    parameters:
      - {{ name: customer, type: integer, description: The customer }}
  run-query:
    kind: postgres-sql
    source: shop
    description: Any query
    statement: '{{{{.query}}}}'
    parameters:
      - {{ name: query, type: string, description: SQL }}
toolsets:
  all: [orders-of, run-query]
",
        server.host(),
        server.port()
    );
    fs::write(dir.path().join("tools.yaml"), toolbox).unwrap();
    let (code, out, err) = run(dir.path(), &["import", "toolbox", "tools.yaml", "--out", "windlass.yaml"], &[]);
    assert_eq!(code, 0, "{out}{err}");
    assert!(err.contains("tools.yaml:") && err.contains("run-query"), "{err}");
    let yaml = fs::read_to_string(dir.path().join("windlass.yaml")).unwrap();
    let house = Plan::yaml(&yaml).env("SHOP_PASSWORD", "reader-secret").start();
    let client = Client::new(house.addr(), MODERN);
    let rows = client.call("orders-of", json!({ "customer": 3 }));
    assert_eq!(rows["structuredContent"]["rows"], json!([[2, "2.20"], [52, "57.20"]]), "{yaml}\n{rows}");
    let (code, _, err) = run(dir.path(), &["import", "toolbox", "tools.yaml", "--out", "windlass.yaml"], &[]);
    assert!(code == 2 && err.contains("--force"), "{err}");
}

/// What a laptop has without a database: its check says so, and is good all the same.
const NOBODY: &str = "
sql:
  sources:
    shop: { kind: postgres, host: 127.0.0.1, port: 1, user: reader, password: env:SHOP_PASSWORD, tools: [execute_sql] }
  tools:
";

fn checked(yaml: &str) -> (i32, String) {
    let dir = tempdir().unwrap();
    fs::write(dir.path().join("windlass.yaml"), yaml).unwrap();
    let (code, out, err) = run(dir.path(), &["config", "check"], &[]);
    (code, format!("{out}{err}"))
}

#[test]
fn a_check_says_which_databases_it_could_not_ask() {
    let tool = format!("{NOBODY}    t: {{ source: shop, description: d, statement: select 1 }}\n");
    let (code, said) = checked(&tool);
    assert!(code == 0 && said.contains("is good"), "{said}");
    assert!(said.contains("note: not compared: shop: ") && said.contains("SHOP_PASSWORD"), "{said}");
}

#[test]
fn a_name_that_another_toolset_has_is_refused_with_its_line() {
    let house = House::start("shell: { directory: ., commands: [ls] }\nfetch: { allowed_hosts: [docs.example.com] }");
    let listed = house.client().rpc("tools/list", json!({}))["result"]["tools"].clone();
    house.stop();
    let names: Vec<&str> = listed.as_array().unwrap().iter().filter_map(|tool| tool["name"].as_str()).collect();
    assert!(names.contains(&"read_output") && names.contains(&"run_command"), "{names:?}");
    for name in names.into_iter().chain(["web_fetch", "run-query", "create_sandbox"]) {
        let (code, said) =
            checked(&format!("{NOBODY}    {name}: {{ source: shop, description: d, statement: select 1 }}\n"));
        assert!(
            code == 2 && said.contains("windlass.yaml:6:") && said.contains("choose another name"),
            "{name}: {said}"
        );
    }
    for toolset in ["output", "shell", "fetch", "sandbox"] {
        let tool =
            format!("{NOBODY}    t: {{ source: shop, toolset: {toolset}, description: d, statement: select 1 }}\n");
        let (code, said) = checked(&tool);
        assert!(
            code == 2 && said.contains("windlass.yaml:6:") && said.contains("has its own tools"),
            "{toolset}: {said}"
        );
    }
}

#[test]
fn hints_say_what_to_write() {
    let (_, said) = checked(&NOBODY.replace("  tools:\n", "  tool_files: [nowhere.yaml]\n"));
    assert!(said.contains("nowhere.yaml") && said.contains("beside windlass.yaml") && !said.contains("init"), "{said}");
    let (_, said) = checked(&NOBODY.replace("  tools:\n", "").replace("host:", "statement_timeout: 30, host:"));
    assert!(said.contains("30s"), "{said}");
}

/// Models say `null` for what they leave out.
#[test]
fn a_parameter_that_is_null_is_not_given() {
    let dir = tempdir().unwrap();
    let file = dir.path().join("demo.db");
    rusqlite::Connection::open(&file).unwrap().execute_batch("create table t (id integer)").unwrap();
    let yaml = format!(
        "sql:\n  sources: {{ demo: {{ kind: sqlite, file: '{}' }} }}\n  tools:\n    t:\n      source: demo\n      \
         description: d\n      statement: 'select :a as a, :b as b'\n      parameters:\n        - {{ name: a, type: integer, \
         default: 5 }}\n        - {{ name: b, type: string, required: false }}\n",
        file.display()
    );
    let house = House::start(&yaml);
    let client = Client::new(house.addr(), MODERN);
    let answer = client.call("t", json!({ "a": null, "b": null }));
    assert_eq!(answer["structuredContent"]["rows"], json!([[5, null]]), "{answer}");
    house.stop();
}

#[test]
fn every_example_of_the_toolbox_becomes_a_file_that_is_good() {
    let examples = concat!(env!("CARGO_MANIFEST_DIR"), "/../windlass-sql/tests/it/import");
    let mut seen = 0;
    for example in fs::read_dir(examples).unwrap() {
        let dir = tempdir().unwrap();
        fs::copy(example.unwrap().path(), dir.path().join("tools.yaml")).unwrap();
        let (code, out, err) = run(dir.path(), &["import", "toolbox", "tools.yaml", "--out", "windlass.yaml"], &[]);
        assert_eq!(code, 0, "{out}{err}");
        let (code, out, err) = run(dir.path(), &["config", "check"], &[]);
        assert_eq!(code, 0, "{out}{err}");
        seen += 1;
    }
    assert!(seen >= 4);
}
