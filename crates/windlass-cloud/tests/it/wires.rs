//! What is between a client and a server, or is that server.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// A proxy that cuts each connection after so many bytes of answers. Ends when dropped.
pub struct Scissors {
    pub address: SocketAddr,
    state: Arc<State>,
    task: JoinHandle<()>,
}

struct State {
    to: SocketAddr,
    after: AtomicU64,
    passed: AtomicU64,
    connections: AtomicU64,
}

impl Scissors {
    pub async fn before(to: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (passed, connections) = (AtomicU64::new(0), AtomicU64::new(0));
        let state = Arc::new(State { to, after: AtomicU64::new(u64::MAX), passed, connections });
        let ours = state.clone();
        let task = tokio::spawn(async move {
            loop {
                let (near, _) = listener.accept().await.unwrap();
                tokio::spawn(carry(near, ours.clone()));
            }
        });
        Self { address, state, task }
    }

    pub fn cut_after(&self, bytes: u64) {
        self.state.after.store(bytes, SeqCst);
    }

    pub fn passed(&self) -> u64 {
        self.state.passed.load(SeqCst)
    }

    pub fn connections(&self) -> u64 {
        self.state.connections.load(SeqCst)
    }
}

impl Drop for Scissors {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn carry(near: TcpStream, state: Arc<State>) {
    state.connections.fetch_add(1, SeqCst);
    let Ok(far) = TcpStream::connect(state.to).await else { return };
    let ((mut asks, mut hears), (mut answers, mut told)) = (near.into_split(), far.into_split());
    let up = tokio::spawn(async move { tokio::io::copy(&mut asks, &mut told).await });
    let (mut buffer, mut left) = (vec![0; 16 << 10], state.after.load(SeqCst));
    while let Ok(read) = answers.read(&mut buffer).await {
        let some = read.min(usize::try_from(left).unwrap_or(usize::MAX));
        if read == 0 || hears.write_all(&buffer[..some]).await.is_err() {
            break;
        }
        state.passed.fetch_add(some as u64, SeqCst);
        left -= some as u64;
        if left == 0 {
            break;
        }
    }
    up.abort();
}

/// A web server with one file.
#[derive(Clone)]
pub struct Web(Arc<Mutex<File>>);

pub struct File {
    pub bytes: Vec<u8>,
    pub etag: Option<&'static str>,
    /// Requests that are not signed for this region are sent there.
    pub region: Option<&'static str>,
    /// Answered in place of the file.
    pub instead: Option<String>,
    /// The heads of all requests.
    pub asked: Vec<String>,
    /// After so many bytes of a body the connection ends.
    pub cut: usize,
}

impl Web {
    /// The server, and its URL.
    pub async fn serving(bytes: &[u8], etag: Option<&'static str>) -> (Self, String) {
        let file =
            File { bytes: bytes.to_vec(), etag, region: None, instead: None, asked: Vec::new(), cut: usize::MAX };
        let this = Self(Arc::new(Mutex::new(file)));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/images/root.ext4?signature=hunter2", listener.local_addr().unwrap());
        let ours = this.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(ours.clone().answer(stream));
            }
        });
        (this, url)
    }

    pub fn change(&self, change: impl FnOnce(&mut File)) {
        change(&mut self.0.lock().unwrap());
    }

    pub fn asked(&self) -> Vec<String> {
        self.0.lock().unwrap().asked.clone()
    }

    async fn answer(self, mut stream: TcpStream) {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let Ok(byte) = stream.read_u8().await else { return };
            head.push(byte);
        }
        let head = String::from_utf8(head).unwrap().to_lowercase();
        let (answer, body) = self.0.lock().unwrap().answer(&head);
        let _ = stream.write_all(answer.as_bytes()).await;
        for piece in body.chunks(64 << 10) {
            if stream.write_all(piece).await.is_err() {
                return;
            }
            // Time for somebody else to come in between.
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

impl File {
    fn answer(&mut self, head: &str) -> (String, Vec<u8>) {
        self.asked.push(head.to_owned());
        if let Some(region) = self.region.filter(|region| !head.contains(&format!("/{region}/s3/"))) {
            let head = format!(
                "HTTP/1.1 301 Moved Permanently\r\nx-amz-bucket-region: {region}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
            );
            return (head, Vec::new());
        }
        if let Some(instead) = &self.instead {
            return (instead.clone(), Vec::new());
        }
        let header = |name: &str| head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        let from = header("range").and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok());
        let from = from.filter(|_| header("if-range") == self.etag);
        let etag = self.etag.map(|etag| format!("etag: {etag}\r\n")).unwrap_or_default();
        let (whole, start) = (self.bytes.len(), from.unwrap_or(0));
        let range = format!("content-range: bytes {start}-{}/{whole}\r\n", whole - 1);
        let (status, range) = from.map_or(("200 OK", ""), |_: usize| ("206 Partial Content", &range));
        let length = whole - start;
        let head = format!("HTTP/1.1 {status}\r\nconnection: close\r\n{etag}{range}content-length: {length}\r\n\r\n");
        (head, self.bytes[start..].iter().copied().take(self.cut).collect())
    }
}
