//! The same on MariaDB.

use std::fs;

use serde_json::json;
use windlass_testkit::mariadb::Server;

use crate::{
    house::Plan,
    wire::{Client, MODERN, text},
};

const SHOP: &str = "
create table customers (id int primary key, name varchar(40) not null) comment 'Who buys';
create table orders (id int auto_increment primary key, customer_id int not null, total decimal(10, 2) not null,
  foreign key (customer_id) references customers (id));
insert into customers values (1, 'Ada'), (2, 'Grace');
insert into orders (customer_id, total) values (1, 1.10), (2, 2.20), (1, 3.30);
create user reader identified by 'reader-secret';
grant select, show view on shop.* to reader;
create user writer identified by 'writer-secret';
grant select, insert, update, delete, file on *.* to writer;
";

const ATTACKS: [&str; 20] = [
    "delete from orders",
    "select 1; delete from orders",
    "commit",
    "set session transaction read write",
    "set session transaction_read_only = 0",
    "/*!50000 delete from orders */",
    "select /*!50000 1 into outfile '/tmp/windlass-was-here' */",
    "select * from orders into outfile '/tmp/windlass-was-here'",
    "select * from orders into dumpfile '/tmp/windlass-was-here'",
    "select load_file('/etc/passwd')",
    "load data local infile '/etc/passwd' into table customers",
    "select @a := 1",
    "select id from orders into @x",
    "select * from orders for update",
    "select get_lock('x', 1)",
    "execute immediate 'delete from orders'",
    "handler orders open",
    "call anything()",
    "truncate orders",
    "select user, password from mysql.user",
];

#[test]
fn mariadb_is_asked_and_never_changed() {
    let Some(server) = Server::start() else { return };
    server.sql("", "create database shop");
    server.sql("shop", SHOP);
    let yaml = |user: &str, more: &str| {
        format!(
            "sql:\n  sources:\n    shop:\n      kind: mysql\n      host: {}\n      port: {}\n      user: {user}\n      database: shop\n      \
             password: env:SHOP_PASSWORD\n      tools: [execute_sql, explain_sql, list_tables, describe_table, sample_rows]\n{more}",
            server.host(),
            server.port()
        )
    };
    let house = Plan::yaml(&yaml("reader", "")).env("SHOP_PASSWORD", "reader-secret").start();
    let client = Client::new(house.addr(), MODERN);
    let call = |sql: &str| client.call("execute_sql", json!({ "sql": sql }));
    assert_eq!(
        call("select id, total from orders where customer_id = 1 order by id")["structuredContent"]["rows"],
        json!([[1, "1.10"], [3, "3.30"]])
    );
    let described = client.call("describe_table", json!({ "table": "orders" }));
    assert!(text(&described).contains("foreign key: (customer_id) references shop.customers (id)"), "{described}");
    assert!(text(&client.call("list_tables", json!({}))).contains("shop.customers (table"));
    let slow = client.call("execute_sql", json!({ "sql": "select sleep(20)", "timeout": "1s" }));
    assert!(text(&slow).contains("ended on the server after 1."), "{slow}");
    assert_eq!(house.get("/ready").status, 200, "{}", house.get("/ready").text());
    house.stop();

    let refused = Plan::yaml(&yaml("writer", "")).env("SHOP_PASSWORD", "writer-secret").start();
    assert!(text(&refused.call("execute_sql", json!({ "sql": "select 1" }))).contains("may do more than read"));
    refused.stop();

    let house =
        Plan::yaml(&yaml("writer", "      allow_writable_login: true\n")).env("SHOP_PASSWORD", "writer-secret").start();
    let client = Client::new(house.addr(), MODERN);
    let state = || server.sql("shop", "select group_concat(id, ':', total order by id) from orders");
    let before = state();
    for attack in ATTACKS {
        let tried = client.call("execute_sql", json!({ "sql": attack }));
        assert_eq!(tried["isError"], true, "{attack}: {tried}");
        assert!(!text(&tried).contains("root:"), "{attack}: {tried}");
        assert_eq!(state(), before, "{attack}");
    }
    assert!(!fs::exists("/tmp/windlass-was-here").unwrap());
}
