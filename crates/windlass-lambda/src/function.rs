//! One event, from its arrival to its answer.

use http::{Response, StatusCode};
use http_body_util::{BodyExt, Full};
use lambda_http::aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use serde_json::json;
use tokio::time::timeout_at;
use windlass_server::{AnswerBy, Handler, ResponseBody};

use crate::{
    Flush,
    answer::{self, Answer},
    event::Asked,
    patience,
};

/// What every event goes through.
#[derive(Clone)]
pub(crate) struct Function {
    handler: Handler,
    flush: Flush,
    /// Whether the Function URL, if there is one, streams.
    streams: bool,
}

/// Why an event is no HTTP request. Lambda reports it as the function's error.
#[derive(Debug, thiserror::Error)]
#[error(
    "this function answers HTTP requests of API Gateway's HTTP APIs and of Function URLs (payload format 2.0), and this \
     event is none"
)]
pub(crate) struct NotHttp;

impl Function {
    pub fn new(handler: Handler, flush: Flush, streams: bool) -> Self {
        Self { handler, flush, streams }
    }

    /// Answers one event before `deadline`, in milliseconds since 1970.
    pub async fn invoke(&self, event: &[u8], deadline: u64) -> Result<Answer, NotHttp> {
        let asked = serde_json::from_slice::<ApiGatewayV2httpRequest>(event).map_err(|error| {
            // Where in it, and nothing of it: an event has credentials.
            tracing::warn!("an event that is no HTTP request: line {}, column {}", error.line(), error.column());
            NotHttp
        })?;
        let asked = match Asked::try_from(asked) {
            Ok(asked) => asked,
            Err(error) => {
                let refusal = refusal(StatusCode::BAD_REQUEST, -32600, &error.to_string());
                return Ok(answer::whole(refusal, patience::answer_by(deadline, true), &self.flush).await);
            }
        };
        let Asked { mut request, peer, by_url } = asked;
        let until = patience::answer_by(deadline, !by_url);
        request.extensions_mut().insert(AnswerBy(until));
        let handled = timeout_at(until.into(), self.handler.handle(request, peer)).await;
        let response = handled.unwrap_or_else(|_| {
            refusal(StatusCode::GATEWAY_TIMEOUT, -32000, "there was no answer before the function's time was over")
        });
        Ok(match by_url && self.streams {
            true => answer::streamed(response, until, self.flush.clone()),
            false => answer::whole(response, until, &self.flush).await,
        })
    }
}

/// A refusal of our own, in the form the endpoint's have.
fn refusal(status: StatusCode, code: i32, message: &str) -> Response<ResponseBody> {
    let text = json!({ "jsonrpc": "2.0", "id": null, "error": { "code": code, "message": message } }).to_string();
    let mut response = Response::new(Full::new(text.into()).boxed_unsync());
    *response.status_mut() = status;
    response.headers_mut().insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
    response
}
