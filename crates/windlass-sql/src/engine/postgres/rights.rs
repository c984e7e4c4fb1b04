use tokio_postgres::{Client, Error};

use super::super::Rights;

/// Everything that makes a login more than a reader, the gravest first, some examples of each.
///
/// Not found: what functions do that run with the rights of their owner (`SECURITY DEFINER`). Whether one of them writes
/// cannot be read off it; in a transaction that only reads, it is refused like everything else. Nor are temporary tables
/// and large objects counted, which everybody may make where nobody has forbidden it: such a transaction forbids or
/// undoes them.
const LOOK_UP: &str = "\
WITH me AS (SELECT * FROM pg_catalog.pg_roles WHERE rolname = current_user),
relations AS (
  SELECT c.oid, c.relkind, c.relowner, pg_catalog.format('%I.%I', n.nspname, c.relname) AS name
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace, me
  WHERE NOT me.rolsuper AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
    AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_(toast|temp_)'
),
found (grade, what) AS (
  SELECT 1, 'is a superuser' FROM me WHERE me.rolsuper
  UNION ALL SELECT 2, 'may make and change roles' FROM me WHERE rolcreaterole AND NOT me.rolsuper
  UNION ALL SELECT 3, 'may make databases' FROM me WHERE rolcreatedb AND NOT me.rolsuper
  UNION ALL SELECT 4, 'may start replication' FROM me WHERE rolreplication AND NOT me.rolsuper
  UNION ALL SELECT 5, 'may bypass the row security of every table' FROM me WHERE rolbypassrls AND NOT me.rolsuper
  UNION ALL
  SELECT 6, 'is a member of ' || r.rolname || ', which ' || p.does FROM me, pg_catalog.pg_roles r JOIN (VALUES
    ('pg_execute_server_program', 'runs programs on the server'),
    ('pg_write_server_files', 'writes files of the server'),
    ('pg_read_server_files', 'reads files of the server'),
    ('pg_write_all_data', 'writes every table'),
    ('pg_create_subscription', 'makes subscriptions'),
    ('pg_maintain', 'maintains every table'),
    ('pg_checkpoint', 'starts checkpoints'),
    ('pg_signal_backend', 'ends the sessions of others')
  ) AS p (name, does) ON p.name = r.rolname
  WHERE NOT me.rolsuper AND pg_catalog.pg_has_role(r.oid, 'MEMBER')
  UNION ALL (
    SELECT 7, 'is a member of ' || pg_catalog.quote_ident(r.rolname) || ', and may become it'
    FROM pg_catalog.pg_roles r, me WHERE NOT me.rolsuper AND r.oid <> me.oid AND r.rolname !~ '^pg_'
      AND pg_catalog.pg_has_role(r.oid, 'MEMBER') AND NOT pg_catalog.pg_has_role(r.oid, 'USAGE')
    ORDER BY r.rolname LIMIT 3)
  UNION ALL (
    SELECT 8, 'owns ' || name FROM relations WHERE pg_catalog.pg_has_role(relowner, 'MEMBER') ORDER BY name LIMIT 3)
  UNION ALL (
    SELECT 9, 'may ' || list || ' ' || name FROM relations, pg_catalog.concat_ws(', ',
      CASE WHEN pg_catalog.has_any_column_privilege(oid, 'INSERT') THEN 'INSERT into' END,
      CASE WHEN pg_catalog.has_any_column_privilege(oid, 'UPDATE') THEN 'UPDATE' END,
      CASE WHEN pg_catalog.has_table_privilege(oid, 'DELETE') THEN 'DELETE from' END,
      CASE WHEN pg_catalog.has_table_privilege(oid, 'TRUNCATE') THEN 'TRUNCATE' END,
      CASE WHEN pg_catalog.has_table_privilege(oid, 'TRIGGER') THEN 'add triggers to' END) AS list
    WHERE relkind <> 'S' AND list <> '' AND NOT pg_catalog.pg_has_role(relowner, 'MEMBER') ORDER BY name LIMIT 3)
  UNION ALL (
    SELECT 10, 'may advance the sequence ' || name FROM relations
    WHERE relkind = 'S' AND NOT pg_catalog.pg_has_role(relowner, 'MEMBER')
      AND (pg_catalog.has_sequence_privilege(oid, 'USAGE') OR pg_catalog.has_sequence_privilege(oid, 'UPDATE'))
    ORDER BY name LIMIT 3)
  UNION ALL (
    SELECT 11, 'may CREATE in the schema ' || pg_catalog.quote_ident(n.nspname) FROM pg_catalog.pg_namespace n, me
    WHERE NOT me.rolsuper AND n.nspname !~ '^pg_(toast|temp_)' AND pg_catalog.has_schema_privilege(n.oid, 'CREATE')
    ORDER BY n.nspname LIMIT 3)
  UNION ALL
  SELECT 12, 'may CREATE schemas in the database' FROM me
  WHERE NOT me.rolsuper AND pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE')
)
SELECT pg_catalog.current_setting('server_version'),
  ARRAY(SELECT what FROM found ORDER BY grade, what)";

/// Looks them up.
pub(super) async fn of(client: &Client) -> Result<Rights, Error> {
    let row = client.query_typed_one(LOOK_UP, &[]).await?;
    let (version, beyond_reading): (String, Vec<String>) = (row.try_get(0)?, row.try_get(1)?);
    // Debian and others add their own version behind a space.
    let version = version.split(' ').next().unwrap_or_default();
    Ok(Rights { beyond_reading, unproved: None, server: format!("PostgreSQL {version}") })
}
