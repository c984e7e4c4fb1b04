//! What a login could do. The server is asked what it *may*, not what it was granted: roles, groups and ownership count.
//!
//! Whatever is not known to be harmless is more than reading. Not looked at is what every login may do: temporary
//! tables, and the procedures of the system that are granted to `public`.

use tiberius::{Row, error::Error};

use super::{describe::rows, login::Client};
use crate::engine::Rights;

/// Azure SQL Database: one database, and a server that is none.
const AZURE: i32 = 5;

const SERVER: &str = "SELECT CAST(SERVERPROPERTY('ProductVersion') AS nvarchar(128)), \
     CAST(SERVERPROPERTY('EngineEdition') AS int)";

/// A question whose rows each name something beyond reading.
struct Question {
    /// Whether it is about the server, which Azure's databases do not have.
    of_server: bool,
    /// `{harmless}` stands for the permissions that are.
    sql: &'static str,
    /// How a row is told; `{}` stands for the next of its texts.
    words: &'static str,
}

/// That a permission is more than reading.
const BEYOND: &str = "p.permission_name NOT LIKE N'VIEW %' AND p.permission_name NOT IN (N'CONNECT', N'CONNECT SQL', \
     N'CONNECT ANY DATABASE', N'SELECT', N'SELECT ALL USER SECURABLES', N'REFERENCES', N'SHOWPLAN', N'UNMASK')";

const QUESTIONS: &[Question] = &[
    Question {
        of_server: true,
        sql: "SELECT r.name FROM (VALUES (N'sysadmin'), (N'securityadmin'), (N'serveradmin'), (N'setupadmin'), \
              (N'processadmin'), (N'diskadmin'), (N'dbcreator'), (N'bulkadmin')) AS r (name) \
              WHERE IS_SRVROLEMEMBER(r.name) = 1",
        words: "is a member of the server role {}",
    },
    Question {
        of_server: false,
        sql: "SELECT r.name FROM (VALUES (N'db_owner'), (N'db_securityadmin'), (N'db_accessadmin'), \
              (N'db_backupoperator'), (N'db_ddladmin'), (N'db_datawriter')) AS r (name) \
              WHERE IS_ROLEMEMBER(r.name) = 1",
        words: "is a member of the database role {}",
    },
    Question {
        of_server: true,
        sql: "SELECT TOP (5) p.permission_name FROM sys.fn_my_permissions(NULL, N'SERVER') AS p WHERE {beyond}",
        words: "may {} on the server",
    },
    Question {
        of_server: false,
        sql: "SELECT TOP (5) p.permission_name FROM sys.fn_my_permissions(NULL, N'DATABASE') AS p WHERE {beyond}",
        words: "may {} in the database",
    },
    Question {
        of_server: false,
        sql: "SELECT TOP (5) p.permission_name, s.name FROM sys.schemas AS s \
              CROSS APPLY sys.fn_my_permissions(QUOTENAME(s.name), N'SCHEMA') AS p \
              WHERE s.name NOT IN (N'sys', N'INFORMATION_SCHEMA') AND {beyond}",
        words: "may {} in the schema {}",
    },
    // Functions that are written in SQL cannot change anything, so executing one is reading.
    Question {
        of_server: false,
        sql: "SELECT TOP (5) p.permission_name, s.name, o.name FROM sys.objects AS o \
              JOIN sys.schemas AS s ON s.schema_id = o.schema_id \
              CROSS APPLY sys.fn_my_permissions(QUOTENAME(s.name) + N'.' + QUOTENAME(o.name), N'OBJECT') AS p \
              WHERE o.is_ms_shipped = 0 AND o.parent_object_id = 0 \
              AND NOT (o.type = 'FN' AND p.permission_name = N'EXECUTE') AND {beyond}",
        words: "may {} on {}.{}",
    },
    Question {
        of_server: false,
        sql: "SELECT TOP (5) u.name FROM sys.database_principals AS u WHERE u.type IN ('S', 'U', 'E') \
              AND u.name <> USER_NAME() AND HAS_PERMS_BY_NAME(QUOTENAME(u.name), N'USER', N'IMPERSONATE') = 1",
        words: "may IMPERSONATE the user {}",
    },
    Question {
        of_server: true,
        sql: "SELECT TOP (5) l.name FROM sys.server_principals AS l WHERE l.type IN ('S', 'U', 'E') \
              AND l.name <> SUSER_SNAME() AND HAS_PERMS_BY_NAME(QUOTENAME(l.name), N'LOGIN', N'IMPERSONATE') = 1",
        words: "may IMPERSONATE the login {}",
    },
    Question {
        of_server: true,
        sql: "SELECT TOP (5) w.permission, d.name FROM sys.databases AS d \
              CROSS JOIN (VALUES (N'INSERT'), (N'UPDATE'), (N'DELETE'), (N'EXECUTE'), (N'ALTER'), (N'CREATE TABLE')) \
              AS w (permission) WHERE d.name NOT IN (N'tempdb', DB_NAME()) \
              AND HAS_PERMS_BY_NAME(QUOTENAME(d.name), N'DATABASE', w.permission) = 1",
        words: "may {} in the database {}",
    },
    Question {
        of_server: true,
        sql: "SELECT x.name FROM (VALUES (N'master.sys.xp_cmdshell'), (N'msdb.dbo.sp_add_job')) AS x (name) \
              WHERE HAS_PERMS_BY_NAME(x.name, N'OBJECT', N'EXECUTE') = 1",
        words: "may EXECUTE {}",
    },
];

