//! What a host can send wrongly, and what its guest does then.

use bytes::BytesMut;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::UnixStream,
};
use windlass_guest::protocol::{
    Decoder, Done, ExecRequest, Frame, Hello, Kind, Outcome, ReadRequest, Request, Stream, find_welcome,
};

use crate::guest::{children, eventually, start_raw};

struct Played {
    process: std::process::Child,
    stream: UnixStream,
    decoder: Decoder,
}

impl Drop for Played {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Played {
    fn start() -> Self {
        let (process, stream) = start_raw();
        Self { process, stream, decoder: Decoder::new() }
    }

    async fn greeted() -> Self {
        let mut played = Self::start();
        assert_eq!(played.greet(Hello::new([1; 16])).await, 1);
        played
    }

    async fn greet(&mut self, hello: Hello) -> u16 {
        self.send(&[hello.frame()]).await;
        loop {
            if let Some(welcome) = find_welcome(self.decoder.space(), &hello.nonce) {
                return welcome.version;
            }
            assert!(self.stream.read_buf(self.decoder.space()).await.unwrap() > 0);
        }
    }

    async fn send(&mut self, frames: &[Frame]) {
        let mut wire = BytesMut::new();
        frames.iter().for_each(|frame| frame.encode(&mut wire));
        self.stream.write_all(&wire).await.unwrap();
    }

    async fn next(&mut self) -> Option<Frame> {
        loop {
            if let Some(frame) = self.decoder.next_frame().unwrap() {
                return Some(frame);
            }
            // A socket whose other end left with bytes unread says so by an error.
            if self.stream.read_buf(self.decoder.space()).await.unwrap_or(0) == 0 {
                return None;
            }
        }
    }

    async fn done(&mut self, channel: u32) -> Done {
        loop {
            let frame = self.next().await.unwrap();
            if frame.kind == Kind::Done && frame.channel == channel {
                return frame.parse().unwrap();
            }
        }
    }

    /// The guest hangs up, ends all it had started, and says that something was wrong.
    async fn assert_hangs_up(&mut self) {
        while self.next().await.is_some() {}
        assert!(eventually(|| self.process.try_wait().unwrap().is_some_and(|status| !status.success())).await);
    }
}

fn open(channel: u32, request: &Request) -> Frame {
    Frame::json(Kind::Open, channel, request)
}

fn sleep() -> Request {
    Request::Exec(Box::new(ExecRequest { argv: vec!["sleep".into(), "1000".into()], ..ExecRequest::default() }))
}

#[tokio::test]
async fn a_breach_hangs_up() {
    let many = vec![Frame::data(1, Stream::Input, vec![b'x'; 65536].into()); 5];
    let cases = [
        vec![Frame::data(9, Stream::Input, "x".into())],
        vec![open(1, &Request::Ping), open(1, &Request::Ping)],
        vec![open(5, &Request::Ping), open(4, &Request::Ping)],
        vec![open(1, &sleep()), Frame::data(1, Stream::Output, "x".into())],
        vec![open(1, &sleep()), Frame::end(1, Stream::Input), Frame::data(1, Stream::Input, "x".into())],
        vec![open(1, &sleep()), Frame::credit(1, Stream::Output, u32::MAX)],
        [vec![open(1, &sleep())], many].concat(),
        vec![Frame::json(Kind::Open, 1, &"nonsense")],
        vec![Frame::json(Kind::Done, 1, &"x")],
    ];
    for frames in cases {
        let mut played = Played::greeted().await;
        played.send(&frames).await;
        played.assert_hangs_up().await;
    }
}

#[tokio::test]
async fn garbage_after_the_hello_hangs_up_and_before_it_is_passed_over() {
    let mut played = Played::greeted().await;
    played.stream.write_all(&[77; 100]).await.unwrap();
    played.assert_hangs_up().await;

    let mut played = Played::start();
    played.stream.write_all(&[1; 5000]).await.unwrap();
    played.stream.write_all(&Hello::new([8; 16]).frame().header()).await.unwrap();
    assert_eq!(played.greet(Hello::new([2; 16])).await, 1);
}

#[tokio::test]
async fn a_host_of_another_version_is_told_and_may_try_again() {
    let mut played = Played::start();
    assert_eq!(played.greet(Hello { lowest: 7, highest: 9, nonce: [1; 16] }).await, 0);
    assert_eq!(played.greet(Hello { lowest: 0, highest: 9, nonce: [2; 16] }).await, 1);
}

#[tokio::test]
async fn another_hello_ends_what_the_host_before_had() {
    let mut played = Played::greeted().await;
    played.send(&[open(1, &sleep()), open(2, &sleep())]).await;
    let guest = played.process.id();
    assert!(eventually(|| children(guest).len() == 2).await);
    // The same hello again changes nothing.
    played.send(&[Hello::new([1; 16]).frame(), open(3, &Request::Ping)]).await;
    assert_eq!(played.done(3).await, Ok(Outcome::Nothing));
    assert_eq!(children(guest).len(), 2);
    assert_eq!(played.greet(Hello::new([2; 16])).await, 1);
    assert!(children(guest).is_empty(), "gone before the welcome");
    played.send(&[open(1, &Request::Ping)]).await;
    assert_eq!(played.done(1).await, Ok(Outcome::Nothing));
}

#[tokio::test]
async fn a_host_that_reads_nothing_can_still_end_everything() {
    let mut played = Played::greeted().await;
    let yes = ExecRequest { argv: vec!["yes".into()], ..ExecRequest::default() };
    let mut frames = Vec::new();
    for channel in 1..=20 {
        frames.push(open(channel, &Request::Exec(Box::new(yes.clone()))));
        frames.push(Frame::credit(channel, Stream::Output, 8 << 20));
    }
    played.send(&frames).await;
    let guest = played.process.id();
    assert!(eventually(|| children(guest).len() == 20).await);
    played.send(&(1..=20).map(Frame::cancel).collect::<Vec<_>>()).await;
    assert!(eventually(|| children(guest).is_empty()).await);
}

#[tokio::test]
async fn a_cancelled_read_ends_and_is_answered() {
    let mut played = Played::greeted().await;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("big");
    std::fs::File::create(&path).unwrap().set_len(1 << 40).unwrap();
    let request = Request::Read(ReadRequest { path: path.into(), offset: 0, length: None });
    played.send(&[open(1, &request)]).await;
    while played.next().await.unwrap().kind != Kind::Data {}
    played.send(&[Frame::cancel(1)]).await;
    assert_eq!(played.done(1).await.unwrap_err().kind, windlass_guest::protocol::ErrorKind::Cancelled);
}
