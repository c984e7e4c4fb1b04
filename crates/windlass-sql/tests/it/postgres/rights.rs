use windlass_testkit::postgres::Server;

use super::{Access, connect, reader};

#[tokio::test]
async fn only_a_reader_is_found_to_be_one() {
    let Some(server) = Server::start() else { return };
    server.sql(
        "postgres",
        "create table orders (id serial, total numeric); create view v as select 1 as n;
        create role guest login; grant select on orders to guest; grant select on sequence orders_id_seq to guest;
        create role everything login; grant pg_read_all_data, pg_monitor to everything;
        create role column_writer login; grant update (total) on orders to column_writer;
        create role several login; grant insert, delete, truncate on orders to several;
        create role counter login; grant usage on sequence orders_id_seq to counter;
        create role team; grant insert on orders to team; create role member login noinherit in role team;
        create role inheritor login in role team;
        create role owner login; create table owned (); alter table owned owner to owner;
        create role maker login; grant create on schema public to maker;
        create role creator login; grant create on database postgres to creator;
        create role roles login createrole createdb replication bypassrls;
        create role files login; grant pg_read_server_files, pg_write_server_files, pg_execute_server_program to files;
        create role all_writer login; grant pg_write_all_data to all_writer;",
    );
    for (user, expected) in [
        ("guest", vec![]),
        ("everything", vec![]),
        ("postgres", vec!["is a superuser"]),
        ("column_writer", vec!["may UPDATE public.orders"]),
        ("several", vec!["may INSERT into, DELETE from, TRUNCATE public.orders"]),
        ("counter", vec!["may advance the sequence public.orders_id_seq"]),
        ("inheritor", vec!["may INSERT into public.orders"]),
        ("member", vec!["is a member of team, and may become it"]),
        ("owner", vec!["owns public.owned"]),
        ("maker", vec!["may CREATE in the schema public"]),
        ("creator", vec!["may CREATE schemas in the database"]),
        (
            "roles",
            vec![
                "may make and change roles",
                "may make databases",
                "may start replication",
                "may bypass the row security of every table",
            ],
        ),
        (
            "files",
            vec![
                "is a member of pg_execute_server_program, which runs programs on the server",
                "is a member of pg_read_server_files, which reads files of the server",
                "is a member of pg_write_server_files, which writes files of the server",
            ],
        ),
    ] {
        for access in [Access::Read, Access::Write] {
            let rights = connect(&server, user, access).await.rights().await.unwrap();
            assert_eq!(rights.beyond_reading, expected, "{user}");
            assert_eq!(rights.unproved, None);
        }
    }
    let rights = reader(&server, "all_writer").await.rights().await.unwrap();
    assert_eq!(rights.beyond_reading[0], "is a member of pg_write_all_data, which writes every table");
    let version = server.sql("postgres", "show server_version");
    assert_eq!(rights.server, format!("PostgreSQL {}", version.split(' ').next().unwrap()));
}
