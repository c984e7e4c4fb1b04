//! What a login could do.

use std::collections::BTreeSet;

use mysql_async::{Conn, Error, Row, Value, prelude::Queryable};

use super::{
    grants::{self, Grant, Role},
    session::Server,
};
use crate::engine::Rights;

/// Reading, and looking at what the server does. `REFERENCES` alone makes nothing.
const READING: [&str; 12] = [
    "SELECT",
    "USAGE",
    "SHOW VIEW",
    "SHOW DATABASES",
    "SHOW CREATE ROUTINE",
    "SHOW_ROUTINE",
    "PROCESS",
    "REFERENCES",
    "REPLICATION CLIENT",
    "BINLOG MONITOR",
    "SLAVE MONITOR",
    "REPLICA MONITOR",
];
/// As many as somebody reads.
const EXAMPLES: usize = 8;

pub(super) async fn of(link: &mut Conn, server: &Server) -> Result<Rights, Error> {
    let mut found = Found::default();
    for line in show(link, "CURRENT_USER()").await? {
        found.line(&line, "");
    }
    if server.maria {
        found.roles_of_mariadb(link).await?;
        if server.is_at_least((10, 11, 0)) {
            let lines = match show(link, "PUBLIC").await {
                // Nothing was ever granted to everybody.
                Err(Error::Server(error)) if error.code == 1141 => Ok(Vec::new()),
                lines => lines,
            };
            found.asked(lines, "what everybody may do", "")?;
        }
    } else if !found.roles.is_empty() {
        // What is granted to roles of roles is in it.
        let roles: Vec<String> = found.roles.iter().map(named).collect();
        let whose = format!("CURRENT_USER() USING {}", roles.join(", "));
        found.asked(show(link, &whose).await, "what its roles may do", "")?;
    }
    found.beyond.sort();
    found.beyond.dedup();
    let beyond_reading = found.beyond.into_iter().take(EXAMPLES).map(|(_, words)| words).collect();
    let name = if server.maria { "MariaDB" } else { "MySQL" };
    Ok(Rights { beyond_reading, unproved: found.unproved, server: format!("{name} {}", server.version) })
}

#[derive(Default)]
struct Found {
    /// The gravest first, when sorted.
    beyond: Vec<(u8, String)>,
    roles: BTreeSet<Role>,
    unproved: Option<String>,
}

impl Found {
    /// Who may not read the system's tables is told of the role it has taken, and of the roles in it, and of no other.
    /// The session is put right afterwards.
    async fn roles_of_mariadb(&mut self, link: &mut Conn) -> Result<(), Error> {
        for role in self.roles.clone() {
            let name = named(&role);
            let lines = match link.query_drop(format!("SET ROLE {name}")).await {
                Ok(()) => show(link, "CURRENT_ROLE").await,
                Err(error) => Err(error),
            };
            self.asked(lines, &format!("what role {name} may do"), &format!(" as {name}"))?;
        }
        Ok(())
    }

    /// What the server does not tell is not proved; only when the connection broke is that an error.
    fn asked(&mut self, lines: Result<Vec<String>, Error>, what: &str, how: &str) -> Result<(), Error> {
        match lines {
            Ok(lines) => lines.iter().for_each(|line| self.line(line, how)),
            Err(Error::Server(error)) => {
                self.unproved.get_or_insert(format!("{what} could not be asked: {}", error.message));
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn line(&mut self, line: &str, how: &str) {
        match grants::parse(line) {
            Some(Grant::Rights { rights, on, giving }) => self.rights(&rights, &on, giving, how),
            Some(Grant::Roles(roles)) => self.roles.extend(roles),
            Some(Grant::Nothing) => (),
            // Not the line itself: it may have a hash of the password.
            None => {
                self.unproved.get_or_insert("one of its grants is not understood".to_owned());
            }
        }
    }

    fn rights(&mut self, rights: &[String], on: &str, giving: bool, how: &str) {
        let beyond: Vec<&str> = rights.iter().map(String::as_str).filter(|right| !READING.contains(right)).collect();
        let mut plain = Vec::new();
        for right in beyond {
            match grave(right, on) {
                Some((gravity, words)) => self.beyond.push((gravity, format!("{words}{how}"))),
                None => plain.push(right),
            }
        }
        if !plain.is_empty() {
            self.beyond.push((4, format!("may {} on {on}{how}", plain.join(", "))));
        }
        if giving {
            self.beyond.push((1, format!("may give its rights on {on} to others (GRANT OPTION){how}")));
        }
    }
}

/// What deserves words of its own.
fn grave(right: &str, on: &str) -> Option<(u8, String)> {
    Some(match right {
        "ALL PRIVILEGES" | "ALL" if on == "*.*" => (0, format!("is a superuser ({right} on *.*)")),
        "ALL PRIVILEGES" | "ALL" => (2, format!("may do everything on {on} ({right})")),
        "SUPER" => (0, "is a superuser (SUPER)".to_owned()),
        "FILE" => (1, "may read and write files of the server (FILE)".to_owned()),
        "PROXY" => (1, format!("may act as others (PROXY on {on})")),
        "CREATE USER" => (1, "may make and change users (CREATE USER)".to_owned()),
        "EXECUTE" => (3, format!("may run stored routines, which may write (EXECUTE on {on})")),
        _ => return None,
    })
}

fn named(role: &Role) -> String {
    let quoted = |name: &str| format!("`{}`", name.replace('`', "``"));
    let host = role.host.as_deref().map(|host| format!("@{}", quoted(host)));
    quoted(&role.name) + &host.unwrap_or_default()
}

/// `whose` is ours, or what the server said, quoted again. Not every server prepares this.
async fn show(link: &mut Conn, whose: &str) -> Result<Vec<String>, Error> {
    let rows: Vec<Row> = link.query(format!("SHOW GRANTS FOR {whose}")).await?;
    let text = |row: Row| match row.unwrap().into_iter().next() {
        Some(Value::Bytes(bytes)) => String::from_utf8(bytes).unwrap_or_default(),
        // An empty line is one that is not understood.
        _ => String::new(),
    };
    Ok(rows.into_iter().map(text).collect())
}
