//! The proxy of one sandbox: `CONNECT` for TLS, whole URLs for plain HTTP. Each request is judged anew, and so is what a
//! redirect leads to.

use std::{convert::Infallible, sync::Arc, time::Duration};

use bytes::Bytes;
use http_body_util::{Either, Full};
use hyper::{
    Method, Request, Response, StatusCode, Uri,
    body::Incoming,
    header::{CONNECTION, HOST, HeaderName, HeaderValue},
    service::service_fn,
    upgrade::Upgraded,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::AsyncWriteExt,
    net::TcpStream,
    sync::{OwnedSemaphorePermit, Semaphore},
};
use tokio_util::sync::CancellationToken;
use windlass_guest::client::{Accepted, Awaited, ClientError, GuestClient};

use super::{Egress, PORT, Refused, Whose, hello};

/// Connections of one sandbox at once.
const AT_ONCE: usize = 64;
/// Bytes of a connection on their way.
const BUFFER: usize = 64 << 10;
/// How long a request's head may take.
const HEAD: Duration = Duration::from_secs(10);
/// What is told of a tunnel in which nothing is said.
const SILENT: &str = "what was said is not the beginning of TLS";
/// Whoever is refused waits: a loop of refusals must not fill the log.
const REFUSED: Duration = Duration::from_millis(100);
/// What is between one client and its proxy.
const BETWEEN: [&str; 6] = ["proxy-connection", "proxy-authorization", "keep-alive", "te", "trailer", "upgrade"];

type Answer = Response<Either<Incoming, Full<Bytes>>>;

/// Takes the connections of `guest`, which waits for the first already.
pub(super) async fn serve(
    egress: Arc<Egress>,
    guest: GuestClient,
    first: Awaited,
    whose: Whose,
    over: CancellationToken,
) {
    let places = Arc::new(Semaphore::new(AT_ONCE));
    let mut awaited = Ok(first);
    loop {
        let Ok(place) = places.clone().acquire_owned().await else { return };
        let accepted = match awaited {
            Ok(awaited) => awaited.connection().await,
            Err(error) => Err(error),
        };
        match accepted {
            Ok(stream) => {
                let held = Arc::new(Held { _place: place, over: over.clone() });
                let serving = connection(egress.clone(), stream, whose.clone(), held);
                tokio::spawn(over.clone().run_until_cancelled_owned(serving));
            }
            // It is gone, and the sandbox with it.
            Err(ClientError::Closed(_)) => return,
            // Out of descriptors, most likely: others have to end first.
            Err(_) => tokio::time::sleep(HEAD / 100).await,
        }
        awaited = guest.accept(PORT).await;
    }
}

/// What a connection has for as long as it, or the tunnel it became, lasts.
struct Held {
    _place: OwnedSemaphorePermit,
    over: CancellationToken,
}

async fn connection(egress: Arc<Egress>, stream: Accepted, whose: Whose, held: Arc<Held>) {
    let service = service_fn(move |request| {
        let (egress, whose, held) = (egress.clone(), whose.clone(), held.clone());
        async move { Ok::<_, Infallible>(egress.answer(request, &whose, held).await) }
    });
    let mut server = hyper::server::conn::http1::Builder::new();
    server.timer(TokioTimer::new()).header_read_timeout(HEAD);
    // What ends a connection early is the client's own business.
    let (near, far) = tokio::io::duplex(BUFFER);
    let serving = server.serve_connection(TokioIo::new(near), service).with_upgrades();
    let _ = tokio::join!(serving, stream.join(far));
}

impl Egress {
    async fn answer(self: Arc<Self>, request: Request<Incoming>, whose: &Whose, held: Arc<Held>) -> Answer {
        let what = format!("{} {}", request.method(), shown(request.uri()));
        let done = match *request.method() {
            Method::CONNECT => self.clone().tunnel(request, whose, held).await,
            _ => self.forward(request).await,
        };
        self.record(whose, &what, done.as_ref().err());
        match done {
            Ok(answer) => answer,
            Err(refused) => {
                tokio::time::sleep(REFUSED).await;
                let status = if refused.by_rule() { StatusCode::FORBIDDEN } else { StatusCode::BAD_GATEWAY };
                let hint = "only hosts that the server's owner listed under sandbox.egress can be reached";
                let text = format!("{what}: {refused}\nhint: {hint}\n");
                let mut answer = Response::new(Either::Right(Full::new(text.into())));
                *answer.status_mut() = status;
                answer
            }
        }
    }

