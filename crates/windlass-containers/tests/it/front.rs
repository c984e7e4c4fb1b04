//! One address while the releases behind it change.

use std::{
    os::unix::fs::PermissionsExt,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use http::StatusCode;
use http_body_util::BodyExt;
use tokio::net::TcpListener;
use windlass_containers::front::{Front, FrontClient, FrontError, FrontOptions, Upstream, bind_control};

use crate::upstream::{Connection, Fronted, Release};

#[tokio::test]
async fn fifty_switches_under_load_fail_no_call() {
    let releases = [Release::start("one").await, Release::start("two").await];
    let front = Fronted::before(&releases[0]).await;
    let (done, calls) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let mut clients = tokio::task::JoinSet::new();
    for number in 0..8 {
        let (done, calls, address) = (done.clone(), calls.clone(), front.address);
        clients.spawn(async move {
            let mut kept = Connection::open(address).await;
            while !done.load(Ordering::SeqCst) {
                // Four keep their connection, four take a new one each time; half of them send something.
                let fresh = number % 2 == 0;
                if fresh {
                    kept = Connection::open(address).await;
                }
                let (method, body) = if number < 4 { ("POST", "something") } else { ("GET", "") };
                let (status, text) = kept.ask(method, "/", body).await.expect("no call fails");
                assert_eq!(status, 200, "{text}");
                assert!(text == "one" || text == "two", "{text}");
                calls.fetch_add(1, Ordering::SeqCst);
            }
        });
    }
    for switch in 1..=50 {
        let release = &releases[switch % 2];
        let before = calls.load(Ordering::SeqCst);
        let status = front.client.activate(&release.upstream()).await.unwrap();
        assert_eq!(status.active.unwrap().release, release.name);
        let old = front.client.drained(&releases[(switch + 1) % 2].name, Duration::from_secs(10)).await.unwrap();
        assert_eq!(old.cut, 0);
        while calls.load(Ordering::SeqCst) < before + 8 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    done.store(true, Ordering::SeqCst);
    while let Some(ended) = clients.join_next().await {
        ended.unwrap();
    }
    let status = front.client.status().await.unwrap();
    assert_eq!((status.failed, status.served), (0, calls.load(Ordering::SeqCst) as u64));
    assert!(releases.iter().all(|release| release.requests() > 100));
}

#[tokio::test]
async fn a_drained_release_can_be_ended_at_once() {
    // The old release dies the moment the front says that it has drained, again and again, under load.
    let mut active = Release::start("r0").await;
    let front = Fronted::before(&active).await;
    let done = Arc::new(AtomicBool::new(false));
    let clients: Vec<_> = (0..4)
        .map(|_| {
            let (done, address) = (done.clone(), front.address);
            tokio::spawn(async move {
                let mut connection = Connection::open(address).await;
                while !done.load(Ordering::SeqCst) {
                    assert_eq!(connection.ask("POST", "/", "x").await.unwrap().0, 200);
                }
            })
        })
        .collect();
    for number in 1..=20 {
        let next = Release::start(&format!("r{number}")).await;
        front.client.activate(&next.upstream()).await.unwrap();
        front.client.drained(&active.name, Duration::from_secs(10)).await.unwrap();
        active.kill();
        active = next;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    done.store(true, Ordering::SeqCst);
    for client in clients {
        client.await.unwrap();
    }
    assert_eq!(front.client.status().await.unwrap().failed, 0);
}

#[tokio::test]
async fn a_stream_stays_with_its_release_until_that_has_drained() {
    let (one, two) = (Release::start("one").await, Release::start("two").await);
    let front = Fronted::before(&one).await;
    let mut connection = Connection::open(front.address).await;
    let mut stream = connection.send("GET", "/events", "").await.unwrap().into_body();
    let began = Instant::now();
    let first = stream.frame().await.unwrap().unwrap().into_data().unwrap();
    assert_eq!(first, "data: one\n\n");
    assert!(began.elapsed() < Duration::from_secs(1), "an event is not held back");
    front.client.activate(&two.upstream()).await.unwrap();
    assert_eq!(Connection::open(front.address).await.ask("GET", "/", "").await.unwrap().1, "two");
    for _ in 0..5 {
        assert_eq!(stream.frame().await.unwrap().unwrap().into_data().unwrap(), "data: one\n\n");
    }
    assert_eq!(front.client.status().await.unwrap().in_flight["one"], 1);
    // It never ends by itself; JSON that is cut off must not look whole.
    let mut other = Connection::open(front.address).await;
    front.client.activate(&one.upstream()).await.unwrap();
    let mut json = other.send("GET", "/events?json", "").await.unwrap().into_body();
    json.frame().await.unwrap().unwrap();
    front.client.activate(&two.upstream()).await.unwrap();
    let drained = front.client.drained("one", Duration::from_millis(100)).await.unwrap();
    assert_eq!(drained.cut, 2);
    while let Some(frame) = stream.frame().await {
        frame.expect("a stream of events ends as if it were over");
    }
    let broken = async {
        loop {
            match json.frame().await {
                Some(Ok(_)) => {}
                Some(Err(error)) => return Some(error),
                None => return None,
            }
        }
    };
    assert!(broken.await.is_some(), "anything else is seen to be incomplete");
    assert_eq!(front.client.status().await.unwrap().in_flight, [("two".to_owned(), 0)].into());
}

#[tokio::test]
async fn a_client_that_leaves_ends_its_stream_at_the_release() {
    let one = Release::start("one").await;
    let front = Fronted::before(&one).await;
    let mut connection = Connection::open(front.address).await;
    let mut stream = connection.send("GET", "/events", "").await.unwrap().into_body();
    stream.frame().await.unwrap().unwrap();
    drop((stream, connection));
    let deadline = Instant::now() + Duration::from_secs(10);
    while front.client.status().await.unwrap().in_flight["one"] > 0 {
        assert!(Instant::now() < deadline, "the stream goes on for nobody");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn bodies_pass_both_ways_while_they_are_sent() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let one = Release::start("one").await;
    let front = Fronted::before(&one).await;
    let mut stream = tokio::net::TcpStream::connect(front.address).await.unwrap();
    stream
        .write_all(b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nping\r\n")
        .await
        .unwrap();
    let mut seen = Vec::new();
    while !seen.ends_with(b"4\r\nping\r\n") {
        assert!(stream.read_buf(&mut seen).await.unwrap() > 0, "{}", String::from_utf8_lossy(&seen));
    }
    stream.write_all(b"4\r\npong\r\n0\r\n\r\n").await.unwrap();
    stream.read_to_end(&mut seen).await.unwrap();
    let seen = String::from_utf8_lossy(&seen);
    assert!(seen.ends_with("4\r\npong\r\n0\r\n\r\n"), "{seen}");

    let much = "x".repeat(8 << 20);
    let mut connection = Connection::open(front.address).await;
    let (status, text) = connection.ask("POST", "/echo", &much).await.unwrap();
    assert!(status == 200 && text == much);
}

#[tokio::test]
async fn what_a_release_sees_is_the_request_and_where_it_came_from() {
    let one = Release::start("one").await;
    let front = Fronted::before(&one).await;
    let text = crate::front_attacks::raw(
        front.address,
        "GET /headers HTTP/1.1\r\nHost: mcp.example.com\r\nConnection: close, x-private\r\nX-Private: 1\r\n\
         X-Forwarded-For: 6.6.6.6\r\nMcp-Session-Id: 7\r\nTE: trailers\r\nUpgrade: h2c\r\n\r\n",
    )
    .await;
    let body = text.split_once("\r\n\r\n").unwrap().1;
    insta::assert_snapshot!(body, @r"
    host: mcp.example.com
    mcp-session-id: 7
    x-forwarded-for: 127.0.0.1
    x-forwarded-proto: http
    ");
}

#[tokio::test]
async fn without_a_release_and_with_a_dead_one_the_answer_says_so() {
    let front = Fronted::start(|_| ()).await;
    let mut connection = Connection::open(front.address).await;
    let response = connection.send("POST", "/mcp", "{}").await.unwrap();
    assert_eq!(response.status(), 503);
    assert_eq!(response.headers()["retry-after"], "1");
    let text = response.into_body().collect().await.unwrap().to_bytes();
    insta::assert_snapshot!(String::from_utf8_lossy(&text), @r#"{"error":"no release is active","hint":"try again when one has been deployed"}"#);

    let one = Release::start("one").await;
    front.client.activate(&one.upstream()).await.unwrap();
    assert_eq!(connection.ask("GET", "/", "").await.unwrap(), (200, "one".into()));
    let during = {
        let mut other = Connection::open(front.address).await;
        tokio::spawn(async move { other.ask("POST", "/slow", "").await.unwrap() })
    };
    while one.requests() < 2 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    one.kill();
    let (status, text) = during.await.unwrap();
    assert_eq!(status, 502, "{text}");
    let (status, text) = connection.ask("GET", "/", "").await.unwrap();
    assert_eq!(status, 502);
    insta::assert_snapshot!(text, @r#"{"error":"release one did not answer","hint":"the call may have begun: ask before making it again"}"#);
    assert!(!text.contains(&one.address.to_string()), "where releases are is nobody's business");
}

#[tokio::test]
async fn a_front_that_starts_again_knows_its_release() {
    let (one, two) = (Release::start("one").await, Release::start("two").await);
    let front = Fronted::before(&one).await;
    front.client.activate(&two.upstream()).await.unwrap();
    let second = bind_control(&front.socket).unwrap_err();
    assert_eq!(second.kind(), std::io::ErrorKind::AddrInUse);
    front.stop.cancel();
    front.served.await.unwrap();

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let control = bind_control(&front.socket).expect("what was left is replaced");
    assert_eq!(std::fs::metadata(&front.socket).unwrap().permissions().mode() & 0o777, 0o600);
    let options = FrontOptions { state: Some(front.directory.path().join("front.json")), ..Default::default() };
    tokio::spawn(Front::new(options, Default::default()).serve(listener, control, Some(one.upstream())));
    assert_eq!(Connection::open(address).await.ask("GET", "/", "").await.unwrap().1, "two");
}

#[tokio::test]
async fn a_front_that_stops_lets_calls_end() {
    let one = Release::start("one").await;
    let front = Fronted::before(&one).await;
    let mut connection = Connection::open(front.address).await;
    let slow = tokio::spawn(async move { connection.ask("POST", "/slow", "").await.unwrap() });
    while one.requests() < 1 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let mut idle = Connection::open(front.address).await;
    idle.ask("GET", "/", "").await.unwrap();
    let began = Instant::now();
    front.stop.cancel();
    assert_eq!(slow.await.unwrap(), (200, "one".into()));
    front.served.await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(5), "nobody waits for idle connections");
    assert!(tokio::net::TcpStream::connect(front.address).await.is_err());
}

#[tokio::test]
async fn what_cannot_be_done_is_refused_in_words() {
    let one = Release::start("one").await;
    let front = Fronted::before(&one).await;
    let refused = front.client.drained("one", Duration::from_secs(1)).await.unwrap_err();
    assert!(matches!(&refused, FrontError::Refused { status: StatusCode::CONFLICT, .. }), "{refused}");
    for address in ["", "host", "host:port", "user@host:1", "http://host:1", "host:1/path", "a b:1"] {
        let upstream = Upstream { release: "two".into(), address: address.into() };
        let refused = front.client.activate(&upstream).await.unwrap_err();
        assert!(
            matches!(&refused, FrontError::Refused { status: StatusCode::BAD_REQUEST, .. }),
            "{address}: {refused}"
        );
    }
    std::fs::remove_dir_all(front.directory.path()).unwrap();
    let gone = front.client.status().await.unwrap_err();
    assert!(matches!(gone, FrontError::NotRunning { .. }) && !gone.hint().is_empty());

    // Where it cannot be written down, nothing is switched.
    let front = Fronted::start(|options| options.state = Some("/proc/windlass/front.json".into())).await;
    let refused = front.client.activate(&one.upstream()).await.unwrap_err();
    assert!(matches!(refused, FrontError::Refused { status: StatusCode::INTERNAL_SERVER_ERROR, .. }));
    assert_eq!(FrontClient::new(&front.socket).status().await.unwrap().active, None);
}
