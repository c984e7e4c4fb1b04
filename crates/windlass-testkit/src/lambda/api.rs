//! The runtime API, which is strict where Lambda is.

use std::sync::Arc;

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Path, State},
    http::{HeaderMap, HeaderValue, StatusCode},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use futures::StreamExt;
use serde_json::Value;
use tokio::sync::{mpsc, oneshot};

use super::{Outcome, Shared};

/// What stands between a streamed answer's head and its body.
const DELIMITER: [u8; 8] = [0; 8];

const STREAMED: &str = "application/vnd.awslambda.http-integration-response";

pub(super) fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/2018-06-01/runtime/invocation/next", get(next))
        .route("/2018-06-01/runtime/invocation/{id}/response", post(response))
        .route("/2018-06-01/runtime/invocation/{id}/error", post(error))
        .route("/2020-01-01/extension/register", post(register))
        .route("/2020-01-01/extension/event/next", get(extension_next))
        .fallback(unknown)
        .with_state(shared)
}

async fn next(State(shared): State<Arc<Shared>>) -> Response {
    if let Some((id, _)) = &shared.state().current {
        let problem = format!("asked for an event while {id} is not answered");
        shared.problem(problem);
        return StatusCode::FORBIDDEN.into_response();
    }
    loop {
        let event = shared.state().events.pop_front();
        let Some(event) = event else {
            shared.arrived.notified().await;
            continue;
        };
        let mut response = Response::new(Body::from(event.payload.to_string()));
        let headers = response.headers_mut();
        let mut set = |name: &'static str, value: &str| {
            headers
                .extend(HeaderValue::from_str(value).map(|value| (axum::http::HeaderName::from_static(name), value)));
        };
        set("content-type", "application/json");
        set("lambda-runtime-aws-request-id", &event.id);
        set("lambda-runtime-deadline-ms", &event.deadline.to_string());
        set("lambda-runtime-invoked-function-arn", "arn:aws:lambda:eu-west-1:123456789012:function:windlass:live");
        set("lambda-runtime-trace-id", "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Sampled=0");
        shared.state().current = Some((event.id, event.answer));
        return response;
    }
}

/// Takes the event being answered, if it is `id`.
fn take(shared: &Shared, id: &str) -> Option<oneshot::Sender<Outcome>> {
    let mut state = shared.state();
    match state.current.take() {
        Some((current, answer)) if current == id => Some(answer),
        other => {
            state.current = other;
            state.problems.push(format!("answered {id}, which nobody waits for"));
            None
        }
    }
}

async fn response(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> StatusCode {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if header("lambda-runtime-function-response-mode") == "streaming" {
        if header("content-type") != STREAMED || header("transfer-encoding") != "chunked" {
            shared.problem(format!("a streamed answer with the headers {headers:?}"));
        }
        let trailers: Vec<_> = headers.get_all("trailer").iter().filter_map(|name| name.to_str().ok()).collect();
        if !trailers.iter().any(|name| name.eq_ignore_ascii_case("lambda-runtime-function-error-type")) {
            shared.problem("a streamed answer announces no trailer for its errors");
        }
        return streamed(&shared, &id, body).await;
    }
    let whole = axum::body::to_bytes(body, 6 << 20).await;
    let Some(answer) = take(&shared, &id) else { return StatusCode::BAD_REQUEST };
    let Ok(whole) = whole else {
        shared.problem("an answer of more than 6 MB");
        return StatusCode::PAYLOAD_TOO_LARGE;
    };
    match serde_json::from_slice(&whole) {
        Ok(whole) => drop(answer.send(Outcome::Whole(whole))),
        Err(error) => shared.problem(format!("an answer that is no JSON: {error}")),
    }
    StatusCode::ACCEPTED
}

async fn streamed(shared: &Shared, id: &str, body: Body) -> StatusCode {
    let mut body = body.into_data_stream();
    let mut head: Vec<u8> = Vec::new();
    let at = loop {
        if let Some(at) = head.windows(DELIMITER.len()).position(|window| window == DELIMITER) {
            break at;
        }
        match body.next().await {
            Some(Ok(chunk)) => head.extend_from_slice(&chunk),
            _ => {
                shared.problem("a streamed answer without the delimiter after its head");
                return StatusCode::BAD_REQUEST;
            }
        }
    };
    let rest = Bytes::copy_from_slice(&head[at + DELIMITER.len()..]);
    let prelude: Value = match serde_json::from_slice(&head[..at]) {
        Ok(prelude) => prelude,
        Err(error) => {
            shared.problem(format!("the head of a streamed answer is no JSON: {error}"));
            return StatusCode::BAD_REQUEST;
        }
    };
    // The event counts as being answered until its answer is whole; only its waiter goes on before.
    let waiter = shared.state().current.as_mut().filter(|(current, _)| current == id).map(|(_, answer)| {
        let (never, _) = oneshot::channel();
        std::mem::replace(answer, never)
    });
    let (send, chunks) = mpsc::channel(64);
    if let Some(waiter) = waiter {
        drop(waiter.send(Outcome::Streamed { prelude, chunks }));
    }
    if !rest.is_empty() {
        drop(send.send(rest).await);
    }
    while let Some(chunk) = body.next().await {
        match chunk {
            // Whoever asked may have gone; Lambda reads on.
            Ok(chunk) => drop(send.send(chunk).await),
            Err(error) => shared.problem(format!("a streamed answer broke off: {error}")),
        }
    }
    drop(take(shared, id));
    StatusCode::ACCEPTED
}

async fn error(State(shared): State<Arc<Shared>>, Path(id): Path<String>, body: Bytes) -> StatusCode {
    let Some(answer) = take(&shared, &id) else { return StatusCode::BAD_REQUEST };
    drop(answer.send(Outcome::Failed(serde_json::from_slice(&body).unwrap_or_default())));
    StatusCode::ACCEPTED
}

async fn register(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    let name = headers.get("lambda-extension-name").and_then(|name| name.to_str().ok()).unwrap_or_default();
    let events = serde_json::from_slice::<Value>(&body).unwrap_or_default();
    // An extension within the process may not ask for SHUTDOWN.
    if name.is_empty() || events["events"].as_array().is_none_or(|events| events.iter().any(|event| event != "INVOKE"))
    {
        shared.problem(format!("an extension `{name}` registered for {events}"));
        return StatusCode::BAD_REQUEST.into_response();
    }
    shared.state().extensions.push(name.to_owned());
    ([("lambda-extension-identifier", "11111111-1111-4111-8111-111111111111")], "{}").into_response()
}

async fn extension_next(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> StatusCode {
    if !headers.contains_key("lambda-extension-identifier") {
        shared.problem("an extension that has not registered asked for an event");
        return StatusCode::FORBIDDEN;
    }
    std::future::pending().await
}

async fn unknown(State(shared): State<Arc<Shared>>, request: axum::extract::Request) -> StatusCode {
    shared.problem(format!("asked for {} {}", request.method(), request.uri()));
    StatusCode::NOT_FOUND
}
