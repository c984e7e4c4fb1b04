use std::{fs, os::unix::fs::PermissionsExt, os::unix::fs::symlink, path::Path};

use serde_json::json;
use windlass_sql::engine::{Access, Address, EngineError, sqlite::Sqlite};

use super::{Place, ask, cell, connect, write};

async fn refusal(file: &Path, access: Access) -> String {
    match connect(file, access).await {
        Err(EngineError::Unreachable(why)) => why,
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("{} was opened", file.display()),
    }
}

#[tokio::test]
async fn a_missing_file_is_an_error_and_is_not_made() {
    let place = Place::orders();
    let missing = place.folder.path().join("none.db");
    for access in [Access::Read, Access::Write] {
        assert!(refusal(&missing, access).await.ends_with("none.db: there is no such file"));
    }
    assert!(!missing.exists());
    assert!(Sqlite::new(Address::default()).is_err());
    assert!(Sqlite::new(Address { file: Some("".into()), ..Address::default() }).is_err());
}

#[tokio::test]
async fn what_is_no_database_is_refused() {
    let place = Place::orders();
    let folder = place.folder.path();
    assert!(refusal(folder, Access::Read).await.ends_with("is not a file"));
    let text = folder.join("text.db");
    fs::write(&text, "not a database at all, but long enough to have a header ".repeat(40)).unwrap();
    assert!(refusal(&text, Access::Read).await.ends_with("is no SQLite database"));
    let pipe = folder.join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    assert!(refusal(&pipe, Access::Read).await.ends_with("is not a file"));
}

#[tokio::test]
async fn a_name_is_never_a_uri() {
    let place = Place::orders();
    let before = place.files();
    // Relative names, as a setting may have them; as URIs they would make databases.
    for trick in ["file:made.db?mode=rwc", "file::memory:", ":memory:", "file:/etc/passwd?immutable=1"] {
        assert!(refusal(Path::new(trick), Access::Write).await.ends_with("there is no such file"), "{trick}");
    }
    // A file that has such a name is opened as what it is.
    let odd = place.folder.path().join("file:odd.db?mode=memory&cache=shared");
    fs::copy(&place.file, &odd).unwrap();
    let mut connection = connect(&odd, Access::Read).await.unwrap();
    assert_eq!(cell(connection.as_mut(), "SELECT count(*) FROM orders").await, json!(3));
    drop(connection);
    fs::remove_file(odd).unwrap();
    assert_eq!(place.files(), before);
}

#[tokio::test]
async fn a_link_leads_to_its_database_until_it_leads_elsewhere() {
    let (place, other) = (Place::orders(), Place::new("CREATE TABLE secrets (a); INSERT INTO secrets VALUES (1)"));
    let link = place.folder.path().join("link.db");
    symlink(&place.file, &link).unwrap();
    let mut connection = connect(&link, Access::Read).await.unwrap();
    assert_eq!(cell(connection.as_mut(), "SELECT count(*) FROM orders").await, json!(3));
    assert!(connection.is_usable());
    fs::remove_file(&link).unwrap();
    symlink(&other.file, &link).unwrap();
    assert!(!connection.is_usable());
    fs::remove_file(&link).unwrap();
    assert!(!connection.is_usable());
}

#[tokio::test]
async fn a_replaced_file_is_noticed() {
    let place = Place::orders();
    let connection = place.connect(Access::Read).await;
    let next = place.folder.path().join("next.db");
    fs::copy(&place.file, &next).unwrap();
    assert!(connection.is_usable());
    fs::rename(next, &place.file).unwrap();
    assert!(!connection.is_usable());
}

#[tokio::test]
async fn reading_makes_no_file_and_changes_none() {
    let place = Place::orders();
    let before = place.files();
    let mut connection = place.connect(Access::Read).await;
    assert_eq!(connection.rights().await.unwrap().server, format!("SQLite {}", rusqlite::version()));
    assert_eq!(connection.rights().await.unwrap().beyond_reading, [""; 0]);
    ask(connection.as_mut(), "SELECT * FROM large ORDER BY total DESC").await.unwrap();
    assert_eq!(place.files(), before);
    drop(connection);
    assert_eq!(place.files(), before);
}

