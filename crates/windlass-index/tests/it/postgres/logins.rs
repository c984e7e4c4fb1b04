//! Who may do what, and how one gets there.

use std::{fs, path::PathBuf};

use windlass_index::IndexError;
use windlass_testkit::postgres::Server;

use super::*;
use crate::contract::{begin, current, document, found, model, publish};

fn started() -> Option<Server> {
    Server::start_with_vectors()
}

fn login(server: &Server, user: &str) -> Arc<dyn Index> {
    Arc::new(PostgresIndex::new(settings(server, user, "handbook")).unwrap())
}

/// A role that comes in with the superuser's password, and may do nothing yet.
fn role(server: &Server, name: &str) {
    server.sql("postgres", &format!("CREATE ROLE {name} LOGIN PASSWORD '{}'", server.password()));
}

#[track_caller]
fn why<T>(result: Result<T, IndexError>) -> String {
    match result {
        Err(IndexError::Unreachable(why)) => why,
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("it went well"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn little_has_to_be_allowed_and_reading_less() {
    let Some(server) = started() else { return };
    role(&server, "refresher");
    role(&server, "reader");
    let refresher = login(&server, "refresher");
    // It may not make anything yet: nothing is made, and what is needed is said.
    let refused = why(refresher.begin(&model()).await);
    assert!(refused.contains("CREATE EXTENSION vector"), "{refused}");
    assert!(refresher.current().await.unwrap().is_none());
    server.sql("postgres", "CREATE EXTENSION vector");
    let refused = why(refresher.begin(&model()).await);
    assert!(refused.contains("CREATE SCHEMA windlass_knowledge"), "{refused}");
    server.sql("postgres", "CREATE SCHEMA windlass_knowledge AUTHORIZATION refresher");
    publish(&*refresher, [document("a.md", &["first words"])]).await;
    refresher.rollback(Some(1)).await.unwrap();

    let reader = login(&server, "reader");
    assert!(why(reader.current().await).contains("permission denied"));
    server.sql("postgres", "GRANT USAGE ON SCHEMA windlass_knowledge TO reader");
    server.sql("postgres", "GRANT SELECT ON ALL TABLES IN SCHEMA windlass_knowledge TO reader");
    assert_eq!(found(&*current(&*reader).await, "words").await, ["a.md:1"]);
    assert_eq!(reader.generations().await.unwrap().len(), 2);
    let chunk = document("a.md", &["first words"]).chunks.remove(0);
    assert_eq!(reader.known(&model(), &[chunk.hash]).await.unwrap().len(), 1);
    assert!(why(reader.begin(&model()).await).contains("permission denied"));
    assert!(why(reader.rollback(None).await).contains("permission denied"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_may_make_things_in_the_database_makes_its_schema() {
    let Some(server) = started() else { return };
    role(&server, "refresher");
    server.sql("postgres", "GRANT CREATE ON DATABASE postgres TO refresher");
    server.sql("postgres", "CREATE EXTENSION vector");
    let refresher = login(&server, "refresher");
    publish(&*refresher, [document("a.md", &["first words"])]).await;
    assert_eq!(found(&*current(&*refresher).await, "words").await, ["a.md:1"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pgvector_is_found_where_it_is() {
    let Some(server) = started() else { return };
    server.sql("postgres", "CREATE SCHEMA \"its own, 'place'\"");
    server.sql("postgres", "CREATE EXTENSION vector SCHEMA \"its own, 'place'\"");
    let index = login(&server, "postgres");
    publish(&*index, [document("a.md", &["first words"])]).await;
    assert_eq!(current(&*index).await.nearest(&[1.0; 8], &Default::default(), 3).await.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_that_come_first_make_one_schema() {
    let Some(server) = started() else { return };
    let indexes: Vec<_> = (0..4).map(|_| login(&server, "postgres")).collect();
    let begun = futures::future::join_all(indexes.iter().map(|index| begin(&**index))).await;
    assert_eq!(begun.len(), 4);
    assert_eq!(server.sql("postgres", "SELECT count(*) FROM windlass_knowledge.layout"), "1");
    assert_eq!(server.sql("postgres", "SELECT count(*) FROM windlass_knowledge.collections"), "1");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tables_of_a_later_version_are_left_alone() {
    let Some(server) = started() else { return };
    begin(&*login(&server, "postgres")).await;
    server.sql("postgres", "UPDATE windlass_knowledge.layout SET version = 99");
    let refused = login(&server, "postgres").begin(&model()).await.map(drop).unwrap_err();
    assert!(matches!(&refused, IndexError::Invalid(why) if why.contains("layout 99")), "{refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_keeps_one_out_is_said_without_the_password() {
    let Some(mut server) = started() else { return };
    let mut wrong = settings(&server, "postgres", "handbook");
    wrong.password = Some("hunter2".to_owned().into());
    assert!(!format!("{wrong:?}").contains("hunter2"));
    let refused = why(PostgresIndex::new(wrong).unwrap().current().await);
    assert!(refused.contains("password") && !refused.contains("hunter2"), "{refused}");
    server.stop();
    assert!(why(login(&server, "postgres").current().await).contains("refused"));
    for url in ["postgres://user:hunter2@[", "mysql://user:hunter2@localhost/x"] {
        let settings = Settings { url: url.to_owned(), ..settings(&server, "postgres", "handbook") };
        let refused = PostgresIndex::new(settings).map(drop).unwrap_err();
        assert!(matches!(&refused, IndexError::Invalid(why) if !why.contains("hunter2")), "{refused}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_named_authority_is_the_only_one() {
    let Some(server) = Server::start_tls() else { return };
    let ca = server.ca().unwrap().to_owned();
    let at = |host: &str, ca: Option<PathBuf>| {
        let url = format!("postgres://postgres@{host}:{}/postgres", server.port());
        PostgresIndex::new(Settings { url, ca, ..settings(&server, "postgres", "handbook") }).unwrap()
    };
    assert!(at("localhost", Some(ca.clone())).current().await.unwrap().is_none());
    // The certificate is for `localhost` only.
    assert!(why(at("127.0.0.1", Some(ca.clone())).current().await).contains("certificate"));
    // On this machine nobody is in between.
    assert!(at("127.0.0.1", None).current().await.unwrap().is_none());
    let other = Server::start_tls().unwrap();
    assert!(why(at("localhost", other.ca().map(PathBuf::from)).current().await).contains("certificate"));
    // Who names an authority wants it asked: a server without TLS is none.
    let plain = Server::start().unwrap();
    let settings = Settings { ca: Some(ca.clone()), ..settings(&plain, "postgres", "handbook") };
    assert!(why(PostgresIndex::new(settings).unwrap().current().await).contains("TLS"));
    assert!(fs::exists(&ca).unwrap());
}
