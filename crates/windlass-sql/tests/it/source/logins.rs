use std::{
    fs,
    path::PathBuf,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use windlass_config::settings::SourceSettings;
use windlass_core::SecretString;
use windlass_sql::source::{Freshness, PasswordError, Passwords, Source};
use windlass_testkit::postgres::Server;

use super::{cell, settings};

/// Reads user and password from files, and reads them again only when it has to.
#[derive(Default)]
struct Files {
    folder: PathBuf,
    remembered: Mutex<Vec<(String, String)>>,
}

impl Files {
    fn read(&self, name: &str, freshness: Freshness) -> String {
        let mut remembered = self.remembered.lock().unwrap();
        match remembered.iter().find(|(known, _)| known == name) {
            Some((_, text)) if freshness == Freshness::Remembered => text.clone(),
            _ => {
                let text = fs::read_to_string(self.folder.join(name)).unwrap();
                remembered.retain(|(known, _)| known != name);
                remembered.push((name.to_owned(), text.clone()));
                text
            }
        }
    }
}

#[async_trait]
impl Passwords for Files {
    async fn password(
        &self,
        _: &SourceSettings,
        _: Option<&str>,
        freshness: Freshness,
    ) -> Result<Option<SecretString>, PasswordError> {
        Ok(Some(self.read("password", freshness).into()))
    }

    async fn resolve(&self, _: &str, freshness: Freshness) -> Result<String, PasswordError> {
        Ok(self.read("user", freshness))
    }
}

#[tokio::test]
async fn a_login_that_was_changed_is_read_anew() {
    let Some(server) = Server::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    let write = |user: &str, password: &str| {
        fs::write(folder.path().join("user"), user).unwrap();
        fs::write(folder.path().join("password"), password).unwrap();
    };
    server.sql("postgres", "create role first login password 'one'; create role second login password 'three'");
    write("first", "one");
    let (host, port) = (server.host(), server.port());
    let yaml = format!("{{kind: postgres, host: {host}, port: {port}, database: postgres, user: 'file:user'}}");
    let files = Files { folder: folder.path().to_owned(), ..Files::default() };
    let source = Source::new("shop", &settings(&yaml), Arc::new(files));
    assert_eq!(cell(&source, "select current_user::text").await, "first");
    // What was changed is noticed by who makes the next connection.
    let kicked_out = || {
        let sql = "select pg_terminate_backend(pid, 10000) from pg_stat_activity where application_name = 'windlass'";
        server.sql("postgres", sql);
    };
    server.sql("postgres", "alter role first password 'two'");
    write("first", "two");
    kicked_out();
    assert_eq!(cell(&source, "select current_user::text").await, "first");
    server.sql("postgres", "alter role first nologin");
    write("second", "three");
    kicked_out();
    assert_eq!(cell(&source, "select current_user::text").await, "second");
}
