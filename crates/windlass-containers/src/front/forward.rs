//! One request, to the active release and back.

use std::{net::SocketAddr, sync::Arc, sync::atomic::Ordering, time::Duration};

use bytes::Bytes;
use http::{
    HeaderValue, Method, Request, Response, StatusCode, Uri, Version,
    header::{CONNECTION, CONTENT_TYPE, RETRY_AFTER, TRANSFER_ENCODING},
};
use http_body::Body;
use http_body_util::{Either, Empty, Full};
use hyper::body::Incoming;
use hyper_util::{
    client::legacy::{Client as Pool, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use serde_json::json;
use windlass_core::chain;

use super::{
    body::{Answer, Passing},
    hop,
    resolve::Remembering,
    routes::{Route, Routes},
};

/// How long a release may take to let a connection in; it is on the same machine.
const CONNECT: Duration = Duration::from_secs(5);
/// How long a connection to a release is kept idle. Far less than a release keeps it, so that it is the front that closes
/// and no request meets a connection on its way out.
const IDLE: Duration = Duration::from_secs(10);

pub(super) type Client = Pool<HttpConnector<Remembering>, Either<Incoming, Empty<Bytes>>>;

/// Connections to one release.
pub(super) fn client() -> Client {
    let mut connector = HttpConnector::new_with_resolver(Remembering::default());
    connector.set_nodelay(true);
    connector.set_connect_timeout(Some(CONNECT));
    // Requests the connection closed under before anything of them was written are sent again by the pool itself.
    Pool::builder(TokioExecutor::new()).pool_timer(TokioTimer::new()).pool_idle_timeout(IDLE).build(connector)
}

/// Forwards, and answers in any case.
pub(super) async fn forward(
    routes: &Arc<Routes>,
    request: Request<Incoming>,
    peer: SocketAddr,
    trusted: bool,
) -> Response<Answer> {
    // Where a length was sent too it has been dropped as the standard wants, but whoever sent both may see the end of
    // this request elsewhere. What follows on the connection is therefore not read.
    let ambiguous = request.headers().contains_key(TRANSFER_ENCODING);
    let mut response = match hop::refusal(&request) {
        Some(why) => own(StatusCode::BAD_REQUEST, why, "send a request as RFC 9112 has it"),
        None => pass(routes, request, peer, trusted).await,
    };
    if ambiguous {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

async fn pass(
    routes: &Arc<Routes>,
    mut request: Request<Incoming>,
    peer: SocketAddr,
    trusted: bool,
) -> Response<Answer> {
    let Some(place) = routes.enter() else {
        routes.failed.fetch_add(1, Ordering::Relaxed);
        return own(StatusCode::SERVICE_UNAVAILABLE, "no release is active", "try again when one has been deployed");
    };
    let route = place.0.clone();
    hop::strip(request.headers_mut());
    hop::forwarded(request.headers_mut(), peer, trusted);
    *request.version_mut() = Version::HTTP_11;
    let sent = match target(&route, request.uri()) {
        Some(uri) => {
            *request.uri_mut() = uri;
            tokio::select! {
                biased;
                () = route.cut.cancelled() => Err("had no more time".to_owned()),
                answered = send(&route, request) => answered,
            }
        }
        None => Err("has no such path".to_owned()),
    };
    match sent {
        Ok(response) => {
            let (mut head, body) = response.into_parts();
            hop::strip(&mut head.headers);
            let kind = head.headers.get(CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
            let events = kind.starts_with(b"text/event-stream");
            Response::from_parts(head, Answer::Forwarded(Passing::new(body, events, place, routes.clone())))
        }
        Err(why) => {
            routes.failed.fetch_add(1, Ordering::Relaxed);
            let release = &route.upstream.release;
            tracing::warn!(release, address = route.upstream.address, why, "a request could not be forwarded");
            own(
                StatusCode::BAD_GATEWAY,
                &format!("release {release} did not answer"),
                "the call may have begun: ask before making it again",
            )
        }
    }
}

/// Sends, and once more where that can do no harm.
async fn send(route: &Route, request: Request<Incoming>) -> Result<Response<Incoming>, String> {
    let safe = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    let again = (safe && request.body().is_end_stream()).then(|| {
        let mut again = Request::new(Either::Right(Empty::new()));
        *again.method_mut() = request.method().clone();
        *again.uri_mut() = request.uri().clone();
        *again.headers_mut() = request.headers().clone();
        again
    });
    let first = match route.client.request(request.map(Either::Left)).await {
        Ok(response) => return upgraded(response),
        Err(error) => error,
    };
    match again {
        // Nobody listens: asking again at once changes nothing.
        Some(again) if !first.is_connect() => {
            route.client.request(again).await.map_err(|error| chain(&error)).and_then(upgraded)
        }
        _ => Err(chain(&first)),
    }
}

/// Nothing was asked for that changes the protocol.
fn upgraded(response: Response<Incoming>) -> Result<Response<Incoming>, String> {
    match response.status() {
        StatusCode::SWITCHING_PROTOCOLS => Err("changed the protocol unasked".into()),
        _ => Ok(response),
    }
}

fn target(route: &Route, uri: &Uri) -> Option<Uri> {
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    Uri::builder().scheme("http").authority(route.upstream.address.as_str()).path_and_query(path).build().ok()
}

/// An answer of the front itself.
fn own(status: StatusCode, error: &str, hint: &str) -> Response<Answer> {
    let text = json!({ "error": error, "hint": hint }).to_string();
    let mut response = Response::new(Answer::Own(Full::new(text.into())));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if status.is_server_error() {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}
