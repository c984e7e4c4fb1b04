//! What is in front of the function: HTTP requests become events, and answers become responses again.

use std::{fmt::Write, sync::Arc};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use futures::stream;
use serde_json::{Map, Value, json};

use super::{Outcome, PEER, Shared};

/// Which one.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Door {
    HttpApi,
    FunctionUrl,
}

impl Door {
    fn domain(self) -> &'static str {
        match self {
            Self::HttpApi => "a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com",
            Self::FunctionUrl => "abcdefghijklmnopqrstuvwxyz.lambda-url.eu-west-1.on.aws",
        }
    }
}

pub(super) fn router(shared: Arc<Shared>, door: Door) -> Router {
    Router::new().fallback(move |state, request| enter(door, state, request)).with_state(shared)
}

async fn enter(door: Door, State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, 6 << 20).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let (stage, streams) = {
        let state = shared.state();
        (state.stage.clone(), state.streams && door == Door::FunctionUrl)
    };
    let stage = if door == Door::HttpApi { stage } else { "$default".to_owned() };
    let outcome = shared.invoke(event(door, &stage, &parts, &body)).await;
    match outcome {
        Outcome::Failed(_) => StatusCode::BAD_GATEWAY.into_response(),
        Outcome::Whole(answer) => {
            if streams {
                shared.problem("a whole answer where a stream was asked for: its JSON is what the client gets");
            }
            whole(&answer)
        }
        Outcome::Streamed { prelude, chunks } => {
            if !streams {
                shared.problem("a streamed answer where a whole one was asked for: its head is part of the body");
            }
            let body = stream::unfold(chunks, async |mut chunks| {
                chunks.recv().await.map(|chunk| (Ok::<_, std::convert::Infallible>(chunk), chunks))
            });
            respond(&prelude, Body::from_stream(body))
        }
    }
}

/// Payload format 2.0, as both doors write it.
fn event(door: Door, stage: &str, parts: &axum::http::request::Parts, body: &Bytes) -> Value {
    let mut headers = Map::new();
    for name in parts.headers.keys() {
        let values = parts.headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes()));
        headers.insert(name.to_string(), values.collect::<Vec<_>>().join(",").into());
    }
    headers.insert("host".into(), door.domain().into());
    headers.insert("x-forwarded-proto".into(), "https".into());
    headers.insert("x-forwarded-port".into(), "443".into());
    headers.insert("x-amzn-trace-id".into(), "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700".into());
    let path = match stage {
        "$default" => parts.uri.path().to_owned(),
        stage => format!("/{stage}{}", parts.uri.path()),
    };
    let kind = parts.headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let text = (kind.starts_with("application/json") || kind.starts_with("text/")).then(|| std::str::from_utf8(body));
    let (body, base64) = match text {
        _ if body.is_empty() => (Value::Null, false),
        Some(Ok(text)) => (text.into(), false),
        _ => (BASE64_STANDARD.encode(body).into(), true),
    };
    let mut event = json!({
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": parts.uri.query().unwrap_or_default(),
        "headers": headers,
        "requestContext": {
            "accountId": "123456789012",
            "apiId": door.domain().split('.').next(),
            "domainName": door.domain(),
            "domainPrefix": door.domain().split('.').next(),
            "http": {
                "method": parts.method.as_str(), "path": path, "protocol": "HTTP/1.1", "sourceIp": PEER, "userAgent": "it",
            },
            "requestId": "JKJaXmPLvHcESHA=",
            "routeKey": "$default",
            "stage": stage,
            "time": "12/Mar/2026:19:03:58 +0000",
            "timeEpoch": 1_773_342_238_000_u64,
        },
        "isBase64Encoded": base64,
    });
    if !body.is_null() {
        event["body"] = body;
    }
    event
}

fn whole(answer: &Value) -> Response {
    let text = answer["body"].as_str().unwrap_or_default();
    let body = match answer["isBase64Encoded"] == true {
        true => BASE64_STANDARD.decode(text).unwrap_or_else(|_| b"not base64".to_vec()),
        false => text.as_bytes().to_vec(),
    };
    respond(answer, body.into())
}

fn respond(head: &Value, body: Body) -> Response {
    let mut response = Response::new(body);
    let code = head["statusCode"].as_u64().and_then(|code| StatusCode::from_u16(u16::try_from(code).ok()?).ok());
    *response.status_mut() = code.unwrap_or(StatusCode::BAD_GATEWAY);
    let mut headers = HeaderMap::new();
    for (name, value) in head["headers"].as_object().into_iter().flatten() {
        let mut text = String::new();
        match value {
            Value::Array(values) => {
                for (at, value) in values.iter().enumerate() {
                    let _ = write!(text, "{}{}", if at > 0 { ", " } else { "" }, value.as_str().unwrap_or_default());
                }
            }
            value => text.push_str(value.as_str().unwrap_or_default()),
        }
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(text)) {
            headers.insert(name, value);
        }
    }
    *response.headers_mut() = headers;
    response
}
