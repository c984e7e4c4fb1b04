use std::{io::Write, time::Duration};

use flate2::{Compression, write::GzEncoder};
use tokio::io::AsyncWriteExt;
use windlass_core::ErrorKind;
use windlass_fetch::{Fetched, Request};

use crate::server::{Server, response};

const CAP: usize = 64 << 10;

fn gzip(data: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

async fn fetch(reply: Vec<u8>) -> Result<Fetched, windlass_core::ToolError> {
    let server = Server::new(move |_| reply.clone()).await;
    server.fetcher().fetch(Request::get(server.url("/"))).await
}

#[tokio::test]
async fn compressed_text_is_read() {
    let fetched = fetch(response("200 OK", "Content-Type: text/plain\r\nContent-Encoding: gzip\r\n", gzip(b"small")))
        .await
        .unwrap();
    assert_eq!((fetched.text.as_str(), fetched.bytes, fetched.truncated), ("small", 5, false));
}

#[tokio::test]
async fn a_bomb_is_cut_at_what_comes_out_of_it() {
    let bomb = gzip(&vec![b'a'; 64 << 20]);
    assert!(bomb.len() < 100_000);
    let fetched =
        fetch(response("200 OK", "Content-Type: text/plain\r\nContent-Encoding: gzip\r\n", bomb)).await.unwrap();
    assert_eq!((fetched.bytes, fetched.truncated), (CAP, true));
}

#[tokio::test]
async fn layers_and_unknown_encodings_are_refused() {
    for encoding in ["gzip, gzip", "br", "zstd"] {
        let headers = format!("Content-Type: text/plain\r\nContent-Encoding: {encoding}\r\n");
        let error = fetch(response("200 OK", &headers, gzip(b"x"))).await.unwrap_err();
        assert!(error.message.contains("compressed as"), "{error}");
    }
    let error = fetch(response("200 OK", "Content-Type: text/plain\r\nContent-Encoding: gzip\r\n", "not gzip"))
        .await
        .unwrap_err();
    assert_eq!(error.message, "the compressed answer is damaged");
}

#[tokio::test]
async fn an_endless_body_is_cut() {
    let server = Server::streaming("127.0.0.1", |mut stream, _| async move {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n").await;
        while stream.write_all(&[b'x'; 4096]).await.is_ok() {}
    })
    .await;
    let fetched = server.fetcher().fetch(Request::get(server.url("/"))).await.unwrap();
    assert_eq!((fetched.bytes, fetched.truncated), (CAP, true));
    let asked = Request { max_bytes: Some(10), ..Request::get(server.url("/")) };
    assert_eq!(server.fetcher().fetch(asked).await.unwrap().text, "xxxxxxxxxx");
    let greedy = Request { max_bytes: Some(usize::MAX), ..Request::get(server.url("/")) };
    assert_eq!(server.fetcher().fetch(greedy).await.unwrap().bytes, CAP);
}

#[tokio::test]
async fn compressed_nothing_for_ever_is_cut() {
    let server = Server::streaming("127.0.0.1", |mut stream, _| async move {
        let head = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Encoding: gzip\r\n\r\n";
        let _ = stream.write_all(head).await;
        // A gzip header, then empty stored blocks without end.
        let _ = stream.write_all(&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff]).await;
        while stream.write_all(&[0, 0, 0, 0xff, 0xff].repeat(800)).await.is_ok() {}
    })
    .await;
    let fetched = server.fetcher().fetch(Request::get(server.url("/"))).await.unwrap();
    assert_eq!((fetched.bytes, fetched.truncated), (0, true));
}

#[tokio::test]
async fn a_body_that_drips_is_given_up() {
    let server = Server::streaming("127.0.0.1", |mut stream, _| async move {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n").await;
        while stream.write_all(b".").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    let request = Request { timeout: Some(Duration::from_millis(200)), ..Request::get(server.url("/")) };
    let error = server.fetcher().fetch(request).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::TimedOut);
    assert_eq!(error.message, "the server did not deliver the page within 200ms");
}

#[tokio::test]
async fn a_server_that_says_nothing_is_given_up() {
    let server = Server::streaming("127.0.0.1", |stream, _| async move {
        std::future::pending::<()>().await;
        drop(stream);
    })
    .await;
    let request = Request { timeout: Some(Duration::from_millis(100)), ..Request::get(server.url("/")) };
    assert_eq!(server.fetcher().fetch(request).await.unwrap_err().kind, ErrorKind::TimedOut);
}

#[tokio::test]
async fn a_head_without_end_is_refused() {
    let server = Server::streaming("127.0.0.1", |mut stream, _| async move {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n").await;
        while stream.write_all(b"X-Filler: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n").await.is_ok() {}
    })
    .await;
    let error = server.fetcher().fetch(Request::get(server.url("/"))).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable, "{error}");
}

#[tokio::test]
async fn what_is_not_text_is_named_and_not_read() {
    let error = fetch(response("200 OK", "Content-Type: image/png\r\n", [0x89, b'P', b'N', b'G'])).await.unwrap_err();
    assert_eq!(error.message, "the answer is image/png of 4 bytes, and only text is read");
    let error = fetch(response("200 OK", "Content-Type: text/html\r\n", b"\x7fELF\0\0\0")).await.unwrap_err();
    assert_eq!(error.message, "the answer is binary data (7 bytes read) although the server says text/html");
    let error = fetch(response("200 OK", "", b"\0\x01\x02")).await.unwrap_err();
    assert_eq!(
        error.message,
        "the answer is binary data (3 bytes read) although the server says nothing about its type"
    );
}
