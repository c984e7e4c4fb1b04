//! Stands where a SQL Server would: takes logins and requests apart, insists that they are well formed and that a
//! request comes only when the answer before it is over, and answers as it is told.

use std::sync::{Arc, Mutex};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    task::JoinHandle,
};
use tokio_rustls::TlsAcceptor;

use super::{encryption, tokens};

/// What a client sent.
#[derive(Debug, Clone, PartialEq)]
pub enum Request {
    Login(Login),
    /// `sp_executesql`: the text, the declaration of its parameters, and their values.
    Execute {
        text: String,
        declared: String,
        values: Vec<Value>,
    },
    Attention,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    pub user: String,
    pub password: String,
    pub application: String,
    pub server: String,
    pub database: String,
    pub reads_only: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Null,
    Text(String),
    Whole(i64),
    Double(f64),
    Bit(bool),
    Bytes(u8, Vec<u8>),
}

/// What the stand-in does about a request.
pub enum Answer {
    /// These tokens, and the end.
    Tokens(Vec<u8>),
    /// These tokens, and then nothing until an attention comes.
    Hang(Vec<u8>),
    /// The first tokens, and the second over and over, until an attention comes.
    Endless(Vec<u8>, Vec<u8>),
    /// These tokens, and then no connection.
    Close(Vec<u8>),
}

pub struct StandIn {
    pub port: u16,
    log: Arc<Mutex<Vec<Request>>>,
    arrivals: mpsc::UnboundedReceiver<()>,
    serving: JoinHandle<()>,
}

type Script = Arc<dyn Fn(&Request) -> Answer + Send + Sync>;

