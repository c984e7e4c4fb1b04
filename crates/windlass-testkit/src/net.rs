use std::{
    io,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{StatusCode, Uri, header, uri},
    response::{IntoResponse, Response},
};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};

/// A port of the loopback interface nobody listens on. Another process may take it before you do: where a server can
/// bind port 0 itself, let it.
pub fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

/// A proxy before several replicas; ends when dropped.
#[derive(Debug)]
pub struct RoundRobinProxy {
    addr: SocketAddr,
    backends: Arc<Backends>,
    task: tokio::task::JoinHandle<()>,
}

#[derive(Debug)]
struct Backends {
    client: Client<HttpConnector, Body>,
    backends: Vec<(SocketAddr, AtomicU64)>,
    next: AtomicU64,
}

/// Starts a proxy on a free port that sends each request to the next of `backends`, also where the requests come over one
/// connection: the worst case for a server that remembers something.
pub async fn round_robin_proxy(backends: Vec<SocketAddr>) -> io::Result<RoundRobinProxy> {
    if backends.is_empty() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "a proxy needs at least one backend"));
    }
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let backends = Arc::new(Backends {
        client: Client::builder(TokioExecutor::new()).build(connector),
        backends: backends.into_iter().map(|addr| (addr, AtomicU64::new(0))).collect(),
        next: AtomicU64::new(0),
    });
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let addr = listener.local_addr()?;
    let app = Router::new().fallback(forward).with_state(backends.clone());
    let task = tokio::spawn(async move {
        use axum::serve::ListenerExt;
        let listener = listener.tap_io(|stream| {
            // Without it small answers wait; a test that measures would measure the proxy.
            let _ = stream.set_nodelay(true);
        });
        if let Err(error) = axum::serve(listener, app).await {
            unreachable!("axum::serve never ends by itself: {error}");
        }
    });
    Ok(RoundRobinProxy { addr, backends, task })
}

impl RoundRobinProxy {
    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// How many requests each backend was sent.
    pub fn served(&self) -> Vec<u64> {
        self.backends.backends.iter().map(|(_, served)| served.load(Ordering::Relaxed)).collect()
    }
}

impl Drop for RoundRobinProxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn forward(State(state): State<Arc<Backends>>, mut request: Request) -> Response {
    let turn = state.next.fetch_add(1, Ordering::Relaxed) as usize % state.backends.len();
    let (backend, served) = &state.backends[turn];
    served.fetch_add(1, Ordering::Relaxed);
    let path = request.uri().path_and_query().map_or("/", uri::PathAndQuery::as_str);
    let target = Uri::builder().scheme("http").authority(backend.to_string()).path_and_query(path).build();
    let Ok(target) = target else { return StatusCode::BAD_REQUEST.into_response() };
    *request.uri_mut() = target;
    // The Host header stays: the backend must see what the client sent.
    request.headers_mut().remove(header::CONNECTION);
    match state.client.request(request).await {
        Ok(response) => {
            let mut response = response.map(Body::new);
            response.headers_mut().remove(header::CONNECTION);
            response
        }
        Err(error) => (StatusCode::BAD_GATEWAY, format!("{backend}: {error}")).into_response(),
    }
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpStream,
    };

    use super::*;

    async fn replica(name: &'static str) -> SocketAddr {
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let addr = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let app = Router::new().fallback(move |body: String| async move { format!("{name}<{body}>") });
            axum::serve(listener, app).await.unwrap();
        });
        addr
    }

    #[tokio::test]
    async fn requests_of_one_connection_alternate() {
        let proxy = round_robin_proxy(vec![replica("one").await, replica("two").await]).await.unwrap();
        let mut connection = TcpStream::connect(proxy.addr()).await.unwrap();
        for expected in ["one<hi>", "two<hi>", "one<hi>"] {
            connection
                .write_all(b"POST /mcp?x=1 HTTP/1.1\r\nhost: localhost\r\ncontent-length: 2\r\n\r\nhi")
                .await
                .unwrap();
            let mut answer = vec![0; 4096];
            let mut length = 0;
            while !answer[..length].ends_with(b">") {
                let read = connection.read(&mut answer[length..]).await.unwrap();
                assert_ne!(read, 0, "the proxy hung up");
                length += read;
            }
            let answer = String::from_utf8_lossy(&answer[..length]);
            assert!(answer.ends_with(expected), "{answer}");
        }
        assert_eq!(proxy.served(), [2, 1]);
    }

    #[tokio::test]
    async fn a_replica_that_is_gone_answers_502() {
        let gone = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port().unwrap()));
        let proxy = round_robin_proxy(vec![gone]).await.unwrap();
        let mut connection = TcpStream::connect(proxy.addr()).await.unwrap();
        connection.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").await.unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 502"), "{answer}");
    }
}
