//! Tables that hold secrets, or lead out of the database.

use sqlparser::ast::Ident;
use windlass_config::settings::SourceKind;

use super::Refusal;

/// Of PostgreSQL, whatever schema they are asked for in.
const POSTGRES: &[&str] = &[
    "pg_authid",
    "pg_backend_memory_contexts",
    "pg_config",
    "pg_file_settings",
    "pg_hba_file_rules",
    "pg_ident_file_mappings",
    "pg_largeobject",
    "pg_shadow",
    "pg_shmem_allocations",
    "pg_stat_wal_receiver",
    "pg_subscription",
    "pg_user_mapping",
    "pg_user_mappings",
    "_pg_user_mappings",
    "user_mapping_options",
    "_pg_foreign_servers",
    "foreign_server_options",
    "pg_foreign_server",
];

/// Of SQL Server.
const MSSQL: &[&str] = &[
    "sql_logins",
    "syslogins",
    "sysxlogins",
    "sysusers",
    "credentials",
    "database_scoped_credentials",
    "linked_logins",
    "remote_logins",
    "sysremotelogins",
    "sysoledbusers",
    "sysservers",
    "servers",
    "symmetric_keys",
    "asymmetric_keys",
    "certificates",
    "sysprocesses",
    "dm_exec_sql_text",
    "dm_os_enumerate_filesystem",
];

pub(super) fn check(parts: &[Ident], kind: SourceKind) -> Result<(), Refusal> {
    let names: Vec<_> = parts.iter().map(|part| part.value.to_ascii_lowercase()).collect();
    let Some((last, schemas)) = names.split_last() else { return Ok(()) };
    let secret = match kind {
        SourceKind::Postgres => POSTGRES.contains(&last.as_str()),
        SourceKind::Mysql => schemas.iter().any(|schema| schema == "mysql"),
        SourceKind::Sqlite => false,
        SourceKind::Mssql => {
            if schemas.len() > 2 {
                return Err(Refusal::new(
                    format!("`{}` is on another server", names.join(".")),
                    "name tables of this server: database.schema.table at most",
                ));
            }
            // Collations may take wide letters for narrow ones.
            MSSQL.contains(&last.as_str()) || schemas.iter().any(|schema| schema == "sys") && !last.is_ascii()
        }
    };
    if secret {
        let name = names.join(".");
        return Err(Refusal::new(format!("`{name}` holds what is not for you"), "ask for the data itself"));
    }
    Ok(())
}
