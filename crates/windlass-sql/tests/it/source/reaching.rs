use std::time::{Duration, Instant};

use futures::future::join_all;
use tokio::net::TcpListener;
use windlass_core::Health;
use windlass_sql::{
    engine::{Access, EngineError},
    source::SourceError,
};
use windlass_testkit::mariadb;

use super::{LONG, cell, limits, of_mariadb, run, source};

/// Somebody who takes connections and says nothing.
async fn silent() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let pool = "pool: {max: 1, connect_timeout: 20s}";
    (listener, format!("{{kind: postgres, host: 127.0.0.1, port: {port}, user: x, {pool}}}"))
}

#[tokio::test]
async fn a_database_that_says_nothing_is_named_before_readiness_gives_up() {
    let (_listener, yaml) = silent().await;
    let source = source(&yaml, "x");
    let begun = Instant::now();
    let check = source.ready().await;
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    assert_eq!((check.name.as_str(), check.health), ("sql.shop", Health::Failed), "{check:?}");
}

#[tokio::test]
async fn who_waits_for_a_connection_is_told_what_for() {
    let (_listener, yaml) = silent().await;
    let source = source(&yaml, "x");
    let short = || run(&source, "select 1", Access::Read, limits(Duration::from_millis(300)));
    let (first, second) = tokio::join!(short(), async {
        // When the first has the only place.
        tokio::task::yield_now().await;
        short().await
    });
    let first = first.outcome.unwrap_err();
    assert!(matches!(first, SourceError::Engine(EngineError::Unreachable(_))), "{first:?}");
    let second = second.outcome.unwrap_err();
    assert!(matches!(second, SourceError::Busy(1)), "{second:?}");
}

#[tokio::test]
async fn after_a_restart_no_broken_connection_is_tried_twice() {
    let Some(mut server) = mariadb::Server::start() else { return };
    let source = of_mariadb(&server, "");
    let three = (0..3).map(|_| run(&source, "select sleep(0.3)", Access::Read, limits(LONG)));
    assert!(join_all(three).await.iter().all(|ended| ended.outcome.is_ok()));
    server.stop();
    server.start_again();
    assert_eq!(cell(&source, "select 42").await, 42);
}
