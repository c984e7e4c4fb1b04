//! What a login may do, and whether that is little enough.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use windlass_config::settings::{SourceKind, SourceSettings};
use windlass_core::Check;

use super::SourceError;
use crate::engine::Rights;

/// Rights change: a connection asks for them again before it is used, when they were last told so long ago.
const HOLDS: Duration = Duration::from_secs(300);

pub(super) struct Standing {
    kind: SourceKind,
    read_only: bool,
    allow_writable: bool,
    found: Mutex<Option<Found>>,
}

struct Found {
    since: Instant,
    server: String,
    /// What the login may do beyond reading.
    beyond: Option<String>,
    /// What to do about it, where that is too much.
    refused: Option<String>,
}

impl Standing {
    pub(super) fn new(settings: &SourceSettings) -> Self {
        Self {
            kind: settings.kind,
            read_only: settings.read_only,
            allow_writable: settings.allow_writable_login,
            found: Mutex::new(None),
        }
    }

    pub(super) fn is_fresh(&self) -> bool {
        let found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        found.as_ref().is_some_and(|found| found.refused.is_none() && found.since.elapsed() < HOLDS)
    }

    /// As if they had been told long ago.
    #[cfg(test)]
    pub(super) fn forget(&self) {
        *self.found.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Enters what a login may do.
    pub(super) fn judge(&self, rights: &Rights, user: Option<&str>) -> Result<(), SourceError> {
        let beyond = match (rights.beyond_reading.as_slice(), &rights.unproved) {
            ([], None) => None,
            ([], Some(why)) => Some(format!("may perhaps do more than read: {why}")),
            (some, _) => Some(some.join(", ")),
        };
        // SQL Server has no read-only transaction: there the login's rights are all there is.
        let is_only_wall = self.kind == SourceKind::Mssql;
        let too_much = self.read_only && beyond.is_some() && (is_only_wall || !self.allow_writable);
        let refused = too_much.then(|| advice(self.kind, user));
        if beyond.is_some() && self.read_only && refused.is_none() {
            tracing::warn!(
                "the login {}: only session and grammar keep it from that",
                beyond.as_deref().unwrap_or_default()
            );
        }
        let found = Found { since: Instant::now(), server: rights.server.clone(), beyond, refused };
        *self.found.lock().unwrap_or_else(PoisonError::into_inner) = Some(found);
        self.verdict()
    }

    /// Whether the login will do.
    pub(super) fn verdict(&self) -> Result<(), SourceError> {
        let found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        match &*found {
            Some(Found { refused: Some(hint), beyond, .. }) => {
                Err(SourceError::Unfit { what: beyond.clone().unwrap_or_default(), hint: hint.clone() })
            }
            _ => Ok(()),
        }
    }

    /// The check of a source that answers.
    pub(super) fn check(&self, name: String) -> Check {
        let found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(found) = &*found else { return Check::ok(name, "answers") };
        match (&found.beyond, self.read_only) {
            (_, false) => Check::ok(name, format!("{}, and may be changed", found.server)),
            (None, true) => Check::ok(name, format!("{}, by a login that can only read", found.server)),
            (Some(beyond), true) => {
                let told = format!("{}, by a login that {beyond}: allowed by `allow_writable_login`", found.server);
                Check::degraded(name, told)
            }
        }
    }
}

/// How to get a login that will do.
fn advice(kind: SourceKind, user: Option<&str>) -> String {
    let name = match user {
        Some(name) if name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') => format!("{name}_reader"),
        _ => "windlass_reader".to_owned(),
    };
    match kind {
        SourceKind::Postgres => format!(
            "make one that only reads (CREATE ROLE {name} LOGIN PASSWORD '...'; GRANT pg_read_all_data TO {name};) or set \
             `allow_writable_login: true` for this source"
        ),
        SourceKind::Mysql => format!(
            "make one that only reads (CREATE USER {name} IDENTIFIED BY '...'; GRANT SELECT, SHOW VIEW ON mydb.* TO {name};) \
             or set `allow_writable_login: true` for this source"
        ),
        SourceKind::Mssql => format!(
            "SQL Server has no read-only transactions, so only a login that cannot write will do (CREATE LOGIN {name} WITH \
             PASSWORD = '...'; CREATE USER {name} FOR LOGIN {name}; ALTER ROLE db_datareader ADD MEMBER {name};)"
        ),
        SourceKind::Sqlite => "set `allow_writable_login: true` for this source".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(yaml: &str, rights: Rights) -> Result<(), String> {
        let standing = Standing::new(&serde_saphyr::from_str(yaml).unwrap());
        standing.judge(&rights, Some("app")).map_err(|error| error.to_string())
    }

    fn writer() -> Rights {
        Rights { beyond_reading: vec!["may INSERT into public.orders".into()], ..Rights::default() }
    }

    #[test]
    fn who_can_write_is_refused_unless_that_is_allowed() {
        assert_eq!(judged("{kind: postgres}", Rights::default()), Ok(()));
        assert_eq!(judged("{kind: postgres}", writer()), Err("the login may INSERT into public.orders".into()));
        assert_eq!(judged("{kind: postgres, allow_writable_login: true}", writer()), Ok(()));
        assert_eq!(judged("{kind: postgres, read_only: false}", writer()), Ok(()));
    }

    #[test]
    fn sql_server_takes_nobody_who_may_be_able_to_write() {
        let unproved = || Rights { unproved: Some("permissions cannot be read".into()), ..Rights::default() };
        assert!(judged("{kind: mssql, allow_writable_login: true}", writer()).is_err());
        assert!(judged("{kind: mssql, allow_writable_login: true}", unproved()).is_err());
        assert_eq!(judged("{kind: mssql}", Rights::default()), Ok(()));
    }
}
