use std::time::Duration;

use tokio_postgres::{Client, Error};

use super::{super::Access, plan::MARK};

/// What the login may, as far as statements have to be treated differently for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Standing {
    /// Whether it could do more than read.
    pub(super) beyond_reading: bool,
    /// Whether it can give its rights up for those of who may read everything.
    pub(super) can_step_down: bool,
}

/// What it gives them up for. A part of PostgreSQL since 14.
const READER: &str = "pg_read_all_data";

/// A statement outside our transactions (preparing is one) is ended after this.
pub(super) const STATEMENT: Duration = Duration::from_secs(30);
/// Somebody who changes a table holds up whoever reads it, and behind a reader who waits, everybody else waits.
const LOCK: Duration = Duration::from_secs(10);
/// Should we be gone without a word.
const IDLE: Duration = Duration::from_secs(60);

/// Makes a new session safe, in one round trip. A text ends where the guard takes it to end, whatever the login's own
/// settings.
pub(super) async fn begin(client: &Client, access: Access) -> Result<Standing, Error> {
    let read_only = if access == Access::Read { "on" } else { "off" };
    let (statement, lock, idle) = (STATEMENT.as_millis(), LOCK.as_millis(), IDLE.as_millis());
    let text = format!(
        "WITH me AS (SELECT * FROM pg_catalog.pg_roles WHERE rolname = current_user), \
         version AS (SELECT pg_catalog.current_setting('server_version_num')::int AS number) \
         SELECT \
         rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls \
         OR EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE r.rolname ~ '^pg_(write_|read_server|execute_server)' \
           AND pg_catalog.pg_has_role(r.oid, 'USAGE')) \
         OR EXISTS (SELECT FROM pg_catalog.pg_class c WHERE pg_catalog.pg_has_role(c.relowner, 'USAGE')), \
         EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE r.rolname = '{READER}' \
           AND (rolsuper OR pg_catalog.pg_has_role(r.oid, 'USAGE') \
             AND pg_catalog.pg_has_role(r.oid, CASE WHEN number >= 160000 THEN 'SET' ELSE 'MEMBER' END))), \
         pg_catalog.set_config('default_transaction_read_only', '{read_only}', false), \
         pg_catalog.set_config('standard_conforming_strings', 'on', false), \
         pg_catalog.set_config('statement_timeout', '{statement}', false), \
         pg_catalog.set_config('lock_timeout', '{lock}', false), \
         pg_catalog.set_config('idle_in_transaction_session_timeout', '{idle}', false) \
         FROM me, version"
    );
    let row = client.query_typed_one(&text, &[]).await?;
    Ok(Standing { beyond_reading: row.try_get(0)?, can_step_down: row.try_get(1)? })
}

/// What begins every transaction that reads. The query takes the snapshot, after which it cannot be made writable.
pub(super) fn reading(timeout: Duration, standing: Standing) -> String {
    let role = match standing {
        Standing { beyond_reading: true, can_step_down: true } => format!("SET LOCAL ROLE {READER}; "),
        _ => String::new(),
    };
    let milliseconds = milliseconds(timeout);
    format!(
        "BEGIN READ ONLY; {role}SELECT pg_catalog.set_config('{MARK}', 'on', true), \
         pg_catalog.set_config('statement_timeout', '{milliseconds}', true)"
    )
}

/// What begins every transaction that writes.
pub(super) fn writing(timeout: Duration) -> String {
    format!("BEGIN READ WRITE; SET LOCAL statement_timeout = {}", milliseconds(timeout))
}

/// What follows every transaction that writes. What a statement set would last for as long as the session: foreign keys that
/// are not checked, somebody else's schema, a role; and so would its locks. Not all of it shows in the statement, because a
/// trigger can do it, and so can a function that was declared to only read.
pub(super) fn afresh() -> String {
    let (statement, lock, idle) = (STATEMENT.as_millis(), LOCK.as_millis(), IDLE.as_millis());
    format!(
        "RESET SESSION AUTHORIZATION; RESET ROLE; RESET ALL; SET default_transaction_read_only = off; \
         SET standard_conforming_strings = on; \
         SET statement_timeout = {statement}; SET lock_timeout = {lock}; \
         SET idle_in_transaction_session_timeout = {idle}; SELECT pg_catalog.pg_advisory_unlock_all()"
    )
}

/// At least one, because none is for ever; at most what the server takes.
fn milliseconds(timeout: Duration) -> u128 {
    timeout.as_millis().clamp(1, i32::MAX as u128)
}

#[cfg(test)]
mod tests {
    use windlass_testkit::postgres::Server;

    use super::*;
    use crate::engine::postgres::plan;

