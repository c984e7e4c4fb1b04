//! A web server of this machine that answers as a test wants it to, over TLS too, and remembers what it was asked.

use std::{
    convert::Infallible,
    net::Ipv4Addr,
    sync::{Arc, Mutex},
};

use futures::future::BoxFuture;
use http_body_util::{BodyExt, Full};
use hyper::{
    HeaderMap, Method, Request, Response, StatusCode,
    body::{Bytes, Incoming},
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
    task::JoinHandle,
};
use tokio_rustls::TlsAcceptor;

pub type Answer = Response<Full<Bytes>>;
type Answers = Arc<dyn Fn(Asked) -> BoxFuture<'static, Answer> + Send + Sync>;

/// What it was asked.
#[derive(Debug, Clone)]
pub struct Asked {
    pub method: Method,
    pub path: String,
    pub query: String,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Asked {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// One that runs; it ends when dropped.
pub struct Server {
    pub port: u16,
    asked: Arc<Mutex<Vec<Asked>>>,
    task: JoinHandle<()>,
}

impl Server {
    pub async fn start<F>(answers: impl Fn(Asked) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Answer> + Send + 'static,
    {
        Self::serve(Arc::new(move |asked| Box::pin(answers(asked))), None).await
    }

    pub async fn start_tls<F>(tls: TlsAcceptor, answers: impl Fn(Asked) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Answer> + Send + 'static,
    {
        Self::serve(Arc::new(move |asked| Box::pin(answers(asked))), Some(tls)).await
    }

    async fn serve(answers: Answers, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let remembered = asked.clone();
        let task = tokio::spawn(async move {
            loop {
                let Ok((stream, _)) = listener.accept().await else { return };
                let (answers, remembered, tls) = (answers.clone(), remembered.clone(), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        None => connection(stream, answers, remembered).await,
                        Some(tls) => {
                            // A client that does not trust us hangs up.
                            if let Ok(stream) = tls.accept(stream).await {
                                connection(stream, answers, remembered).await;
                            }
                        }
                    }
                });
            }
        });
        Self { port, asked, task }
    }

    pub fn at(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn connection<S>(stream: S, answers: Answers, remembered: Arc<Mutex<Vec<Asked>>>)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let service = service_fn(move |request: Request<Incoming>| {
        let (answers, remembered) = (answers.clone(), remembered.clone());
        async move {
            let (parts, body) = request.into_parts();
            let asked = Asked {
                method: parts.method,
                path: parts.uri.path().to_owned(),
                query: parts.uri.query().unwrap_or_default().to_owned(),
                headers: parts.headers,
                body: body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default(),
            };
            remembered.lock().unwrap().push(asked.clone());
            Ok::<_, Infallible>(answers(asked).await)
        }
    });
    // Clients may leave when they like.
    let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

pub fn answer(status: u16, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Full::new(body.into()));
    *answer.status_mut() = StatusCode::from_u16(status).unwrap();
    for (name, value) in headers {
        answer
            .headers_mut()
            .append(hyper::header::HeaderName::from_bytes(name.as_bytes()).unwrap(), value.parse().unwrap());
    }
    answer
}

pub fn json(status: u16, body: serde_json::Value) -> Answer {
    answer(status, &[("content-type", "application/json")], body.to_string())
}
