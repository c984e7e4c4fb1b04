//! Which functions a statement could call that do more than give a value.
//!
//! A transaction that is rolled back undoes what a statement did to the database, and leaves what its functions did
//! elsewhere: locks of the session, connections to other databases, prepared names, files. PostgreSQL knows which
//! functions do only give a value: they are declared `STABLE` or `IMMUTABLE`. So every name in the statement, wherever it
//! stands, is looked up among the others.
//! - Those of the system, and those that reach another database, are not called by what only reads, but for some that
//!   are known to be harmless.
//! - After a statement that names another one the connection is closed. Functions of the operator's own that read should
//!   be declared `STABLE`: it saves a connection for every call.
//!
//! Views are looked into, but may call what they like: they are the operator's. So are operators and functions, which are
//! not looked into.

use std::collections::HashSet;

use tokio_postgres::{Client, Error, types::Type};

use super::error::Failure;

/// Functions of the system that are declared to do more, and leave nothing that matters: they look at what changes
/// meanwhile, wait, or do what a transaction undoes (or, when it only reads, refuses).
const HARMLESS: &str = "
    bernoulli clock_timestamp current_query currval gen_random_uuid lastval lo_get nextval pg_advisory_xact_lock
    pg_advisory_xact_lock_shared pg_blocking_pids pg_collation_actual_version pg_current_wal_flush_lsn
    pg_current_wal_insert_lsn pg_current_wal_lsn pg_database_size pg_indexes_size pg_is_in_recovery
    pg_is_wal_replay_paused pg_last_committed_xact pg_last_wal_receive_lsn pg_last_wal_replay_lsn
    pg_last_xact_replay_timestamp pg_lock_status pg_notification_queue_usage pg_partition_ancestors pg_partition_tree
    pg_relation_size pg_safe_snapshot_blocking_pids pg_sequence_last_value pg_sleep pg_sleep_for pg_sleep_until
    pg_stat_get_xact_blocks_fetched pg_stat_get_xact_blocks_hit pg_stat_get_xact_function_calls
    pg_stat_get_xact_numscans pg_stat_get_xact_tuples_fetched pg_table_size pg_tablespace_size pg_total_relation_size
    pg_try_advisory_xact_lock pg_try_advisory_xact_lock_shared pg_xact_commit_timestamp pg_xact_status random
    random_normal setval system timeofday txid_status uuidv4 uuidv7
";

/// What sets something for as long as the transaction lasts, such as whose rows are shown. It would also give a login back
/// the rights that it has given up.
pub(super) const SETTER: &str = "set_config";

/// Names of functions that are not declared to give a value only, and whether they are the system's.
const FUNCTIONS: &str = "SELECT DISTINCT p.proname::pg_catalog.text, \
    p.pronamespace = 'pg_catalog'::pg_catalog.regnamespace OR pg_catalog.starts_with(p.proname::pg_catalog.text, 'dblink') \
    FROM pg_catalog.pg_proc p WHERE p.proname = ANY ($1) AND p.provolatile = 'v' \
    AND p.prorettype <> 'pg_catalog.trigger'::pg_catalog.regtype";

/// What views are. The system's own call nothing that matters.
const VIEWS: &str = "SELECT pg_catalog.pg_get_viewdef(c.oid) FROM pg_catalog.pg_class c \
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
    WHERE c.relname = ANY ($1) AND c.relkind = 'v' AND n.nspname NOT IN ('pg_catalog', 'information_schema')";

/// Names longer than this are cut by the server.
const LONGEST: usize = 63;

/// What a statement's functions could do.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Reach {
    /// Whether one of them could leave something in the session.
    pub(super) leaves: bool,
    /// One of the system's, or one that reaches another database, that could act outside the transaction.
    pub(super) outside: Option<String>,
    /// Whether it could set something itself.
    pub(super) sets: bool,
    /// Whether a view that it reads could.
    pub(super) views_set: bool,
}

