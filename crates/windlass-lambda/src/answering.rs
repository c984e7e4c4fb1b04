//! From an invocation to its answer on the way to Lambda.
//!
//! `lambda_runtime` asks for events and counts what may run at once; answers are posted here. Its own client leaves
//! Nagle's algorithm on and writes a streamed answer in pieces, so that each waited for the delayed acknowledgement of the
//! one before: 40 ms of every call.

use std::{
    panic::AssertUnwindSafe,
    task::{Context, Poll},
};

use bytes::{Bytes, BytesMut};
use futures::{FutureExt, StreamExt, future::BoxFuture, stream};
use http::{HeaderValue, Method, Request, Uri, header, uri::Authority};
use http_body::Frame;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use lambda_http::{
    Error,
    lambda_runtime::{LambdaInvocation, MetadataPrelude},
    tower::{Layer, Service},
};
use serde_json::json;
use windlass_server::ResponseBody;

use crate::{
    answer::{Answer, Chunks},
    function::Function,
};

const STREAMED: &str = "application/vnd.awslambda.http-integration-response";
/// What stands between a streamed answer's head and its body.
const DELIMITER: [u8; 8] = [0; 8];
/// What tells a late answer from that of the invocation after it; older versions of Lambda have none.
const INVOCATION: &str = "lambda-runtime-invocation-id";

/// Answers invocations.
#[derive(Clone)]
pub(crate) struct Answering {
    function: Function,
    client: Client<HttpConnector, ResponseBody>,
    api: Authority,
}

impl Answering {
    pub fn new(function: Function, api: Authority) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        Self { function, client: Client::builder(TokioExecutor::new()).build(connector), api }
    }

    async fn answer(self, invocation: LambdaInvocation) -> Result<(), Error> {
        let LambdaInvocation { parts, body, context } = invocation;
        let answer = AssertUnwindSafe(self.function.invoke(&body, context.deadline)).catch_unwind().await;
        let failure = |kind: &str, message: String| {
            let error = json!({ "errorType": kind, "errorMessage": message, "stackTrace": [] });
            ("error", Full::new(error.to_string().into()).boxed_unsync())
        };
        let mut streamed = false;
        let (what, body) = match answer {
            Ok(Ok(Answer::Whole(answer))) => {
                ("response", Full::new(serde_json::to_vec(&answer)?.into()).boxed_unsync())
            }
            Ok(Ok(Answer::Streamed(head, chunks))) => {
                streamed = true;
                ("response", stream(&head, chunks)?)
            }
            Ok(Err(error)) => failure("NotHttp", error.to_string()),
            Err(_) => {
                tracing::error!(request = context.request_id, "answering an event panicked");
                failure("Panicked", "answering the event panicked; the log says where".to_owned())
            }
        };
        let target = format!("/2018-06-01/runtime/invocation/{}/{what}", context.request_id);
        let uri = Uri::builder().scheme("http").authority(self.api.clone()).path_and_query(target).build()?;
        let mut request = Request::new(body);
        *request.method_mut() = Method::POST;
        *request.uri_mut() = uri;
        let headers = request.headers_mut();
        if let Some(id) = parts.headers.get(INVOCATION) {
            headers.insert(INVOCATION, id.clone());
        }
        let mut set = |name: &'static str, value: &'static str| headers.append(name, HeaderValue::from_static(value));
        if streamed {
            set("lambda-runtime-function-response-mode", "streaming");
            set("transfer-encoding", "chunked");
            // Where an answer that breaks off would say so; ours end instead.
            set("trailer", "lambda-runtime-function-error-type");
            set("trailer", "lambda-runtime-function-error-body");
        }
        set(header::CONTENT_TYPE.as_str(), if streamed { STREAMED } else { "application/json" });
        let response = self.client.request(request).await?;
        if !response.status().is_success() {
            tracing::error!(request = context.request_id, "Lambda refused an answer: {}", response.status());
        }
        // Read to its end, the connection can be used again.
        drop(response.into_body().collect().await);
        Ok(())
    }
}

/// The head, the delimiter and the body, as Lambda reads them.
fn stream(head: &MetadataPrelude, chunks: Chunks) -> Result<ResponseBody, Error> {
    let mut first = BytesMut::from(serde_json::to_vec(head)?.as_slice());
    first.extend_from_slice(&DELIMITER);
    let first = stream::iter([Ok(first.freeze())]);
    let frames = first.chain(chunks).map(|chunk: Result<Bytes, _>| chunk.map(Frame::data));
    Ok(StreamBody::new(frames).boxed_unsync())
}

impl<S> Layer<S> for Answering {
    type Service = Self;

    /// In the place of the library's own service.
    fn layer(&self, _inner: S) -> Self {
        self.clone()
    }
}

impl Service<LambdaInvocation> for Answering {
    type Response = ();
    type Error = Error;
    type Future = BoxFuture<'static, Result<(), Error>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, invocation: LambdaInvocation) -> Self::Future {
        Box::pin(self.clone().answer(invocation))
    }
}
