use std::{net::TcpListener as Port, time::Duration};

use windlass_config::settings::TlsMode;
use windlass_sql::engine::{Access, Address, Engine, EngineError, Tls, mssql::Mssql};

use super::{
    address, connect,
    standin::{Answer, Login, Request, StandIn, welcome},
    tokens::{self, done, error},
};

#[tokio::test]
async fn a_login_says_who_and_that_it_only_reads() {
    let server = StandIn::start(|_| Answer::Tokens(done(0, 0))).await;
    for (access, reads_only) in [(Access::Read, true), (Access::Write, false)] {
        let connection = connect(&server, access).await.unwrap();
        assert!(connection.is_usable());
        let expected = Login {
            user: "reader".into(),
            password: "s3crèt".into(),
            application: "windlass".into(),
            server: "127.0.0.1".into(),
            database: "shop".into(),
            reads_only,
        };
        assert_eq!(server.requests().pop(), Some(Request::Login(expected)));
    }
}

#[tokio::test]
async fn a_refused_login_is_told_apart_from_a_server_that_is_full() {
    let cases = [
        (18456, 14, "Login failed for user 'reader'.", true),
        (4060, 11, "Cannot open database \"shop\" requested by the login.", true),
        (40615, 14, "Cannot open server: client with IP address is not allowed.", true),
        (10928, 20, "The request limit for the database is 30 and has been reached.", false),
        (17809, 20, "The maximum number of user connections has been reached.", false),
    ];
    for (number, class, message, refused) in cases {
        let server =
            StandIn::with_logins(move |_| Answer::Tokens([error(number, class, message), done(2, 0)].concat())).await;
        let found = connect(&server, Access::Read).await.err();
        let expected = match refused {
            true => EngineError::LoginRefused(message.to_owned()),
            false => EngineError::Full(message.to_owned()),
        };
        assert_eq!(found, Some(expected), "{number}");
    }
}

#[tokio::test]
async fn a_server_that_sends_us_elsewhere_is_followed_once() {
    let there = StandIn::start(|_| Answer::Tokens(done(0, 0))).await;
    let port = there.port;
    let elsewhere = move |_: &Request| {
        Answer::Tokens([tokens::login_ack(), tokens::routing("localhost", port), done(0, 0)].concat())
    };
    let here = StandIn::with_logins(elsewhere).await;
    connect(&here, Access::Read).await.unwrap();
    let Some(Request::Login(login)) = there.requests().pop() else { panic!() };
    assert_eq!(login.server, "localhost");

    // Round and round is no way.
    let lost = StandIn::with_logins(elsewhere).await;
    let port = lost.port;
    let start = StandIn::with_logins(move |_| {
        Answer::Tokens([tokens::login_ack(), tokens::routing("localhost", port), done(0, 0)].concat())
    })
    .await;
    assert!(matches!(connect(&start, Access::Read).await.err(), Some(EngineError::Unreachable(_))));
}

#[tokio::test]
async fn where_nobody_listens_or_answers_it_is_unreachable() {
    let free = Port::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let found = Mssql::new(address(free)).unwrap().connect(None, Access::Read).await.err();
    assert!(matches!(found, Some(EngineError::Unreachable(_))), "{found:?}");

    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address =
        Address { connect_timeout: Duration::from_millis(200), ..address(silent.local_addr().unwrap().port()) };
    let found = Mssql::new(address).unwrap().connect(None, Access::Read).await.err();
    assert_eq!(found, Some(EngineError::Unreachable("no answer within 200ms".into())));

    let server = StandIn::with_logins(|_| Answer::Close(Vec::new())).await;
    assert!(matches!(connect(&server, Access::Read).await.err(), Some(EngineError::Unreachable(_))));
}

#[tokio::test]
async fn what_cannot_work_is_said_before_anything_is_sent() {
    assert!(Mssql::new(Address { host: "/var/run".into(), ..address(1) }).is_err());
    assert!(Mssql::new(Address { host: String::new(), ..address(1) }).is_err());
    let server = StandIn::with_logins(|_| Answer::Tokens(welcome())).await;
    let nobody = Address { user: None, ..address(server.port) };
    let found = Mssql::new(nobody).unwrap().connect(None, Access::Read).await.err();
    assert_eq!(found, Some(EngineError::LoginRefused("no user is named".into())));
    let ca = Some("/nowhere/ca.pem".into());
    let tls = Tls { mode: Some(TlsMode::VerifyFull), ca };
    let found = Mssql::new(Address { tls, ..address(server.port) }).unwrap().connect(None, Access::Read).await.err();
    assert!(matches!(&found, Some(EngineError::Unreachable(why)) if why.starts_with("/nowhere/ca.pem")), "{found:?}");
    assert!(server.requests().is_empty());
}