/// Looks up what a statement could call.
pub(super) async fn examine(client: &Client, sql: &str) -> Result<Reach, Failure> {
    let Some(mut names) = names(sql) else {
        let hidden = "what is named in Unicode escapes".to_owned();
        return Ok(Reach { leaves: true, outside: Some(hidden), sets: true, views_set: true });
    };
    let mut reach = Reach::default();
    for (name, system) in functions(client, &names).await? {
        match name.as_str() {
            SETTER => reach.sets = true,
            _ if system => (reach.leaves, reach.outside) = (true, Some(name)),
            _ => reach.leaves = true,
        }
    }
    let mut known = names.clone();
    while !reach.leaves {
        names = views(client, &names).await?;
        names.retain(|name| known.insert(name.clone()));
        if names.is_empty() {
            break;
        }
        for (name, _) in functions(client, &names).await? {
            match name.as_str() {
                SETTER => reach.views_set = true,
                _ => reach.leaves = true,
            }
        }
    }
    Ok(reach)
}

/// Those of the names that are functions and not known to be harmless, and whether they are the system's.
async fn functions(client: &Client, names: &HashSet<String>) -> Result<Vec<(String, bool)>, Error> {
    let names: Vec<&String> = names.iter().collect();
    let mut found = Vec::new();
    for row in client.query_typed(FUNCTIONS, &[(&names, Type::NAME_ARRAY)]).await? {
        let (name, system): (String, bool) = (row.try_get(0)?, row.try_get(1)?);
        if !system || !HARMLESS.split_whitespace().any(|harmless| harmless == name) {
            found.push((name, system));
        }
    }
    Ok(found)
}

/// All names in the definitions of those of the names that are views.
async fn views(client: &Client, of: &HashSet<String>) -> Result<HashSet<String>, Error> {
    let of: Vec<&String> = of.iter().collect();
    let mut found = HashSet::new();
    for row in client.query_typed(VIEWS, &[(&of, Type::NAME_ARRAY)]).await? {
        // The server writes them without escapes.
        found.extend(names(row.try_get(0)?).unwrap_or_default());
    }
    Ok(found)
}

/// Everything in a text that PostgreSQL could take for a name, whether it stands in quotes, a text or a comment. `None`
/// where names could be written so that they cannot be seen.
fn names(sql: &str) -> Option<HashSet<String>> {
    let lower = sql.to_ascii_lowercase();
    // `U&"\0061"` is `a`.
    if lower.contains("u&\"") {
        return None;
    }
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '$' || !c.is_ascii();
    let words = |text: &str| text.split(|c| !is_part(c)).map(cut).collect::<Vec<_>>();
    let quoted = sql.match_indices('"').map(|(at, _)| quoted(&sql[at + 1..]));
    let names = words(sql).into_iter().chain(words(&lower)).chain(quoted).filter(|name| !name.is_empty());
    Some(names.collect())
}

/// The name that would end at the next quote. Two of them are one that belongs to it.
fn quoted(text: &str) -> String {
    let mut name = String::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        if name.len() > LONGEST || (character == '"' && characters.next() != Some('"')) {
            break;
        }
        name.push(character);
    }
    cut(&name)
}

fn cut(name: &str) -> String {
    name[..name.floor_char_boundary(LONGEST)].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_wherever_they_stand() {
        for sql in [
            "select Dblink_Connect('x')",
            "select \"dblink_connect\"('x')",
            "select public . dblink_connect /* a */ ('x')",
            "select query_to_xml('select dblink_connect(''x'')')",
            "select t.dblink_connect from t",
            "select/**/dblink_connect--\n('x')",
        ] {
            assert!(names(sql).unwrap().contains("dblink_connect"), "{sql}");
        }
        for (sql, name) in [
            ("select \"My Function\"()", "My Function"),
            ("select '\"', \"My Function\"()", "My Function"),
            ("select '{\"a\": \"\"}', \"a\"\"b\"()", "a\"b"),
            ("select Ünï()", "Ünï"),
        ] {
            assert!(names(sql).unwrap().contains(name), "{sql}");
        }
        let long = "f".repeat(70);
        assert!(names(&format!("select {long}()")).unwrap().contains(&long[..63]));
    }

    #[test]
    fn names_that_cannot_be_seen_are_feared() {
        for sql in ["select u&\"\\0064blink_connect\"('x')", "select U&\"d\"()"] {
            assert_eq!(names(sql), None, "{sql}");
        }
    }
}