    async fn client(server: &Server, user: &str) -> Client {
        let mut config = tokio_postgres::Config::new();
        config.host_path(server.socket_directory()).port(server.port()).user(user).dbname("postgres");
        let (client, link) = config.connect(tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(link);
        client
    }

    /// Without any other layer.
    #[tokio::test]
    async fn a_transaction_that_reads_stays_one_by_itself() {
        let Some(server) = Server::start() else { return };
        server.sql("postgres", "create role app login; create table t (n int); alter table t owner to app");
        for user in ["postgres", "app"] {
            let client = client(&server, user).await;
            let standing = begin(&client, Access::Read).await.unwrap();
            assert_eq!(standing, Standing { beyond_reading: true, can_step_down: user == "postgres" });
            for attack in [
                "select 1",
                "set transaction read write",
                "set transaction_read_only = off",
                "select set_config('transaction_read_only', 'off', false)",
                "set default_transaction_read_only = off",
                "set session characteristics as transaction read write",
                "set role none",
                "reset all",
            ] {
                client.batch_execute(&reading(Duration::from_secs(60), standing)).await.unwrap();
                let _ = client.execute(attack, &[]).await;
                assert!(client.execute("insert into t values (1)", &[]).await.is_err(), "{user}: {attack}");
                client.batch_execute("ROLLBACK").await.unwrap();
                // And one that was ended before its time is followed by others of the same kind.
                assert!(client.execute("insert into t values (1)", &[]).await.is_err(), "{user}: {attack}");
            }
        }
        assert_eq!(server.sql("postgres", "select count(*) from t"), "0");
    }

    #[tokio::test]
    async fn a_superuser_steps_down_to_a_reader() {
        let Some(server) = Server::start() else { return };
        server.sql("postgres", "create schema s; create table s.t as select 1 as n; create role guest login");
        let client = client(&server, "postgres").await;
        let standing = begin(&client, Access::Read).await.unwrap();
        for (sql, works) in [
            ("select * from s.t", true),
            ("select pg_read_file('/etc/passwd')", false),
            ("copy s.t to program 'true'", false),
            ("select pg_reload_conf()", false),
        ] {
            client.batch_execute(&reading(Duration::from_secs(60), standing)).await.unwrap();
            assert_eq!(client.execute(sql, &[]).await.is_ok(), works, "{sql}");
            client.batch_execute("ROLLBACK").await.unwrap();
        }
    }

    /// Where the begin failed and the statement was sent already.
    #[tokio::test]
    async fn a_statement_outside_our_transactions_does_nothing() {
        let Some(server) = Server::start() else { return };
        server.sql("postgres", "create table t as select n from generate_series(1, 3) n; create role guest login");
        server.sql("postgres", "grant select on t to guest");
        let client = client(&server, "guest").await;
        let standing = begin(&client, Access::Read).await.unwrap();
        for sql in [
            "select pg_advisory_lock(1)",
            "select pg_advisory_lock(n) from t order by n limit 2",
            "select n from t where pg_advisory_lock(n)::text = ''",
            "with x as materialized (select pg_advisory_lock(2)) select 1 from x",
            "with recursive x as (select 1 as n, pg_advisory_lock(1) union all select n + 1, pg_advisory_lock(n) from x where n < 3)
                select * from x",
            "values (pg_advisory_lock(1)), (pg_advisory_lock(2))",
            "select 1, pg_advisory_lock(1) union all select 2, pg_advisory_lock(2)",
            "select distinct pg_advisory_lock(n)::text from t group by n having pg_advisory_lock(n)::text = ''",
            "select (select pg_advisory_lock(3)), array(select pg_advisory_lock(n)::text from t)",
            "select * from t, lateral (select pg_advisory_lock(n)) x",
            "select count(*), count(pg_advisory_lock(n)::text) over () from t group by n",
            "select 1 from t limit (select pg_try_advisory_lock(7)::int)",
        ] {
            let known = client.prepare(sql).await.unwrap();
            let wrapped = plan::reading(sql, &plan::forms(&known));
            let statement = client.prepare(&wrapped.text).await.unwrap();
            let locks = "select count(*) from pg_locks where locktype = 'advisory'";
            assert_eq!(client.query(&statement, &[]).await.unwrap().len(), 0, "{sql}");
            assert_eq!(server.sql("postgres", locks), "0", "{sql}");
            // Not for another reason.
            client.batch_execute(&reading(Duration::from_secs(60), standing)).await.unwrap();
            client.query(&statement, &[]).await.unwrap();
            assert_ne!(server.sql("postgres", locks), "0", "{sql}");
            client.batch_execute("ROLLBACK; SELECT pg_advisory_unlock_all()").await.unwrap();
        }
    }
}