#[tokio::test]
async fn a_database_that_others_write_in_wal_mode_can_be_read() {
    let place = Place::orders();
    let writer = rusqlite::Connection::open(&place.file).unwrap();
    writer.execute_batch("PRAGMA journal_mode = WAL; INSERT INTO orders VALUES (4, 40)").unwrap();
    let bytes = |files: &std::collections::BTreeMap<_, Vec<u8>>| files[&place.file].clone();
    let before = place.files();
    let mut connection = place.connect(Access::Read).await;
    assert_eq!(cell(connection.as_mut(), "SELECT count(*) FROM orders").await, json!(4));
    writer.execute_batch("INSERT INTO orders VALUES (5, 50); ALTER TABLE orders ADD COLUMN note").unwrap();
    let seen = ask(connection.as_mut(), "SELECT * FROM orders WHERE id = 5").await.unwrap();
    assert_eq!(seen.rows, [[json!(5), json!(50), json!(null)]]);
    assert_eq!(seen.columns.unwrap().len(), 3);
    assert_eq!(bytes(&place.files()), bytes(&before));
}

#[tokio::test]
async fn a_database_that_was_left_in_wal_mode_gets_its_companions_and_no_change() {
    let place = Place::orders();
    rusqlite::Connection::open(&place.file).unwrap().execute_batch("PRAGMA journal_mode = WAL; VACUUM").unwrap();
    let before = place.files();
    assert_eq!(before.len(), 1);
    let mut connection = place.connect(Access::Read).await;
    assert_eq!(cell(connection.as_mut(), "SELECT count(*) FROM orders").await, json!(3));
    // SQLite's way to be in step with a writer that may come: nothing else is made, and nothing is in the log.
    let during = place.files();
    for (path, bytes) in &during {
        match path.file_name().unwrap().to_str().unwrap() {
            "shop.db" => assert_eq!(bytes, &before[path]),
            "shop.db-wal" => assert_eq!(bytes, b""),
            name => assert_eq!(name, "shop.db-shm"),
        }
    }
    drop(connection);

    // Where they cannot be made, it says what is missing.
    let place = Place::orders();
    rusqlite::Connection::open(&place.file).unwrap().execute_batch("PRAGMA journal_mode = WAL; VACUUM").unwrap();
    fs::create_dir(place.folder.path().join("shop.db-wal")).unwrap();
    let why = refusal(&place.file, Access::Read).await;
    assert!(why.contains("WAL mode also needs its -wal and -shm files"), "{why}");
}

#[tokio::test]
async fn a_database_with_half_a_transaction_is_not_read() {
    let place = Place::orders();
    let writer = rusqlite::Connection::open(&place.file).unwrap();
    writer
        .execute_batch(
            "PRAGMA cache_size = 1; BEGIN;
             WITH RECURSIVE n(i) AS (SELECT 10 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
             INSERT INTO orders SELECT i, i FROM n;",
        )
        .unwrap();
    let crashed = tempfile::tempdir().unwrap();
    for name in ["shop.db", "shop.db-journal"] {
        fs::copy(place.folder.path().join(name), crashed.path().join(name)).unwrap();
    }
    let why = refusal(&crashed.path().join("shop.db"), Access::Read).await;
    assert!(why.contains("in the middle of a transaction"), "{why}");
    // Who may write mends it.
    let mut connection = connect(&crashed.path().join("shop.db"), Access::Write).await.unwrap();
    assert_eq!(cell(connection.as_mut(), "SELECT count(*) FROM orders").await, json!(3));
}

#[tokio::test]
async fn a_writer_needs_a_file_it_may_write() {
    let place = Place::orders();
    fs::set_permissions(&place.file, fs::Permissions::from_mode(0o444)).unwrap();
    if fs::OpenOptions::new().append(true).open(&place.file).is_ok() {
        return windlass_testkit::skip("sqlite: a file that may not be written", "this user may write to every file");
    }
    assert!(refusal(&place.file, Access::Write).await.ends_with("this process may not write to it"));
    let mut connection = place.connect(Access::Read).await;
    assert!(matches!(write(connection.as_mut(), "DELETE FROM orders").await, Err(EngineError::ReadOnly(_))));
}
