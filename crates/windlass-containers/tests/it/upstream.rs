//! Releases in this process, and a front before them.

use std::{
    convert::Infallible,
    net::SocketAddr,
    path::PathBuf,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response, header::CONTENT_TYPE};
use http_body::{Body, Frame};
use http_body_util::{BodyExt, Either, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use windlass_containers::front::{Front, FrontClient, FrontOptions, Upstream, bind_control};

/// A release that answers with its name; ends when dropped.
pub struct Release {
    pub name: String,
    pub address: SocketAddr,
    pub requests: Arc<AtomicUsize>,
    stop: CancellationToken,
}

/// One event now, one every 20 ms after that, for ever.
struct Events(String, tokio::time::Interval);

impl Body for Events {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let Self(name, ticks) = self.get_mut();
        ticks.poll_tick(context).map(|_| Some(Ok(Frame::data(format!("data: {name}\n\n").into()))))
    }
}

impl Release {
    pub async fn start(name: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, requests) = (CancellationToken::new(), Arc::new(AtomicUsize::new(0)));
        let release = Self { name: name.into(), address, requests: requests.clone(), stop: stop.clone() };
        let name: Arc<str> = name.into();
        tokio::spawn(async move {
            while let Some(Ok((stream, _))) = stop.run_until_cancelled(listener.accept()).await {
                stream.set_nodelay(true).unwrap();
                let (name, requests, stop) = (name.clone(), requests.clone(), stop.clone());
                let service = service_fn(move |request| {
                    requests.fetch_add(1, Ordering::SeqCst);
                    answer(name.clone(), request)
                });
                tokio::spawn(async move {
                    let serving = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
                    let _ = stop.run_until_cancelled(serving).await;
                });
            }
        });
        release
    }

    pub fn upstream(&self) -> Upstream {
        Upstream { release: self.name.clone(), address: self.address.to_string() }
    }

    pub fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }

    pub fn kill(&self) {
        self.stop.cancel();
    }
}

impl Drop for Release {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

type Answer = Response<Either<Full<Bytes>, Either<Events, Incoming>>>;

async fn answer(name: Arc<str>, request: Request<Incoming>) -> Result<Answer, Infallible> {
    let full = |text: String| Either::Left(Full::new(Bytes::from(text)));
    Ok(match request.uri().path() {
        "/events" => {
            let ticks = tokio::time::interval(Duration::from_millis(20));
            let mut response = Response::new(Either::Right(Either::Left(Events(name.to_string(), ticks))));
            let kind = if request.uri().query() == Some("json") { "application/json" } else { "text/event-stream" };
            response.headers_mut().insert(CONTENT_TYPE, kind.parse().unwrap());
            response
        }
        "/echo" => Response::new(Either::Right(Either::Right(request.into_body()))),
        "/headers" => {
            let lines = request.headers().iter().map(|(name, value)| format!("{name}: {}\n", value.to_str().unwrap()));
            Response::new(full(lines.collect()))
        }
        "/slow" => {
            tokio::time::sleep(Duration::from_millis(300)).await;
            Response::new(full(name.to_string()))
        }
        _ => {
            let _ = request.into_body().collect().await;
            Response::new(full(name.to_string()))
        }
    })
}

/// A front with nothing behind it yet.
pub struct Fronted {
    pub address: SocketAddr,
    pub client: FrontClient,
    pub socket: PathBuf,
    pub stop: CancellationToken,
    pub served: tokio::task::JoinHandle<()>,
    pub directory: TempDir,
}

impl Fronted {
    pub async fn start(edit: impl FnOnce(&mut FrontOptions)) -> Self {
        let directory = TempDir::new().unwrap();
        let socket = directory.path().join("front.sock");
        let mut options = FrontOptions { state: Some(directory.path().join("front.json")), ..Default::default() };
        edit(&mut options);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let control = bind_control(&socket).unwrap();
        let stop = CancellationToken::new();
        let served = tokio::spawn(Front::new(options, stop.clone()).serve(listener, control, None));
        Self { address, client: FrontClient::new(&socket), socket, stop, served, directory }
    }

    pub async fn before(release: &Release) -> Self {
        let front = Self::start(|_| ()).await;
        front.client.activate(&release.upstream()).await.unwrap();
        front
    }
}

/// A client's connection.
pub struct Connection {
    sender: hyper::client::conn::http1::SendRequest<Full<Bytes>>,
}

impl Connection {
    pub async fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        Self { sender }
    }

    pub async fn send(&mut self, method: &str, path: &str, body: &str) -> hyper::Result<Response<Incoming>> {
        self.sender.ready().await?;
        let request = Request::builder().method(method).uri(path).header("host", "front");
        self.sender.send_request(request.body(Full::new(Bytes::from(body.to_owned()))).unwrap()).await
    }

    /// Status and text.
    pub async fn ask(&mut self, method: &str, path: &str, body: &str) -> hyper::Result<(u16, String)> {
        let response = self.send(method, path, body).await?;
        let status = response.status().as_u16();
        let text = response.into_body().collect().await?.to_bytes();
        Ok((status, String::from_utf8_lossy(&text).into_owned()))
    }
}
