//! One request on a connection of its own, and its whole answer.

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

/// Largest answer.
const MAX_ANSWER: usize = 4 << 20;

/// What went wrong, in words.
pub(crate) type Problem = String;

/// Asks, and waits for the end of the answer. Without a time limit: whoever asks has one.
pub(crate) async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    request: Request<Full<Bytes>>,
) -> Result<Response<Bytes>, Problem> {
    let words = |error: hyper::Error| error.to_string();
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(words)?;
    let asked = async {
        let (head, body) = sender.send_request(request).await.map_err(words)?.into_parts();
        let body = Limited::new(body, MAX_ANSWER).collect().await.map_err(|error| error.to_string())?;
        Ok(Response::from_parts(head, body.to_bytes()))
    };
    tokio::pin!(asked);
    // The connection has to be driven; what it ends with the question sees too.
    tokio::select! {
        answer = &mut asked => answer,
        _ = connection => asked.await,
    }
}
