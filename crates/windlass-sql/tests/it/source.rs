//! A source: connections, logins and time, over real databases.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod ending;
mod logins;
mod reaching;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use serde_json::Value;
use windlass_config::settings::SourceSettings;
use windlass_core::{CancellationToken, Deadline, SecretString};
use windlass_sql::{
    engine::Access,
    rows::Table,
    source::{Ended, Freshness, Limits, PasswordError, Passwords, Source, Statement},
};
use windlass_testkit::{mariadb, postgres};

/// Longer than anything here takes.
const LONG: Duration = Duration::from_secs(30);

/// A password that stays.
pub(crate) struct Fixed(pub(crate) String);

#[async_trait]
impl Passwords for Fixed {
    async fn password(
        &self,
        _: &SourceSettings,
        _: Option<&str>,
        _: Freshness,
    ) -> Result<Option<SecretString>, PasswordError> {
        Ok(Some(self.0.clone().into()))
    }

    async fn resolve(&self, text: &str, _: Freshness) -> Result<String, PasswordError> {
        Ok(text.to_owned())
    }
}

pub(crate) fn settings(yaml: &str) -> SourceSettings {
    serde_saphyr::from_str(yaml).unwrap()
}

fn source(yaml: &str, password: &str) -> Source {
    Source::new("shop", &settings(yaml), Arc::new(Fixed(password.to_owned())))
}

/// As the superuser.
fn of_postgres(server: &postgres::Server, more: &str) -> Source {
    let url = server.url("postgres", "postgres");
    source(&format!("{{kind: postgres, url: '{url}', allow_writable_login: true{more}}}"), server.password())
}

/// As the superuser.
fn of_mariadb(server: &mariadb::Server, more: &str) -> Source {
    let at = format!("host: {}, port: {}, user: root", server.host(), server.port());
    source(&format!("{{kind: mysql, {at}, allow_writable_login: true{more}}}"), server.password())
}

fn limits(timeout: Duration) -> Limits {
    Limits { timeout, deadline: Deadline::after(LONG), cancel: CancellationToken::new() }
}

async fn run(source: &Source, sql: &str, access: Access, limits: Limits) -> Ended<Table> {
    let statement = Statement { sql: sql.to_owned(), arguments: Vec::new(), access };
    source.run(statement, limits, Table::default(), |table| table.rows.is_empty()).await
}

/// The only cell.
async fn cell(source: &Source, sql: &str) -> Value {
    let ended = run(source, sql, Access::Read, limits(LONG)).await;
    ended.outcome.unwrap_or_else(|error| panic!("{sql}: {error}"));
    ended.rows.rows[0][0].clone()
}
