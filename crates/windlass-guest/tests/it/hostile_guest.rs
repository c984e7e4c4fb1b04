//! What a guest can send, and what it does to the host: at worst it ends the guest's own connection.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream},
    task::JoinHandle,
};
use windlass_guest::{
    client::{ClientError, Closed, Command, GuestClient},
    protocol::{
        About, Decoder, Done, ErrorKind, Exit, Frame, GuestError, INITIAL_CREDIT, Kind, Outcome, ProtocolError,
        Started, Stream, VERSION, Welcome, find_hello,
    },
};

use crate::guest::LONG;

/// A guest that this test plays.
struct Played {
    stream: DuplexStream,
    decoder: Decoder,
}

impl Played {
    async fn read(&mut self) {
        self.stream.read_buf(self.decoder.space()).await.unwrap();
    }

    async fn next(&mut self) -> Frame {
        loop {
            if let Some(frame) = self.decoder.next_frame().unwrap() {
                return frame;
            }
            self.read().await;
        }
    }

    async fn send(&mut self, frames: &[Frame]) {
        let mut wire = BytesMut::new();
        frames.iter().for_each(|frame| frame.encode(&mut wire));
        self.raw(&wire).await;
    }

    async fn raw(&mut self, bytes: &[u8]) {
        // The host may have hung up already.
        let _ = self.stream.write_all(bytes).await;
    }
}

async fn meet(version: u16, before: &[u8]) -> (Result<GuestClient, ClientError>, Played) {
    let (host, guest) = tokio::io::duplex(1 << 20);
    let mut played = Played { stream: guest, decoder: Decoder::new() };
    let meeting = tokio::spawn(GuestClient::new(host, LONG));
    let hello = loop {
        if let Some(hello) = find_hello(played.decoder.space()) {
            break hello;
        }
        played.read().await;
    };
    played.raw(before).await;
    played.send(&[Welcome { version, nonce: hello.nonce, about: About::default() }.frame()]).await;
    (meeting.await.unwrap(), played)
}

async fn met() -> (GuestClient, Played) {
    let (client, played) = meet(VERSION, b"").await;
    (client.unwrap(), played)
}

/// Lets the host run a command, which is channel 1, and says that it runs.
async fn running() -> (GuestClient, Played, JoinHandle<Result<Exit, ClientError>>) {
    let (client, mut played) = met().await;
    let host = client.clone();
    let task = tokio::spawn(async move { host.exec(Command::new("x").stdin(), LONG).await?.wait(LONG).await });
    assert_eq!(played.next().await.kind, Kind::Open);
    played.send(&[Frame::json(Kind::Started, 1, &Started::Exec { pid: 1 })]).await;
    (client, played, task)
}

#[track_caller]
fn assert_breach(result: Result<Exit, ClientError>, expected: ProtocolError) {
    assert_eq!(result, Err(ClientError::Closed(Closed::Protocol(expected))));
}

fn done(channel: u32, outcome: &Done) -> Frame {
    Frame::json(Kind::Done, channel, outcome)
}

fn exit() -> Done {
    Ok(Outcome::Exit(Exit { code: Some(0), ..Exit::default() }))
}

#[tokio::test]
async fn a_good_guest_is_believed() {
    let (_client, mut played, task) = running().await;
    played.send(&[done(1, &exit())]).await;
    assert!(task.await.unwrap().unwrap().success());
}

#[tokio::test]
async fn leftovers_before_the_welcome_are_passed_over() {
    let mut leftovers = BytesMut::from(&b"\x02\x00\x00 garbage \x02"[..]);
    Welcome { version: VERSION, nonce: [9; 16], about: About::default() }.frame().encode(&mut leftovers);
    done(7, &exit()).encode(&mut leftovers);
    let (client, _played) = meet(VERSION, &leftovers).await;
    client.unwrap();
}

#[tokio::test]
async fn another_version_is_an_error_of_its_own() {
    assert_eq!(meet(0, b"").await.0.unwrap_err(), ClientError::Version);
    assert_eq!(meet(VERSION + 1, b"").await.0.unwrap_err(), ClientError::Version);
}

