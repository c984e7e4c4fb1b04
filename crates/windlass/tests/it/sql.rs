//! Databases, from a client of MCP to rows of a real server and back.

mod attacks;
mod files;
mod limits;
mod mariadb;

use std::process::Command;

use serde_json::{Value, json};
use windlass_testkit::{postgres::Server, schema_lint};

use crate::{
    house::{House, Plan, eventually},
    wire::{Client, LEGACY, MODERN, text},
};

const SHOP: &str = "
create table customers (id int primary key, name text not null, joined date);
create table orders (id bigint generated always as identity primary key, customer_id int not null references customers,
  total numeric(10, 2) not null, paid boolean not null default false, at timestamptz not null default now());
create index on orders (customer_id);
comment on table orders is 'What was bought';
comment on column orders.total is 'In euros';
insert into customers select n, 'Customer ' || n, date '2026-01-01' + n from generate_series(1, 50) n;
insert into orders (customer_id, total, at) select 1 + n % 50, n * 1.10, timestamptz '2026-03-01 12:00Z' + n * interval '1 hour'
  from generate_series(1, 500) n;
create role reader login password 'reader-secret';
grant pg_read_all_data to reader;
create role writer login password 'writer-secret';
grant select, insert, update, delete on all tables in schema public to writer;
analyze;
";

/// A database `shop`, with a login that reads and one that writes.
fn shop() -> Option<Server> {
    let server = Server::start()?;
    server.sql("postgres", "create database shop");
    server.sql("shop", SHOP);
    Some(server)
}

fn source(server: &Server, user: &str, more: &str) -> String {
    format!(
        "sql:\n  sources:\n    shop:\n      kind: postgres\n      url: {}\n      password: env:SHOP_PASSWORD\n      tools: \
         [execute_sql, explain_sql, list_tables, describe_table, sample_rows]\n{more}",
        server.url(user, "shop")
    )
}

fn start(server: &Server, user: &str, more: &str) -> House {
    let password = if user == "postgres" { server.password().to_owned() } else { format!("{user}-secret") };
    Plan::yaml(&source(server, user, more)).env("SHOP_PASSWORD", &password).start()
}

fn query(client: &Client, sql: &str) -> Value {
    client.call("execute_sql", json!({ "sql": sql }))
}

