use std::time::Duration;

use windlass_config::settings::TlsMode;
use windlass_sql::engine::{Access, Address, Engine, EngineError, Tls, postgres::Postgres};
use windlass_testkit::postgres::Server;

use super::{RUNNING, at_port, at_socket, cell, connect, password, query, read, reader, run, wait_for};

/// Whether a session is encrypted.
const ENCRYPTED: &str =
    "select ssl from pg_stat_ssl s join pg_stat_activity a using (pid) where application_name = 'windlass'";

#[tokio::test]
async fn a_login_is_refused_for_what_is_wrong_with_it() {
    let Some(server) = Server::start() else { return };
    server.sql("postgres", "create role guest login; revoke connect on database postgres from public");
    let right = password(&server);
    let good = at_port(&server, "postgres");
    assert!(Postgres::new(good.clone()).unwrap().connect(Some(&right), Access::Read).await.is_ok());
    let wrong = "wrong".to_owned().into();
    let nowhere = Address { database: Some("nowhere".to_owned()), ..good.clone() };
    for (address, password) in [
        (good.clone(), Some(&wrong)),
        (good.clone(), None),
        (at_port(&server, "nobody"), Some(&right)),
        (nowhere, Some(&right)),
        (at_socket(&server, "guest"), None),
    ] {
        let refused = Postgres::new(address.clone()).unwrap().connect(password, Access::Read).await;
        let refused = refused.err();
        assert!(matches!(refused, Some(EngineError::LoginRefused(_))), "{address:?}: {refused:?}");
    }
}

#[tokio::test]
async fn who_does_not_answer_cannot_be_reached() {
    let Some(mut server) = Server::start() else { return };
    let address = at_port(&server, "postgres");
    let socket = at_socket(&server, "postgres");
    server.stop();
    let nameless = Address { host: "nowhere.invalid".to_owned(), ..address.clone() };
    // Accepts, and says nothing.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let silent_one = Address { port, connect_timeout: Duration::from_millis(200), ..address.clone() };
    for address in [address, socket, nameless, silent_one] {
        let failed = Postgres::new(address.clone()).unwrap().connect(None, Access::Read).await.err();
        assert!(matches!(failed, Some(EngineError::Unreachable(_))), "{address:?}: {failed:?}");
    }
}

#[tokio::test]
async fn a_server_without_a_place_says_so() {
    let Some(server) = Server::start() else { return };
    server.sql("postgres", "create role few login connection limit 1");
    let _first = reader(&server, "few").await;
    let second = Postgres::new(at_socket(&server, "few")).unwrap().connect(None, Access::Read).await.err();
    assert!(matches!(second, Some(EngineError::Full(_))), "{second:?}");
}

#[tokio::test]
async fn a_session_has_a_name_and_limits_and_nobody_elses_settings() {
    let Some(server) = Server::start() else { return };
    server.sql(
        "postgres",
        "alter role postgres set timezone = 'Asia/Tokyo'; alter role postgres set search_path = a, b;
            alter role postgres set standard_conforming_strings = off",
    );
    let mut connection = reader(&server, "postgres").await;
    for (setting, expected) in [
        ("application_name", "windlass"),
        ("default_transaction_read_only", "on"),
        ("transaction_read_only", "on"),
        ("statement_timeout", "1min"),
        ("standard_conforming_strings", "on"),
        ("lock_timeout", "10s"),
        ("idle_in_transaction_session_timeout", "1min"),
        ("timezone", "Asia/Tokyo"),
        ("search_path", "a, b"),
    ] {
        assert_eq!(cell(read(&mut *connection, &format!("show {setting}")).await), expected, "{setting}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_is_checked_as_far_as_asked() {
    let Some(server) = Server::start_tls() else { return };
    let ca = server.ca().unwrap().to_owned();
    let password = password(&server);
    let other = tempfile::tempdir().unwrap();
    let other_ca = other.path().join("ca.pem");
    // Another authority than the one that signed.
    let Some(another) = Server::start_tls() else { return };
    std::fs::copy(another.ca().unwrap(), &other_ca).unwrap();
    for (host, mode, ca, expected) in [
        ("localhost", None, None, Ok(true)),
        ("127.0.0.1", None, None, Ok(true)),
        ("127.0.0.1", Some(TlsMode::Disable), None, Ok(false)),
        ("127.0.0.1", Some(TlsMode::Prefer), None, Ok(true)),
        ("127.0.0.1", Some(TlsMode::Require), None, Ok(true)),
        ("127.0.0.1", Some(TlsMode::VerifyCa), Some(&ca), Ok(true)),
        ("127.0.0.1", Some(TlsMode::VerifyCa), Some(&other_ca), Err(())),
        ("127.0.0.1", Some(TlsMode::VerifyCa), None, Err(())),
        ("localhost", Some(TlsMode::VerifyFull), Some(&ca), Ok(true)),
        ("localhost", Some(TlsMode::VerifyFull), Some(&other_ca), Err(())),
        ("localhost", Some(TlsMode::VerifyFull), None, Err(())),
        // Its certificate is for another name.
        ("127.0.0.1", Some(TlsMode::VerifyFull), Some(&ca), Err(())),
    ] {
        let tls = Tls { mode, ca: ca.cloned() };
        let address = Address { host: host.to_owned(), tls, ..at_port(&server, "postgres") };
        let connected = Postgres::new(address).unwrap().connect(Some(&password), Access::Read).await;
        let found = match connected {
            Ok(connection) => {
                let encrypted = server.sql("postgres", ENCRYPTED);
                drop(connection);
                // The next one is looked for in the same way.
                wait_for(&server, "select count(*) from pg_stat_activity where application_name = 'windlass'", "0");
                Ok(encrypted == "t")
            }
            Err(EngineError::Unreachable(_)) => Err(()),
            Err(error) => panic!("{error:?}"),
        };
        assert_eq!(found, expected, "{host} {mode:?} {ca:?}");
    }
}

#[tokio::test]
async fn only_who_prefers_tls_goes_without() {
    let Some(server) = Server::start() else { return };
    let password = password(&server);
    for (mode, expected) in [(TlsMode::Prefer, true), (TlsMode::Require, false), (TlsMode::VerifyFull, false)] {
        let address = Address { tls: Tls { mode: Some(mode), ca: None }, ..at_port(&server, "postgres") };
        let connected = Postgres::new(address).unwrap().connect(Some(&password), Access::Read).await;
        assert_eq!(connected.is_ok(), expected, "{mode:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stops_is_lost_and_comes_back() {
    let Some(mut server) = Server::start() else { return };
    let engine = Postgres::new(at_socket(&server, "postgres")).unwrap();
    let mut idle = reader(&server, "postgres").await;
    let mut working = connect(&server, "postgres", Access::Read).await;
    assert!(read(&mut *idle, "select 1").await.is_ok());
    let work = tokio::spawn(async move {
        let failed = run(&mut *working, query("select pg_sleep(60)")).await;
        (failed, working.is_usable())
    });
    wait_for(&server, RUNNING, "1");
    server.stop();
    let (failed, usable) = work.await.unwrap();
    assert!(matches!(failed, Err(EngineError::Lost(_))), "{failed:?}");
    assert!(!usable);
    for _ in 0..2 {
        let failed = read(&mut *idle, "select 1").await;
        assert!(matches!(failed, Err(EngineError::Lost(_))), "{failed:?}");
        assert!(!idle.is_usable());
    }
    server.start_again();
    let mut again = engine.connect(None, Access::Read).await.unwrap();
    assert_eq!(cell(read(&mut *again, "select 1").await), 1);
}