#[tokio::test]
async fn no_welcome_is_a_timeout_and_endless_garbage_a_breach() {
    let (host, _guest) = tokio::io::duplex(1 << 20);
    assert_eq!(GuestClient::new(host, Duration::from_millis(20)).await.unwrap_err(), ClientError::Timeout);
    let (host, mut guest) = tokio::io::duplex(1 << 20);
    let flood = tokio::spawn(async move { while guest.write_all(&[2; 65536]).await.is_ok() {} });
    let refused = GuestClient::new(host, LONG).await.unwrap_err();
    assert_eq!(refused, ClientError::Closed(Closed::Protocol(ProtocolError::BadGreeting)));
    flood.await.unwrap();
}

#[tokio::test]
async fn garbage_and_huge_lengths_end_the_connection() {
    for (wire, expected) in [
        (&[99; 40][..], ProtocolError::UnknownKind(99)),
        (&[4, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 128], ProtocolError::WrongLength { kind: 4, length: 1 << 31 }),
        (&[4, 1, 0, 0, 1, 0, 0, 0, 1, 0, 1, 0], ProtocolError::WrongLength { kind: 4, length: 65537 }),
        (&[10, 0, 0, 0, 1, 0, 0, 0, 1, 0, 16, 0], ProtocolError::WrongLength { kind: 10, length: (1 << 20) + 1 }),
        (&[4, 9, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0], ProtocolError::WrongStream { kind: 4, stream: 9 }),
        (&[4, 1, 7, 0, 1, 0, 0, 0, 1, 0, 0, 0], ProtocolError::ReservedBytes),
        (&[4, 1, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0], ProtocolError::WrongChannel { kind: 4, channel: 0 }),
    ] {
        let (client, mut played, task) = running().await;
        played.raw(wire).await;
        assert_breach(task.await.unwrap(), expected);
        assert_eq!(client.closed().await, Closed::Protocol(expected));
        assert_eq!(client.ping(LONG).await, Err(ClientError::Closed(Closed::Protocol(expected))));
    }
}

#[tokio::test]
async fn frames_out_of_place_end_the_connection() {
    let data = |stream, bytes: &'static [u8]| Frame::data(1, stream, Bytes::from_static(bytes));
    let cases = [
        (vec![Frame::data(2, Stream::Output, "x".into())], ProtocolError::UnknownChannel(2)),
        (vec![done(5, &exit())], ProtocolError::UnknownChannel(5)),
        (vec![Frame::end(1, Stream::Output), data(Stream::Output, b"x")], ProtocolError::DataAfterEnd(1)),
        (vec![Frame::end(1, Stream::Error), Frame::end(1, Stream::Error)], ProtocolError::DataAfterEnd(1)),
        (vec![data(Stream::Input, b"x")], ProtocolError::WrongStream { kind: 4, stream: 0 }),
        (vec![Frame::credit(1, Stream::Output, 1)], ProtocolError::WrongStream { kind: 6, stream: 1 }),
        (vec![Frame::credit(1, Stream::Input, u32::MAX)], ProtocolError::CreditOverflow(1)),
        (vec![Frame::credit(1, Stream::Input, 9 << 20); 2], ProtocolError::CreditOverflow(1)),
        (vec![Frame::json(Kind::Open, 1, &"x")], ProtocolError::WrongSide(3)),
        (vec![Frame::cancel(1)], ProtocolError::WrongSide(8)),
        (vec![Frame::json(Kind::Started, 1, &Started::Exec { pid: 2 })], ProtocolError::WrongAnswer(1)),
        (vec![Frame::json(Kind::Started, 1, &[1, 2])], ProtocolError::BadJson(9)),
        (vec![Frame::json(Kind::Done, 1, &"nonsense")], ProtocolError::BadJson(10)),
        (vec![done(1, &Ok(Outcome::Nothing))], ProtocolError::WrongAnswer(1)),
    ];
    for (frames, expected) in cases {
        let (_client, mut played, task) = running().await;
        // A credit overflow is one only while the host wants to send.
        played.send(&frames).await;
        assert_breach(task.await.unwrap(), expected);
    }
}