#[test]
fn a_model_finds_its_way_to_an_answer() {
    let Some(server) = shop() else { return };
    let house = start(&server, "reader", "");
    let client = Client::new(house.addr(), MODERN);
    let tables = client.call("list_tables", json!({}));
    insta::assert_snapshot!(text(&tables), @r"
    public.customers (table, about 50 rows)
    public.orders (table, about 500 rows): What was bought
    ");
    let described = client.call("describe_table", json!({ "table": "orders" }));
    insta::assert_snapshot!(text(&described), @r"
    public.orders (table, about 500 rows)
    What was bought
    columns:
      id bigint not null
      customer_id integer not null
      total numeric(10,2) not null -- In euros
      paid boolean not null default false
      at timestamp with time zone not null default now()
    primary key: id
    foreign key: (customer_id) references public.customers (id)
    index orders_customer_id_idx: customer_id
    unique index orders_pkey: id
    ");
    let rows = query(&client, "select id, customer_id, total, paid, at from orders order by id limit 2;");
    let shown = text(&rows).lines().take(3).collect::<Vec<_>>().join("\n");
    insta::assert_snapshot!(shown, @r#"
    ["id","customer_id","total","paid","at"]
    [1,2,"1.10",false,"2026-03-01T13:00:00Z"]
    [2,3,"2.20",false,"2026-03-01T14:00:00Z"]
    "#);
    let structured = &rows["structuredContent"];
    assert_eq!(structured["columns"][2], json!({ "name": "total", "type": "numeric" }), "{rows}");
    assert_eq!((&structured["row_count"], &structured["truncated"]), (&json!(2), &json!(false)));
    assert!(
        text(&client.call("explain_sql", json!({ "sql": "select * from orders where customer_id = 3" })))
            .contains("orders")
    );
    let sample = client.call("sample_rows", json!({ "table": "public.customers", "rows": 3 }));
    assert_eq!(sample["structuredContent"]["rows"].as_array().unwrap().len(), 3, "{sample}");

    let mistake = query(&client, "select nmae from customers");
    insta::assert_snapshot!(text(&mistake), @r#"
    column "nmae" does not exist
    hint: Perhaps you meant to reference the column "customers.name".
    "#);
    insta::assert_snapshot!(text(&client.call("describe_table", json!({ "table": "order" }))), @"
    there is no table `order` that can be read
    hint: did you mean public.orders?
    ");
    // The names that other systems have for the same.
    for revision in LEGACY {
        let client = Client::new(house.addr(), revision);
        assert_eq!(
            client.call("run-query", json!({ "query": "select 1 as one" }))["structuredContent"]["rows"],
            json!([[1]])
        );
        assert!(text(&client.call("list-tables", json!({}))).contains("public.orders"));
        assert!(text(&client.call("describe-table", json!({ "table_name": "orders" }))).contains("primary key: id"));
    }
    let ready = house.get("/ready").json();
    let check = ready["checks"].as_array().unwrap().iter().find(|check| check["name"] == "sql.shop").unwrap().clone();
    assert!(check["detail"].as_str().unwrap().ends_with("by a login that can only read"), "{check}");
    house.stop();
}

#[test]
fn tables_are_resources() {
    let Some(server) = shop() else { return };
    let house = start(&server, "reader", "");
    let client = Client::new(house.addr(), LEGACY[2]);
    let listed = client.rpc("resources/list", json!({}));
    let uris: Vec<&str> =
        listed["result"]["resources"].as_array().unwrap().iter().filter_map(|one| one["uri"].as_str()).collect();
    assert!(uris.contains(&"sql://shop/public/orders"), "{listed}");
    let read = client.rpc("resources/read", json!({ "uri": "sql://shop/public/orders" }));
    let described: Value = serde_json::from_str(read["result"]["contents"][0]["text"].as_str().unwrap()).unwrap();
    assert_eq!((&described["name"], &described["primary_key"]), (&json!("orders"), &json!(["id"])));
    assert!(client.rpc("resources/read", json!({ "uri": "sql://other/public/orders" }))["error"].is_object());
}

#[test]
fn the_tools_are_fit_for_every_client() {
    let Some(server) = shop() else { return };
    let declared = "
  tools:
    orders_of:
      source: shop
      description: The last orders of a customer
      statement: select id, total from orders where customer_id = :customer order by id desc limit :most
      parameters:
        - { name: customer, type: integer, description: The customer's number, min: 1 }
        - { name: most, type: integer, default: 5, max: 100 }
";
    let house = start(&server, "reader", declared);
    let client = Client::new(house.addr(), MODERN);
    let listed = client.rpc("tools/list", json!({}));
    let tools = listed["result"]["tools"].as_array().unwrap();
    for tool in tools {
        let shown: windlass_core::mcp::Tool = serde_json::from_value(tool.clone()).unwrap();
        let complaints = schema_lint(&shown);
        assert!(complaints.is_empty(), "{}: {complaints:?}", tool["name"]);
    }
    let tool =
        |name: &str| tools.iter().find(|tool| tool["name"] == name).unwrap_or_else(|| panic!("{name}: {listed}"));
    insta::assert_snapshot!(format!("{:#}", tool("orders_of")["inputSchema"]));
    insta::assert_snapshot!(tool("execute_sql")["description"].as_str().unwrap());
    assert_eq!(tool("orders_of")["annotations"]["readOnlyHint"], json!(true));

    let rows = client.call("orders_of", json!({ "customer": 3, "most": 2 }));
    assert_eq!(rows["structuredContent"]["rows"], json!([[452, "497.20"], [402, "442.20"]]), "{rows}");
    assert_eq!(client.call("orders_of", json!({ "customer": 3 }))["structuredContent"]["row_count"], 5);
    let refused = client.call("orders_of", json!({ "customer": "3; drop table orders" }));
    assert_eq!(refused["isError"], true, "{refused}");
}

#[test]
fn a_policy_tells_sources_apart_by_their_prefix() {
    let Some(server) = shop() else { return };
    let yaml = source(&server, "reader", "      tool_prefix: hr_\n");
    let house = Plan::yaml(&yaml).env("SHOP_PASSWORD", "reader-secret").start();
    let client = Client::new(house.addr(), MODERN);
    let tools = client.tools();
    assert!(tools.contains(&"hr_execute_sql".to_owned()) && !tools.contains(&"execute_sql".to_owned()), "{tools:?}");
    assert_eq!(client.call("hr_execute_sql", json!({ "sql": "select 1" }))["structuredContent"]["rows"], json!([[1]]));
}

#[test]
fn the_seeds_variables_alone_are_enough() {
    let Some(server) = shop() else { return };
    let house = Plan::default()
        .env("POSTGRES_HOST", server.host())
        .env("POSTGRES_PORT", &server.port().to_string())
        .env("POSTGRES_DATABASE", "shop")
        .env("POSTGRES_USER", "reader")
        .env("POSTGRES_PASSWORD", "reader-secret")
        .start();
    let client = Client::new(house.addr(), MODERN);
    let counted = client.call("execute_sql", json!({ "sql": "select count(*) from orders" }));
    assert_eq!(counted["structuredContent"]["rows"], json!([[500]]), "{counted}");
    assert!(text(&client.call("list_tables", json!({}))).contains("public.orders"));
}

#[test]
fn a_restart_of_the_database_is_survived() {
    let Some(mut server) = shop() else { return };
    let house = start(&server, "reader", "");
    let client = Client::new(house.addr(), MODERN);
    assert_eq!(query(&client, "select 1")["isError"], false);
    assert_eq!(house.get("/ready").status, 200);
    server.stop();
    let down = query(&client, "select 1");
    insta::assert_snapshot!(text(&down), @"
    the database `shop` cannot be reached now
    hint: try again in a while; `windlass doctor` and /ready tell its operator more
    ");
    eventually("it is not ready", || house.get("/ready").status == 503);
    assert!(house.get("/ready").text().contains("sql.shop"), "{}", house.get("/ready").text());
    server.start_again();
    eventually("it is ready again by itself", || house.get("/ready").status == 200);
    let back = query(&client, "select count(*) from customers");
    assert_eq!(back["structuredContent"]["rows"], json!([[50]]), "{back}");
    assert!(house.is_running());
}

#[test]
fn a_database_that_is_down_stops_nothing_else() {
    let port = windlass_testkit::free_port().unwrap();
    let yaml = format!(
        "shell: {{ commands: [pwd] }}\nsql: {{ sources: {{ gone: {{ kind: postgres, url: 'postgres://x@127.0.0.1:{port}/x', tools: [execute_sql] }} }} }}"
    );
    let house = House::start(&yaml);
    assert_eq!(house.get("/health").status, 200);
    assert_eq!(house.get("/ready").status, 503);
    assert_eq!(house.call("run_command", json!({ "command": "pwd" }))["isError"], false);
    let down = house.call("execute_sql", json!({ "sql": "select 1" }));
    assert!(text(&down).contains("cannot be reached"), "{down}");
}

#[test]
fn a_login_that_can_write_is_refused_until_that_is_allowed() {
    let Some(server) = shop() else { return };
    let house = start(&server, "writer", "");
    let client = Client::new(house.addr(), MODERN);
    let refused = query(&client, "select 1");
    assert!(text(&refused).contains("its login may do more than read"), "{refused}");
    assert!(text(&refused).contains("allow_writable_login: true"), "{refused}");
    let ready = house.get("/ready");
    assert!(ready.status == 503 && ready.text().contains("allow_writable_login"), "{}", ready.text());
    let doctor = Command::new(crate::house::WINDLASS)
        .arg("doctor")
        .current_dir(house.work())
        .env("SHOP_PASSWORD", "writer-secret")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&doctor.stdout).into_owned();
    assert!(said.lines().any(|line| line.starts_with("FAIL") && line.contains("sql.shop")), "{said}");

    let house = start(&server, "writer", "      allow_writable_login: true\n");
    let client = Client::new(house.addr(), MODERN);
    assert_eq!(query(&client, "select 1")["isError"], false);
    assert!(house.get("/ready").text().contains("allowed by `allow_writable_login`"));
}

#[test]
fn what_may_write_is_a_tool_of_its_own() {
    let Some(server) = shop() else { return };
    let more = "      read_only: false
  tools:
    pay:
      source: shop
      description: Marks an order as paid
      statement: update orders set paid = true where id = :order returning id, paid
      writes: true
      idempotent: true
      parameters: [{ name: order, type: integer }]
";
    let yaml = source(&server, "writer", more).replace("sample_rows]", "sample_rows, write_sql]");
    let house = Plan::yaml(&yaml).env("SHOP_PASSWORD", "writer-secret").start();
    let client = Client::new(house.addr(), MODERN);
    let listed = client.rpc("tools/list", json!({}));
    let tool = |name: &str| {
        listed["result"]["tools"].as_array().unwrap().iter().find(|tool| tool["name"] == name).unwrap().clone()
    };
    assert_eq!(tool("pay")["annotations"]["destructiveHint"], json!(true));
    assert_eq!(tool("write_sql")["annotations"]["destructiveHint"], json!(true));
    assert_eq!(tool("execute_sql")["annotations"]["readOnlyHint"], json!(true));
    let paid = client.call("pay", json!({ "order": 7 }));
    assert_eq!(paid["structuredContent"]["rows"], json!([[7, true]]), "{paid}");
    assert_eq!(server.sql("shop", "select paid from orders where id = 7").trim(), "t");
    let wrote = client.call("write_sql", json!({ "sql": "delete from orders where id <= 3" }));
    assert_eq!(wrote["structuredContent"]["affected"], json!(3), "{wrote}");
    // Reading never writes, even where writing is allowed.
    assert_eq!(query(&client, "delete from orders")["isError"], true);
    assert_eq!(server.sql("shop", "select count(*) from orders").trim(), "497");
}
