use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use windlass_config::settings::FetchSettings;
use windlass_core::units::{Bytes, Span};
use windlass_fetch::Fetcher;
use windlass_guard::{Resolver, SystemResolver};

/// An HTTP server that says exactly what it is told, right or wrong.
pub struct Server {
    pub address: SocketAddr,
    pub requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// Answers every request with the bytes `reply` makes of its path.
    pub async fn new(reply: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static) -> Self {
        let reply = Arc::new(reply);
        Self::streaming("127.0.0.1", move |mut stream, path| {
            let reply = reply.clone();
            async move {
                let _ = stream.write_all(&reply(&path)).await;
            }
        })
        .await
    }

    /// Hands the connection to `handle` once the request's head is read.
    pub async fn streaming<F>(ip: &str, handle: impl Fn(TcpStream, String) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind((ip, 0)).await.unwrap();
        Self::on(listener, handle)
    }

    pub fn on<F>(listener: TcpListener, handle: impl Fn(TcpStream, String) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = requests.clone();
        let handle = Arc::new(handle);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let (seen, handle) = (seen.clone(), handle.clone());
                tokio::spawn(async move {
                    let Ok(head) = read_head(&mut stream).await else { return };
                    let path = head.split_whitespace().nth(1).unwrap_or_default().to_owned();
                    seen.lock().unwrap().push(head);
                    handle(stream, path).await;
                });
            }
        });
        Self { address, requests }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub fn count(&self) -> usize {
        self.requests.lock().unwrap().len()
    }

    /// Settings under which this server, and nothing else, may be fetched.
    pub fn settings(&self) -> FetchSettings {
        FetchSettings {
            allowed_hosts: vec![self.address.to_string(), format!("*.test:{}", self.address.port())],
            allowed_private: vec!["127.0.0.1/32".into()],
            max_bytes: Bytes(64 << 10),
            timeout: Span(Duration::from_secs(20)),
            max_redirects: 3,
        }
    }

    pub fn fetcher(&self) -> Fetcher {
        self.fetcher_with(SystemResolver)
    }

    pub fn fetcher_with(&self, resolver: impl Resolver) -> Fetcher {
        Fetcher::with_resolver(&self.settings(), Arc::new(resolver)).unwrap()
    }
}

async fn read_head(stream: &mut TcpStream) -> io::Result<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}

/// A whole response.
pub fn response(status: &str, headers: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let mut bytes =
        format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\nConnection: close\r\n\r\n", body.len())
            .into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

/// A redirect to `location`.
pub fn redirect(location: &str) -> Vec<u8> {
    response("302 Found", &format!("Location: {location}\r\n"), "")
}

/// A resolver that gives one answer after the other, the last one for ever.
pub struct Answers {
    answers: Vec<Vec<IpAddr>>,
    pub asked: Arc<AtomicUsize>,
}

impl Answers {
    pub fn new(answers: &[&[&str]]) -> Self {
        let answers = answers.iter().map(|answer| answer.iter().map(|ip| ip.parse().unwrap()).collect()).collect();
        Self { answers, asked: Arc::default() }
    }
}

#[async_trait]
impl Resolver for Answers {
    async fn resolve(&self, _host: &str) -> io::Result<Vec<IpAddr>> {
        let turn = self.asked.fetch_add(1, Ordering::SeqCst);
        Ok(self.answers[turn.min(self.answers.len() - 1)].clone())
    }
}