#[tokio::test]
async fn more_than_the_credit_ends_the_connection() {
    let (client, mut played) = met().await;
    let starting = tokio::spawn(async move { client.exec(Command::new("x"), LONG).await });
    played.next().await;
    played.send(&[Frame::json(Kind::Started, 1, &Started::Exec { pid: 1 })]).await;
    let mut running = starting.await.unwrap().unwrap();
    let mut stdout = running.take_stdout().unwrap();
    let piece = Bytes::from(vec![b'x'; 65536]);
    let mut frames = vec![Frame::data(1, Stream::Output, piece); INITIAL_CREDIT as usize / 65536];
    frames.push(Frame::data(1, Stream::Output, "y".into()));
    played.send(&frames).await;
    let breach = ClientError::Closed(Closed::Protocol(ProtocolError::CreditExceeded(1)));
    let mut read = 0;
    let end = loop {
        match stdout.next().await {
            Ok(bytes) => read += bytes.unwrap().len(),
            Err(error) => break error,
        }
    };
    assert_eq!((end, read), (breach, INITIAL_CREDIT as usize), "what was within the credit is still read");
}

#[tokio::test]
async fn what_comes_for_a_channel_that_ended_is_ignored() {
    let (client, mut played, task) = running().await;
    let late = [
        done(1, &exit()),
        Frame::data(1, Stream::Output, "late".into()),
        Frame::credit(1, Stream::Input, u32::MAX),
        done(1, &exit()),
    ];
    played.send(&late).await;
    assert!(task.await.unwrap().unwrap().success());
    let pinging = tokio::spawn(async move { client.ping(LONG).await });
    while played.next().await.kind != Kind::Open {}
    played.send(&[done(2, &Ok(Outcome::Nothing))]).await;
    pinging.await.unwrap().unwrap();
}

#[tokio::test]
async fn silence_is_a_timeout_and_numbers_are_not_used_again() {
    let (client, mut played) = met().await;
    for number in 1..4 {
        assert_eq!(client.ping(Duration::from_millis(10)).await, Err(ClientError::Timeout));
        let (open, cancel) = (played.next().await, played.next().await);
        assert_eq!((open.kind, open.channel), (Kind::Open, number));
        assert_eq!((cancel.kind, cancel.channel), (Kind::Cancel, number));
    }
    // The late answers belong to nobody.
    let late: Done = Err(GuestError::new(ErrorKind::Other, "late"));
    played.send(&[done(1, &late), done(2, &late), done(3, &late)]).await;
    let pinging = tokio::spawn(async move { client.ping(LONG).await });
    assert_eq!(played.next().await.channel, 4);
    played.send(&[done(4, &Ok(Outcome::Nothing))]).await;
    pinging.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_guest_that_goes_is_gone_for_all() {
    let (client, played, task) = running().await;
    drop(played);
    let gone = ClientError::Closed(Closed::Ended);
    assert_eq!(task.await.unwrap(), Err(gone.clone()));
    assert_eq!(client.ping(LONG).await, Err(gone));
}

#[tokio::test]
async fn random_bytes_only_ever_end_the_connection() {
    let mut state = 7_u64;
    for _ in 0..300 {
        let (client, mut played, task) = running().await;
        let mut wire: Vec<u8> = std::iter::repeat_with(|| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(99);
            (state >> 33) as u8
        })
        .take(200)
        .collect();
        // Often enough a header that is nearly right.
        if state.is_multiple_of(2) {
            wire[0] %= 11;
            wire[1] %= 3;
            wire[2..12].copy_from_slice(&[0, 0, 1, 0, 0, 0, 4, 0, 0, 0]);
        }
        played.raw(&wire).await;
        drop(played);
        let ended = tokio::time::timeout(LONG, task).await.unwrap().unwrap();
        assert!(matches!(ended, Err(ClientError::Closed(_))), "{ended:?}");
        client.closed().await;
    }
}
