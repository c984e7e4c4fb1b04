//! From the handler's answer to what Lambda takes: whole, or as it comes.

use std::{convert::Infallible, pin::Pin, time::Instant};

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::{Bytes, BytesMut};
use futures::{Stream, stream};
use http::{HeaderMap, Response, header};
use http_body_util::BodyExt;
use lambda_http::{Body as Text, aws_lambda_events::apigw::ApiGatewayV2httpResponse, lambda_runtime::MetadataPrelude};
use tokio::time::timeout_at;
use windlass_server::ResponseBody;

use crate::Flush;

/// A body as it comes.
pub(crate) type Chunks = Pin<Box<dyn Stream<Item = Result<Bytes, Infallible>> + Send>>;

/// What a function answers.
pub(crate) enum Answer {
    Whole(ApiGatewayV2httpResponse),
    Streamed(MetadataPrelude, Chunks),
}

/// The whole of `response`, or as much as there is at `until`.
pub(crate) async fn whole(response: Response<ResponseBody>, until: Instant, flush: &Flush) -> Answer {
    let (parts, mut body) = response.into_parts();
    let mut text = BytesMut::new();
    while let Some(chunk) = next(&mut body, until).await {
        text.extend_from_slice(&chunk);
    }
    flushed(flush).await;
    let (headers, cookies) = headers(parts.headers);
    let (body, base64) = match String::from_utf8(text.into()) {
        Ok(text) => (text, false),
        Err(error) => (BASE64_STANDARD.encode(error.into_bytes()), true),
    };
    let mut answer = ApiGatewayV2httpResponse::default();
    answer.status_code = parts.status.as_u16().into();
    answer.headers = headers;
    answer.cookies = cookies;
    answer.body = (!body.is_empty()).then_some(Text::Text(body));
    answer.is_base64_encoded = base64;
    Answer::Whole(answer)
}

/// `response` as it comes, ended at `until`.
pub(crate) fn streamed(response: Response<ResponseBody>, until: Instant, flush: Flush) -> Answer {
    let (parts, body) = response.into_parts();
    let (headers, cookies) = headers(parts.headers);
    let chunks = stream::unfold((body, flush), move |(mut body, flush)| async move {
        match next(&mut body, until).await {
            Some(chunk) => Some((Ok(chunk), (body, flush))),
            None => {
                // Whoever still works on it is told by the drop that nobody waits, and that is written down too.
                drop(body);
                flushed(&flush).await;
                None
            }
        }
    });
    Answer::Streamed(MetadataPrelude { status_code: parts.status, headers, cookies }, Box::pin(chunks))
}

/// The next bytes of `body`, unless it has ended or has to.
async fn next(body: &mut ResponseBody, until: Instant) -> Option<Bytes> {
    loop {
        let Ok(Some(Ok(frame))) = timeout_at(until.into(), body.frame()).await else { return None };
        if let Ok(bytes) = frame.into_data() {
            return Some(bytes);
        }
    }
}

/// Headers without those of a connection, which ends in front of the function, and cookies apart.
fn headers(mut headers: HeaderMap) -> (HeaderMap, Vec<String>) {
    let cookies = headers.get_all(header::SET_COOKIE).iter();
    let cookies = cookies.filter_map(|cookie| cookie.to_str().ok().map(str::to_owned)).collect();
    for name in [header::SET_COOKIE, header::CONNECTION, header::TRANSFER_ENCODING] {
        headers.remove(name);
    }
    (headers, cookies)
}

/// Writes the audit log out.
pub(crate) async fn flushed(flush: &Flush) {
    let flush = flush.clone();
    if tokio::task::spawn_blocking(move || flush()).await.is_err() {
        tracing::error!("writing the audit log out panicked");
    }
}
