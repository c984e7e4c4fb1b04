//! What a session is before a statement, and how it forgets one.

use std::{fmt::Write, time::Duration};

use mysql_async::{ChangeUserOpts, Conn, Error, Row, prelude::Queryable};

use crate::engine::Access;

/// What the limits of a server may be: 32 bits of milliseconds, and of seconds elsewhere, are a few weeks.
const LONGEST: Duration = Duration::from_secs(31 * 24 * 3600);

/// Which of the two, and how far it has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Server {
    pub(super) maria: bool,
    /// `10.11.6`.
    pub(super) version: String,
    numbers: (u16, u16, u16),
}

/// Where a session stands, beside its variables: what a reset does not bring back.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Home {
    database: Option<String>,
    role: Option<String>,
}

impl Server {
    pub(super) async fn of(connection: &mut Conn) -> Result<Self, Error> {
        let text: Option<String> = connection.query_first("SELECT VERSION()").await?;
        let text = text.unwrap_or_default();
        let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let version = text.get(..end).unwrap_or_default().to_owned();
        Ok(Self { maria: text.contains("MariaDB"), version, numbers: connection.server_version() })
    }

    pub(super) fn is_at_least(&self, version: (u16, u16, u16)) -> bool {
        self.numbers >= version
    }

    /// All of what follows is ours, and goes in one round trip.
    fn set_up(&self, access: Access, timeout: Duration, home: Option<&Home>) -> String {
        let timeout = timeout.clamp(Duration::from_millis(1), LONGEST);
        let seconds = timeout.as_secs_f64().ceil() as u64;
        // The guard reads statements with this grammar, whatever the server's own setting: with ANSI_QUOTES or
        // NO_BACKSLASH_ESCAPES a text would end elsewhere. Grouping is as strict as each of the two is by default.
        let mut text = "SET NAMES utf8mb4; SET SESSION sql_mode='STRICT_ALL_TABLES,STRICT_TRANS_TABLES,\
                        ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION"
            .to_owned();
        text += if self.maria { "'" } else { ",ONLY_FULL_GROUP_BY'" };
        text += ",time_zone='+00:00',completion_type=0,autocommit=1,group_concat_max_len=1048576";
        let _ = write!(text, ",lock_wait_timeout={seconds},innodb_lock_wait_timeout={seconds}");
        let _ = if self.maria {
            write!(text, ",max_statement_time={:.6}", timeout.as_secs_f64())
        } else {
            write!(text, ",max_execution_time={}", timeout.as_millis())
        };
        // A recursive query is not cut in silence after a thousand steps: what ends it is its time.
        text += match self.maria {
            true if self.is_at_least((10, 2, 2)) => ",max_recursive_iterations=4294967295",
            false if self.is_at_least((8, 0, 3)) => ",cte_max_recursion_depth=4294967295",
            _ => "",
        };
        text += match access {
            Access::Read => "; SET SESSION TRANSACTION READ ONLY",
            Access::Write => "; SET SESSION TRANSACTION READ WRITE",
        };
        if let Some(home) = home.filter(|_| self.maria) {
            // There not even a new login puts it back.
            match &home.role {
                Some(role) => text += &format!("; SET ROLE `{}`", role.replace('`', "``")),
                None => text += "; SET ROLE NONE",
            }
        }
        // MySQL has roles since 8.0, MariaDB for longer than it has had what else is needed here.
        let roles = self.maria || self.is_at_least((8, 0, 0));
        text += if roles { "; SELECT DATABASE(), CURRENT_ROLE()" } else { "; SELECT DATABASE(), NULL" };
        text += match access {
            Access::Read => "; START TRANSACTION READ ONLY",
            Access::Write => "; START TRANSACTION",
        };
        text
    }
}

/// Makes the session what it has to be, and begins a transaction. `home` is where it has to stand; `None`, of a new
/// connection, is anywhere.
pub(super) async fn begin(
    connection: &mut Conn,
    server: &Server,
    access: Access,
    timeout: Duration,
    home: Option<&Home>,
) -> Result<Home, Error> {
    let text = server.set_up(access, timeout, home);
    let stands = ask(connection, &text).await?;
    if home.is_none_or(|home| *home == stands) {
        return Ok(stands);
    }
    // `USE` outlives a reset. This logs in again.
    connection.change_user(ChangeUserOpts::default()).await?;
    let stands = ask(connection, &text).await?;
    match home {
        Some(home) if *home != stands => Err(Error::Other("the session cannot be put back in its state".into())),
        _ => Ok(stands),
    }
}

/// Rolls back, and forgets all a statement could leave.
pub(super) async fn forget(connection: &mut Conn) -> Result<(), Error> {
    if !connection.reset().await? {
        connection.change_user(ChangeUserOpts::default()).await?;
    }
    Ok(())
}

async fn ask(connection: &mut Conn, text: &str) -> Result<Home, Error> {
    let mut answers = connection.query_iter(text).await?;
    let mut home = Home::default();
    loop {
        while let Some(row) = answers.next().await? {
            home = stands(&row);
        }
        if answers.is_empty() {
            break;
        }
    }
    answers.drop_result().await?;
    Ok(home)
}

fn stands(row: &Row) -> Home {
    let text = |at: usize| row.get::<Option<String>, _>(at).flatten();
    Home { database: text(0), role: text(1) }
}
