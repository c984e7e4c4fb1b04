use std::time::{Duration, Instant};

use windlass_sql::engine::{Access, EngineError, Query};

use super::{
    Taken, ask, connect, query,
    standin::{Answer, Request, StandIn},
    tokens::{self, columns, done, error, int, row},
};

/// Begins to answer the first request as told, and gives a number to every later one.
async fn first(answer: impl Fn() -> Answer + Send + Sync + 'static) -> StandIn {
    let asked = std::sync::atomic::AtomicBool::new(false);
    StandIn::start(move |_| match asked.swap(true, std::sync::atomic::Ordering::Relaxed) {
        false => answer(),
        true => Answer::Tokens(tokens::number("next", 42)),
    })
    .await
}

fn rows() -> (Vec<u8>, Vec<u8>) {
    (columns(&[("n", tokens::INT)]), row(&[int(1)]))
}

#[tokio::test]
async fn an_endless_answer_is_cut_on_the_server_and_the_connection_goes_on() {
    let server = first(|| Answer::Endless(rows().0, rows().1)).await;
    let mut connection = connect(&server, Access::Read).await.unwrap();
    let mut taken = Taken::up_to(1000);
    connection.run(&query(Access::Read, "SELECT n FROM endless", &[]), &mut taken).await.unwrap();
    assert_eq!(taken.rows.len(), 1000);
    assert_eq!(server.requests().pop(), Some(Request::Attention));
    assert!(connection.is_usable());
    let (_, next) = ask(connection.as_mut(), "SELECT 42").await.unwrap();
    assert_eq!(next.rows, [[serde_json::json!(42)]]);
}

#[tokio::test]
async fn an_answer_that_was_over_before_it_was_cut_leaves_the_connection_in_step() {
    // The confirmation comes as an answer of its own then, and must not be taken for the next one.
    let server = first(|| Answer::Tokens([rows().0, rows().1, rows().1, done(0x10, 2)].concat())).await;
    let mut connection = connect(&server, Access::Read).await.unwrap();
    let mut taken = Taken::up_to(1);
    connection.run(&query(Access::Read, "SELECT n FROM two", &[]), &mut taken).await.unwrap();
    assert_eq!(taken.rows.len(), 1);
    assert_eq!(server.requests().pop(), Some(Request::Attention));
    assert!(connection.is_usable());
    let (_, next) = ask(connection.as_mut(), "SELECT 42").await.unwrap();
    assert_eq!(next.rows, [[serde_json::json!(42)]]);
}

#[tokio::test]
async fn a_statement_whose_time_is_over_is_ended_on_the_server() {
    let mut server = first(|| Answer::Hang(Vec::new())).await;
    let mut connection = connect(&server, Access::Read).await.unwrap();
    let begun = Instant::now();
    let limited = Query { timeout: Duration::from_millis(200), ..query(Access::Read, "WAITFOR DELAY '1:00'", &[]) };
    let found = connection.run(&limited, &mut Taken::up_to(9)).await;
    assert_eq!(found, Err(EngineError::TimedOut));
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    server.arrived(3).await;
    assert_eq!(server.requests().pop(), Some(Request::Attention));
    assert!(!connection.is_usable());
}

#[tokio::test]
async fn a_change_that_is_ended_is_not_told_as_undone() {
    let server = first(|| Answer::Hang(Vec::new())).await;
    let mut connection = connect(&server, Access::Write).await.unwrap();
    let limited = Query { timeout: Duration::from_millis(200), ..query(Access::Write, "DELETE FROM orders", &[]) };
    let found = connection.run(&limited, &mut Taken::up_to(9)).await;
    assert!(matches!(found, Err(EngineError::Lost(_))), "{found:?}");
}

#[tokio::test]
async fn a_statement_is_cancelled_from_elsewhere_and_says_so() {
    let mut server = first(|| Answer::Hang(rows().0)).await;
    let mut connection = connect(&server, Access::Read).await.unwrap();
    let canceller = connection.canceller();
    // Where nothing runs it is harmless.
    canceller.cancel().await.unwrap();
    let slow = query(Access::Read, "SELECT n FROM slow", &[]);
    let mut taken = Taken::up_to(9);
    let cancel = async {
        server.arrived(2).await;
        canceller.cancel().await.unwrap();
        server.arrived(1).await;
    };
    let (found, ()) = tokio::join!(connection.run(&slow, &mut taken), cancel);
    assert_eq!(found, Err(EngineError::Cancelled));
    assert_eq!(server.requests().pop(), Some(Request::Attention));
}

#[tokio::test]
async fn a_server_that_does_not_confirm_is_not_waited_for_long() {
    // In the middle of a value, so the confirmation is taken for the rest of it.
    let half = [rows().0, vec![0xd1, 4, 1]].concat();
    let server = first(move || Answer::Hang(half.clone())).await;
    let mut connection = connect(&server, Access::Read).await.unwrap();
    let begun = Instant::now();
    let limited = Query { timeout: Duration::from_millis(100), ..query(Access::Read, "SELECT 1", &[]) };
    let found = connection.run(&limited, &mut Taken::up_to(9)).await;
    assert_eq!(found, Err(EngineError::TimedOut));
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
    assert!(!connection.is_usable());
}

#[tokio::test]
async fn a_connection_that_closes_is_lost() {
    let half = [rows().0, rows().1].concat();
    for begun in [Vec::new(), half] {
        let server = first(move || Answer::Close(begun.clone())).await;
        let mut connection = connect(&server, Access::Read).await.unwrap();
        let found = ask(connection.as_mut(), "SELECT 1").await.unwrap_err();
        assert!(matches!(found, EngineError::Lost(_)), "{found:?}");
        assert!(!connection.is_usable());
    }
}

#[tokio::test]
async fn a_fatal_error_is_the_end_of_the_connection() {
    let server = first(|| {
        Answer::Close([error(596, 21, "Cannot continue: the session is in the kill state."), done(2, 0)].concat())
    })
    .await;
    let mut connection = connect(&server, Access::Read).await.unwrap();
    let found = ask(connection.as_mut(), "SELECT 1").await.unwrap_err();
    assert!(matches!(found, EngineError::Lost(_)), "{found:?}");
    assert!(!connection.is_usable());
}

#[tokio::test]
async fn a_connection_whose_caller_is_gone_is_not_used_again() {
    let mut server = first(|| Answer::Hang(Vec::new())).await;
    let mut connection = connect(&server, Access::Read).await.unwrap();
    let slow = query(Access::Read, "SELECT 1", &[]);
    let mut taken = Taken::up_to(9);
    tokio::select! {
        _ = connection.run(&slow, &mut taken) => panic!("it hangs"),
        () = server.arrived(2) => {}
    }
    assert!(!connection.is_usable());
}

#[tokio::test]
async fn garbage_is_an_error_and_never_a_panic() {
    let cases: [&[u8]; 5] = [
        &[0x00, 0x01, 0x02],
        &[0xd1, 1, 2, 3],
        &[0x81, 0xff, 0x7f, 0, 0],
        &[0xaa, 0xff, 0xff, 1],
        &[0xe3, 3, 0, 4, 1, 0],
    ];
    for garbage in cases {
        let server = first(move || Answer::Close(garbage.to_vec())).await;
        let mut connection = connect(&server, Access::Read).await.unwrap();
        let found = ask(connection.as_mut(), "SELECT 1").await;
        assert!(found.is_err(), "{garbage:?}");
        assert!(!connection.is_usable(), "{garbage:?}");
    }
}