impl StandIn {
    /// Lets everybody in.
    pub async fn start(script: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> Self {
        Self::with_logins(move |request| match request {
            Request::Login(_) => Answer::Tokens(welcome()),
            request => script(request),
        })
        .await
    }

    pub async fn with_logins(script: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> Self {
        Self::listen(None, script).await
    }

    /// With encryption, or as one that has none to offer.
    pub async fn listen(tls: Option<TlsAcceptor>, script: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let log = Arc::new(Mutex::new(Vec::new()));
        let (arrived, arrivals) = mpsc::unbounded_channel();
        let script: Script = Arc::new(script);
        let requests = Arc::clone(&log);
        let serving = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (requests, arrived, script) = (Arc::clone(&requests), arrived.clone(), Arc::clone(&script));
                let tls = tls.clone();
                tokio::spawn(async move {
                    if let Some((reader, writer)) = welcome_stream(stream, tls).await {
                        Session { reader, writer, log: requests, arrived }.serve(script).await;
                    }
                });
            }
        });
        Self { port, log, arrivals, serving }
    }

    pub fn requests(&self) -> Vec<Request> {
        self.log.lock().unwrap().clone()
    }

    /// The texts that were executed.
    pub fn executed(&self) -> Vec<String> {
        let texts = self.requests().into_iter().filter_map(|request| match request {
            Request::Execute { text, .. } => Some(text),
            _ => None,
        });
        texts.collect()
    }

    /// Waits until that many more requests have come.
    pub async fn arrived(&mut self, count: usize) {
        for _ in 0..count {
            self.arrivals.recv().await.unwrap();
        }
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

pub fn welcome() -> Vec<u8> {
    [tokens::database("shop"), tokens::login_ack(), tokens::done(tokens::FINAL, 0)].concat()
}

type Reader = Box<dyn AsyncRead + Send + Unpin>;
type Writer = Box<dyn AsyncWrite + Send + Unpin>;

/// The prelogin: agrees on encryption, and begins it. `None` where the client goes away, as it has to where it insists
/// on encryption that is not to be had.
async fn welcome_stream(mut stream: TcpStream, tls: Option<TlsAcceptor>) -> Option<(Reader, Writer)> {
    let (kind, prelogin) = message(&mut stream).await.expect("a client begins with a prelogin");
    assert_eq!(kind, 0x12);
    let (wanted, offered) = (prelogin_option(&prelogin, 1)[0], if tls.is_some() { 1 } else { 2 });
    assert!(matches!(wanted, 2 | 3), "no encryption or nothing else, never a bit of it: {wanted}");
    // Version, encryption, end.
    let answer = [&[0, 0, 11, 0, 6, 1, 0, 17, 0, 1, 0xff][..], &[16, 0, 0x10, 0, 0, 0], &[offered]].concat();
    write(&mut stream, &answer, true).await;
    match (wanted, tls) {
        (2, None) => {
            let (reader, writer) = stream.into_split();
            Some((Box::new(reader), Box::new(writer)))
        }
        (_, None) => {
            assert_eq!(message(&mut stream).await, None, "nothing is said without encryption");
            None
        }
        (_, Some(tls)) => {
            let (reader, writer) = tokio::io::split(encryption::accept(stream, tls).await?);
            Some((Box::new(reader), Box::new(writer)))
        }
    }
}

struct Session {
    reader: Reader,
    writer: Writer,
    log: Arc<Mutex<Vec<Request>>>,
    arrived: mpsc::UnboundedSender<()>,
}

impl Session {
    async fn serve(mut self, script: Script) {
        while let Some((kind, body)) = message(&mut self.reader).await {
            let request = match kind {
                0x10 => Request::Login(login(&body)),
                0x03 => execute(&body),
                0x06 => Request::Attention,
                other => panic!("a request of kind {other:#x}"),
            };
            let answer = match &request {
                Request::Attention => Answer::Tokens(tokens::done(tokens::ATTENTION, 0)),
                request => script(request),
            };
            self.note(request);
            match answer {
                Answer::Tokens(tokens) => self.send(&tokens, true).await,
                Answer::Hang(tokens) => {
                    self.send(&tokens, false).await;
                    let Some(next) = message(&mut self.reader).await else { return };
                    self.attention(next).await;
                }
                Answer::Endless(head, row) => {
                    self.send(&head, false).await;
                    let batch = row.repeat(100);
                    let next = loop {
                        tokio::select! {
                            biased;
                            next = message(&mut self.reader) => break next,
                            () = write(&mut self.writer, &batch, false) => {}
                        }
                    };
                    let Some(next) = next else { return };
                    self.attention(next).await;
                }
                Answer::Close(tokens) => {
                    self.send(&tokens, false).await;
                    return;
                }
            }
        }
    }

    /// In the middle of an answer nothing but an attention may come.
    async fn attention(&mut self, (kind, body): (u8, Vec<u8>)) {
        assert_eq!((kind, body.len()), (0x06, 0), "in the middle of an answer");
        self.note(Request::Attention);
        self.send(&tokens::done(tokens::ATTENTION, 0), true).await;
    }

    fn note(&self, request: Request) {
        self.log.lock().unwrap().push(request);
        let _ = self.arrived.send(());
    }

    async fn send(&mut self, tokens: &[u8], last: bool) {
        write(&mut self.writer, tokens, last).await;
    }
}

/// Writes packets of at most 4096 bytes. Where the client is gone, there is nobody to tell.
async fn write(writer: &mut (impl AsyncWrite + Unpin), bytes: &[u8], last: bool) {
    let mut chunks = bytes.chunks(4088).peekable();
    while let Some(chunk) = chunks.next() {
        let status = u8::from(last && chunks.peek().is_none());
        let length = (chunk.len() as u16 + 8).to_be_bytes();
        let packet = [&[4, status, length[0], length[1], 0, 0, 1, 0], chunk].concat();
        if writer.write_all(&packet).await.is_err() || writer.flush().await.is_err() {
            return;
        }
    }
}

/// A whole message: its kind, and what is in its packets. `None` at the end of the connection.
async fn message(reader: &mut (impl AsyncRead + Unpin)) -> Option<(u8, Vec<u8>)> {
    let mut body = Vec::new();
    loop {
        let mut header = [0; 8];
        reader.read_exact(&mut header).await.ok()?;
        let length = usize::from(u16::from_be_bytes([header[2], header[3]]));
        assert!((8..=4096).contains(&length), "a packet of {length} bytes");
        let begin = body.len();
        body.resize(begin + length - 8, 0);
        reader.read_exact(&mut body[begin..]).await.ok()?;
        match header[1] {
            0 => {}
            1 => return Some((header[0], body)),
            status => panic!("a packet of status {status:#x}"),
        }
    }
}

fn prelogin_option(body: &[u8], wanted: u8) -> &[u8] {
    let options = body.chunks(5).take_while(|option| option[0] != 0xff);
    let option = options.into_iter().find(|option| option[0] == wanted).unwrap();
    let place = |at: usize| usize::from(u16::from_be_bytes([option[at], option[at + 1]]));
    &body[place(1)..place(1) + place(3)]
}

fn utf16(bytes: &[u8]) -> String {
    let units: Vec<u16> = bytes.chunks(2).map(|unit| u16::from_le_bytes([unit[0], unit[1]])).collect();
    String::from_utf16(&units).unwrap()
}

fn login(body: &[u8]) -> Login {
    assert_eq!(u32::from_le_bytes(body[..4].try_into().unwrap()) as usize, body.len());
    assert_eq!(body[4..8], [4, 0, 0, 0x74], "TDS 7.4");
    let raw = |index: usize| {
        let at = 36 + 4 * index;
        let number = |at: usize| usize::from(u16::from_le_bytes([body[at], body[at + 1]]));
        &body[number(at)..number(at) + 2 * number(at + 2)]
    };
    let field = |index| utf16(raw(index));
    let password: Vec<u8> = raw(2).iter().map(|byte| (byte ^ 0xa5).rotate_left(4)).collect();
    Login {
        user: field(1),
        password: utf16(&password),
        application: field(3),
        server: field(4),
        database: field(8),
        reads_only: body[26] & 0x20 != 0,
    }
}

fn execute(body: &[u8]) -> Request {
    let mut rest = Cursor(body);
    let headers = rest.number(4) as usize;
    rest.take(headers - 4);
    assert_eq!((rest.number(2), rest.number(2)), (0xffff, 10), "sp_executesql by its number");
    assert_eq!(rest.number(2), 0, "no options");
    let (Value::Text(text), Value::Text(declared)) = (rest.parameter("stmt"), rest.parameter("params")) else {
        panic!("the statement and its declarations are text")
    };
    let mut values = Vec::new();
    while !rest.0.is_empty() {
        values.push(rest.parameter(&format!("@P{}", values.len() + 1)));
    }
    Request::Execute { text, declared, values }
}

struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn take(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(count);
        self.0 = rest;
        taken
    }

    fn number(&mut self, bytes: usize) -> u64 {
        self.take(bytes).iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
    }

    fn parameter(&mut self, name: &str) -> Value {
        let length = 2 * self.number(1) as usize;
        assert_eq!(utf16(self.take(length)), name);
        assert_eq!(self.number(1), 0, "a plain value");
        let kind = self.number(1) as u8;
        match kind {
            0xe7 => self.text(),
            0x26 | 0x6d | 0x68 | 0x24 | 0x28 => {
                if kind != 0x28 {
                    self.number(1);
                }
                self.sized(kind)
            }
            0x2b => {
                assert_eq!(self.number(1), 7, "of all digits");
                self.sized(kind)
            }
            other => panic!("a parameter of type {other:#x}"),
        }
    }

    fn text(&mut self) -> Value {
        let most = self.number(2);
        self.take(5);
        if most < 0xffff {
            return match self.number(2) {
                0xffff => Value::Null,
                length => Value::Text(utf16(self.take(length as usize))),
            };
        }
        assert_ne!(self.number(8), u64::MAX, "a long text that is NULL");
        let mut text = Vec::new();
        loop {
            match self.number(4) as usize {
                0 => return Value::Text(utf16(&text)),
                length => text.extend_from_slice(self.take(length)),
            }
        }
    }

    fn sized(&mut self, kind: u8) -> Value {
        let length = self.number(1) as usize;
        let bytes = self.take(length);
        match (kind, bytes) {
            (_, []) => Value::Null,
            (0x26, bytes) => Value::Whole(i64::from_le_bytes(bytes.try_into().unwrap())),
            (0x6d, bytes) => Value::Double(f64::from_le_bytes(bytes.try_into().unwrap())),
            (0x68, bytes) => Value::Bit(bytes == [1]),
            (kind, bytes) => Value::Bytes(kind, bytes.to_vec()),
        }
    }
}