/// Databases whose objects nobody looked at.
const ELSEWHERE: &str = "SELECT TOP (5) d.name FROM sys.databases AS d WHERE HAS_DBACCESS(d.name) = 1 \
     AND d.name NOT IN (N'master', N'tempdb', N'msdb', DB_NAME())";

/// Asks all of it. What the server refuses to tell leaves the answer unproved.
pub async fn ask(client: &mut Client) -> tiberius::Result<Rights> {
    let server = rows(client, SERVER, &[]).await?;
    let version = server.first().map(|row| texts(row).join(" ")).unwrap_or_default();
    let edition = server.first().and_then(|row| row.try_get::<i32, _>(1).ok().flatten());
    let mut rights = Rights { server: format!("SQL Server {version}"), ..Rights::default() };
    for question in QUESTIONS {
        if question.of_server && edition == Some(AZURE) {
            continue;
        }
        match rows(client, &question.sql.replace("{beyond}", BEYOND), &[]).await {
            Ok(found) => rights.beyond_reading.extend(found.iter().map(|row| tell(question.words, &texts(row)))),
            Err(error) => unproved(&mut rights, error)?,
        }
    }
    if edition != Some(AZURE) {
        match rows(client, ELSEWHERE, &[]).await {
            Ok(found) if found.is_empty() => {}
            Ok(found) => {
                let names: Vec<String> = found.iter().flat_map(texts).collect();
                let why = format!(
                    "it may also enter other databases ({}), whose objects were not looked at",
                    names.join(", ")
                );
                rights.unproved.get_or_insert(why);
            }
            Err(error) => unproved(&mut rights, error)?,
        }
    }
    Ok(rights)
}

fn unproved(rights: &mut Rights, error: Error) -> tiberius::Result<()> {
    match error {
        Error::Server(token) if token.class() < 20 => {
            rights.unproved.get_or_insert_with(|| format!("the server did not tell its rights: {}", token.message()));
            Ok(())
        }
        other => Err(other),
    }
}

fn texts(row: &Row) -> Vec<String> {
    let texts = (0..row.len()).filter_map(|index| row.try_get::<&str, _>(index).ok().flatten());
    texts.map(str::to_owned).collect()
}

fn tell(words: &str, texts: &[String]) -> String {
    let mut told = String::new();
    let mut texts = texts.iter();
    for (index, part) in words.split("{}").enumerate() {
        if index > 0 {
            told.push_str(texts.next().map_or("?", String::as_str));
        }
        told.push_str(part);
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_found_is_told_in_order() {
        let texts = ["INSERT", "dbo", "{}"].map(str::to_owned);
        assert_eq!(tell("may {} on {}.{}", &texts), "may INSERT on dbo.{}");
        assert_eq!(tell("may {}", &[]), "may ?");
    }
}
