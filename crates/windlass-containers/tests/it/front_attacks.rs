//! Clients and releases that mean ill.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use windlass_containers::front::Upstream;

use crate::upstream::{Connection, Fronted, Release};

/// Sends bytes as they are, and reads until the other end closes.
pub async fn raw(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut answer)).await;
    // A reset after the answer is an end too.
    let _ = read.expect("the connection is closed");
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn nothing_is_smuggled_past_the_front() {
    let one = Release::start("one").await;
    let front = Fronted::before(&one).await;
    let smuggled = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
    // Two lengths: the standard's reading counts, and what follows is never read as a request.
    for head in [
        format!("Content-Length: {}\r\nTransfer-Encoding: chunked", 5 + smuggled.len()),
        format!("Transfer-Encoding: chunked\r\nContent-Length: {}", 5 + smuggled.len()),
    ] {
        let before = one.requests();
        let answer =
            raw(front.address, &format!("POST / HTTP/1.1\r\nHost: a\r\n{head}\r\n\r\n0\r\n\r\n{smuggled}")).await;
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{answer}");
        assert!(answer.contains("connection: close"), "{answer}");
        assert_eq!(one.requests(), before + 1, "{head}");
    }
    // What has no one reading is refused, and its connection with it.
    for head in [
        "Content-Length: 3\r\nContent-Length: 4",
        "Content-Length: 3, 4",
        "Content-Length: +3",
        "Content-Length: -1",
        "Content-Length: 0x3",
        "Transfer-Encoding: identity",
        "Transfer-Encoding: chunked, identity",
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding : chunked",
        "Transfer-Encoding\t: chunked",
        " Transfer-Encoding: chunked",
        "Host: b",
        "X: a\r\n folded: b",
        "X: a\0b",
    ] {
        let before = one.requests();
        let answer = raw(
            front.address,
            &format!("POST / HTTP/1.1\r\nHost: a\r\n{head}\r\nConnection: close\r\n\r\nabc{smuggled}"),
        )
        .await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{head:?}: {answer}");
        assert_eq!(one.requests(), before, "{head:?}");
    }
    for request in
        ["POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "GET /\r\n\r\n", "GET / HTTP/1.1\r\n\r\n"]
    {
        let before = one.requests();
        let answer = raw(front.address, &request.replace("/1.1\r\n", "/1.1\r\nConnection: close\r\n")).await;
        assert!(answer.is_empty() || answer.contains(" 400 "), "{request:?}: {answer}");
        assert_eq!(one.requests(), before, "{request:?}");
    }
}

#[tokio::test]
async fn a_head_that_does_not_end_is_refused() {
    let one = Release::start("one").await;
    let front = Fronted::before(&one).await;
    let huge = "x".repeat(200 << 10);
    let answer = raw(front.address, &format!("GET / HTTP/1.1\r\nHost: a\r\nX: {huge}\r\n\r\n")).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431 "), "{answer}");
    let many = "X: y\r\n".repeat(500);
    let answer = raw(front.address, &format!("GET / HTTP/1.1\r\nHost: a\r\n{many}\r\n")).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431 "), "{answer}");
    assert_eq!(one.requests(), 0);
    assert_eq!(Connection::open(front.address).await.ask("GET", "/", "").await.unwrap().0, 200);
}

#[tokio::test]
async fn slow_heads_keep_nobody_out() {
    let one = Release::start("one").await;
    let front = Fronted::start(|options| {
        options.max_connections = 20;
        options.header_timeout = Duration::from_millis(500);
    })
    .await;
    front.client.activate(&one.upstream()).await.unwrap();
    let mut slow = Vec::new();
    for _ in 0..100 {
        let mut stream = TcpStream::connect(front.address).await.unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nX").await.unwrap();
        slow.push(stream);
        assert_eq!(Connection::open(front.address).await.ask("GET", "/", "").await.unwrap().0, 200);
    }
    // The last ones are closed by the clock.
    let mut last = slow.pop().unwrap();
    let mut rest = Vec::new();
    let closed = tokio::time::timeout(Duration::from_secs(10), last.read_to_end(&mut rest)).await;
    assert!(closed.is_ok());
}

/// A release that answers the first request of a connection and closes under the second one, having read it.
async fn treacherous() -> (Upstream, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let read = Arc::new(AtomicUsize::new(0));
    let counter = read.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let counter = counter.clone();
            tokio::spawn(async move {
                for number in 0..2 {
                    let mut request = Vec::new();
                    while !request.windows(4).any(|bytes| bytes == b"\r\n\r\n") {
                        if stream.read_buf(&mut request).await.unwrap_or(0) == 0 {
                            return;
                        }
                    }
                    counter.fetch_add(1, Ordering::SeqCst);
                    if number == 0 {
                        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await.unwrap();
                    }
                }
            });
        }
    });
    (Upstream { release: "bad".into(), address }, read)
}

#[tokio::test]
async fn only_what_can_do_no_harm_is_sent_twice() {
    let front = Fronted::start(|_| ()).await;
    let (bad, read) = treacherous().await;
    front.client.activate(&bad).await.unwrap();
    let mut connection = Connection::open(front.address).await;
    assert_eq!(connection.ask("POST", "/", "").await.unwrap().0, 200);
    // The connection to the release is used again, and closed when it has read the call: it may have been done.
    assert_eq!(connection.ask("POST", "/", "").await.unwrap().0, 502);
    assert_eq!(read.load(Ordering::SeqCst), 2, "never twice");
    assert_eq!(connection.ask("GET", "/", "").await.unwrap().0, 200);
    assert_eq!(connection.ask("GET", "/", "").await.unwrap().0, 200, "asked again on another connection");
    assert_eq!(read.load(Ordering::SeqCst), 5);
}

/// A release that closes each connection behind its answer without having said so.
async fn closing() -> Upstream {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut request = Vec::new();
                while !request.windows(4).any(|bytes| bytes == b"\r\n\r\n") {
                    if stream.read_buf(&mut request).await.unwrap_or(0) == 0 {
                        return;
                    }
                }
                stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await.unwrap();
            });
        }
    });
    Upstream { release: "closing".into(), address }
}

#[tokio::test]
async fn a_connection_a_release_closed_fails_no_call() {
    let front = Fronted::start(|_| ()).await;
    front.client.activate(&closing().await).await.unwrap();
    let mut connection = Connection::open(front.address).await;
    for number in 0..300 {
        let method = if number % 2 == 0 { "GET" } else { "POST" };
        // A moment in which the close arrives; closing at the very moment of a POST cannot be told from having read it.
        tokio::time::sleep(Duration::from_millis(1)).await;
        assert_eq!(connection.ask(method, "/", "").await.unwrap(), (200, "ok".into()), "call {number}");
    }
}

#[tokio::test]
async fn a_release_that_talks_nonsense_is_a_bad_gateway() {
    for nonsense in
        ["nonsense\r\n\r\n", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", ""]
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut request = [0; 1024];
                let _ = stream.read(&mut request).await;
                let _ = stream.write_all(nonsense.as_bytes()).await;
            }
        });
        let front = Fronted::start(|_| ()).await;
        front.client.activate(&Upstream { release: "bad".into(), address }).await.unwrap();
        let (status, _) = Connection::open(front.address).await.ask("GET", "/", "").await.unwrap();
        assert_eq!(status, 502, "{nonsense:?}");
    }
}