    async fn tunnel(
        self: Arc<Self>,
        request: Request<Incoming>,
        whose: &Whose,
        held: Arc<Held>,
    ) -> Result<Answer, Refused> {
        let authority = request.uri().authority().ok_or(Refused::Said("a CONNECT names a host and a port"))?;
        let port = authority.port_u16().ok_or(Refused::Said("a CONNECT names a host and a port"))?;
        let host = authority.host().to_owned();
        let server = self.connect(&host, port).await?;
        let whose = whose.clone();
        tokio::spawn(async move {
            let tunnel = async {
                let Ok(client) = hyper::upgrade::on(request).await else { return };
                if let Err(refused) = between(client, server, &host, port).await {
                    self.record(&whose, &format!("CONNECT {host}:{port}"), Some(&refused));
                }
            };
            held.over.run_until_cancelled(tunnel).await;
        });
        Ok(Response::new(Either::Right(Full::default())))
    }

    async fn forward(&self, mut request: Request<Incoming>) -> Result<Answer, Refused> {
        let uri = request.uri().clone();
        let (Some("http"), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(Refused::Said("a request to this proxy names a whole http:// URL, or is a CONNECT"));
        };
        let server = self.connect(authority.host(), authority.port_u16().unwrap_or(80)).await?;
        let headers = request.headers_mut();
        // What the client says the host is must be what was judged.
        let named = authority.as_str().rsplit_once('@').map_or(authority.as_str(), |(_, named)| named);
        let host = HeaderValue::from_str(named).map_err(|_| Refused::Said("this is no host"))?;
        headers.insert(HOST, host);
        for name in BETWEEN {
            headers.remove(HeaderName::from_static(name));
        }
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        *request.uri_mut() = path.parse::<Uri>().map_err(|_| Refused::Said("this is no path"))?;
        let lost = |error: hyper::Error| Refused::Unreachable(std::io::Error::other(error));
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(server)).await.map_err(lost)?;
        tokio::spawn(connection);
        let mut answer = sender.send_request(request).await.map_err(lost)?;
        answer.headers_mut().remove(CONNECTION);
        Ok(answer.map(Either::Left))
    }
}

async fn between(client: Upgraded, mut server: TcpStream, host: &str, port: u16) -> Result<(), Refused> {
    let (mut client_says, mut to_client) = tokio::io::split(TokioIo::new(client));
    let (mut server_says, mut to_server) = server.split();
    // Protocols in which the server speaks first have ports of their own: there nobody waits for the client's hello, but
    // it is judged whenever it comes.
    let web = matches!(port, 80 | 443);
    let mut said = Vec::new();
    if web {
        let reading = hello::read(&mut client_says, &mut said, host, port);
        tokio::time::timeout(HEAD, reading).await.unwrap_or(Err(Refused::Said(SILENT)))?;
    }
    let out = async {
        if !web {
            hello::read(&mut client_says, &mut said, host, port).await?;
        }
        if to_server.write_all(&said).await.is_ok() {
            let _ = tokio::io::copy(&mut client_says, &mut to_server).await;
        }
        let _ = to_server.shutdown().await;
        Ok(())
    };
    let back = async {
        let _ = tokio::io::copy(&mut server_says, &mut to_client).await;
        let _ = to_client.shutdown().await;
        Ok(())
    };
    tokio::try_join!(out, back).map(|_| ())
}

/// Without what may be secret in a URL, and not longer than a line.
fn shown(uri: &Uri) -> String {
    let host = uri.authority().map_or("", |authority| authority.as_str());
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    let path = if uri.scheme().is_some() { uri.path() } else { "" };
    format!("{host}{path}").chars().take(200).collect()
}
