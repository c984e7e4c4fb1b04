//! A hand-made server that does everything right, except for one thing at a time.

use axum::{
    Router,
    body::Bytes,
    http::{HeaderMap, Method, StatusCode},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use windlass_client::{CheckOptions, Status};

use crate::serve::{complaints, quick, report, serve, shown};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flaw {
    None,
    AnyHost,
    AnyOrigin,
    AnyMethod,
    AnyTool,
    AnyVersion,
    AnyHeaders,
    AnyJson,
    BadJsonIs500,
    GetIs500,
    DeleteIs500,
    NotificationIs200,
    NotificationIs500,
    NoServerInfo,
    MadeUpVersion,
    DiscoverIs500,
    NoCacheHints,
    EndlessPages,
    DuplicateTool,
    RandomOrder,
    TopLevelOneOf,
    ErasDiffer,
    CallHasNoContent,
    CallReportsError,
    WrongId,
    HostileName,
}

async fn answer(flaw: Flaw, method: Method, headers: HeaderMap, body: Bytes) -> Response {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    if flaw != Flaw::AnyHost && !header("host").starts_with("127.0.0.1") {
        return StatusCode::FORBIDDEN.into_response();
    }
    if flaw != Flaw::AnyOrigin && !header("origin").is_empty() {
        return StatusCode::FORBIDDEN.into_response();
    }
    let broken = match method {
        Method::GET => flaw == Flaw::GetIs500,
        Method::DELETE => flaw == Flaw::DeleteIs500,
        _ => false,
    };
    if method != Method::POST {
        let status = if broken { StatusCode::INTERNAL_SERVER_ERROR } else { StatusCode::METHOD_NOT_ALLOWED };
        return status.into_response();
    }
    let Ok(message) = serde_json::from_slice::<Value>(&body) else {
        return match flaw {
            Flaw::AnyJson => reply(200, json!(1), Ok(json!({}))),
            Flaw::BadJsonIs500 => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
            _ => reply(400, Value::Null, Err(-32700)),
        };
    };
    let Some(id) = message.get("id").cloned() else {
        let status = match flaw {
            Flaw::NotificationIs200 => StatusCode::OK,
            Flaw::NotificationIs500 => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::ACCEPTED,
        };
        return status.into_response();
    };
    let version = header("mcp-protocol-version");
    let known = ["", "2026-07-28", "2025-11-25", "2025-06-18", "2025-03-26"].contains(&version.as_str());
    if !known && flaw != Flaw::AnyVersion {
        return reply(400, id, Err(-32022));
    }
    let modern = version == "2026-07-28";
    let called = message["method"].as_str().unwrap_or_default();
    if modern && header("mcp-method") != called && flaw != Flaw::AnyHeaders {
        return reply(400, id, Err(-32020));
    }
    let id = if flaw == Flaw::WrongId && called == "tools/list" { json!("another") } else { id };
    let status = if modern { 404 } else { 200 };
    match called {
        "server/discover" if flaw == Flaw::DiscoverIs500 => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        "server/discover" => reply(200, id, Ok(discover())),
        "initialize" => reply(200, id, Ok(initialize(flaw, &message["params"]["protocolVersion"]))),
        "tools/list" => reply(200, id, Ok(tools(flaw, modern, &message["params"]["cursor"]))),
        "tools/call" => match (message["params"]["name"].as_str(), flaw) {
            (Some("look"), Flaw::CallHasNoContent) => reply(200, id, Ok(json!({ "resultType": "complete" }))),
            (Some("look"), Flaw::CallReportsError) => reply(200, id, Ok(content(true))),
            (Some("look"), _) => reply(200, id, Ok(content(false))),
            (_, Flaw::AnyTool) => reply(200, id, Ok(content(false))),
            _ => reply(200, id, Err(-32602)),
        },
        _ if flaw == Flaw::AnyMethod => reply(200, id, Ok(json!({}))),
        _ => reply(status, id, Err(-32601)),
    }
}

fn reply(status: u16, id: Value, outcome: Result<Value, i64>) -> Response {
    let body = match outcome {
        Ok(result) => json!({ "jsonrpc": "2.0", "id": id, "result": result }),
        Err(code) => json!({ "jsonrpc": "2.0", "id": id, "error": { "code": code, "message": "no" } }),
    };
    (StatusCode::from_u16(status).unwrap(), axum::Json(body)).into_response()
}

fn discover() -> Value {
    json!({
        "resultType": "complete", "ttlMs": 0, "cacheScope": "private",
        "supportedVersions": ["2026-07-28", "2025-11-25"], "capabilities": { "tools": {} },
    })
}

fn initialize(flaw: Flaw, asked: &Value) -> Value {
    let version = if flaw == Flaw::MadeUpVersion { json!("1.0") } else { asked.clone() };
    let name = if flaw == Flaw::HostileName { "\u{1b}]0;pwned\u{7}" } else { "handmade" };
    let mut result = json!({
        "protocolVersion": version, "capabilities": { "tools": {} },
        "serverInfo": { "name": name, "version": "1.0.0" },
    });
    if flaw == Flaw::NoServerInfo {
        result.as_object_mut().unwrap().remove("serverInfo");
    }
    result
}

fn tools(flaw: Flaw, modern: bool, cursor: &Value) -> Value {
    static CALLS: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
    let tool = |name: &str| {
        json!({
            "name": name, "description": "Looks.", "annotations": { "readOnlyHint": true },
            "inputSchema": { "type": "object" },
        })
    };
    let mut tools = vec![tool("look"), tool("listen")];
    let mut next = Value::Null;
    match flaw {
        Flaw::EndlessPages => next = json!("again"),
        Flaw::DuplicateTool if cursor.is_null() => next = json!("second"),
        Flaw::RandomOrder if (CALLS.fetch_add(1, std::sync::atomic::Ordering::Relaxed) / 2).is_multiple_of(2) => {
            tools.reverse()
        }
        Flaw::TopLevelOneOf => tools[0]["inputSchema"]["oneOf"] = json!([]),
        Flaw::ErasDiffer if modern => tools.push(tool("taste")),
        _ => {}
    }
    let mut result = json!({ "tools": tools, "resultType": "complete", "ttlMs": 0, "cacheScope": "private" });
    if !next.is_null() {
        result["nextCursor"] = next;
    }
    if flaw == Flaw::NoCacheHints {
        result.as_object_mut().unwrap().remove("ttlMs");
    }
    result
}

fn content(error: bool) -> Value {
    json!({ "resultType": "complete", "content": [{ "type": "text", "text": "seen" }], "isError": error })
}

async fn start(flaw: Flaw) -> String {
    serve(Router::new().fallback(move |method, headers, body| answer(flaw, method, headers, body))).await
}

#[tokio::test]
async fn each_flaw_is_found_and_nothing_else() {
    let samples = CheckOptions { samples: 2, ..quick() };
    for (flaw, expected) in [
        (Flaw::None, &[][..]),
        (Flaw::AnyHost, &[("guard.host", Status::Warn)][..]),
        (Flaw::AnyOrigin, &[("guard.origin", Status::Warn)]),
        (Flaw::AnyMethod, &[("error.method", Status::Fail)]),
        (Flaw::AnyTool, &[("error.tool", Status::Fail)]),
        (Flaw::AnyVersion, &[("error.version", Status::Fail)]),
        (Flaw::AnyHeaders, &[("error.headers", Status::Fail)]),
        (Flaw::AnyJson, &[("error.json", Status::Fail)]),
        (Flaw::BadJsonIs500, &[("error.json", Status::Fail)]),
        (Flaw::GetIs500, &[("http.get", Status::Fail)]),
        (Flaw::DeleteIs500, &[("http.delete", Status::Fail)]),
        (Flaw::NotificationIs200, &[("initialized", Status::Warn)]),
        (Flaw::NotificationIs500, &[("initialized", Status::Fail)]),
        (
            Flaw::NoServerInfo,
            &[
                ("initialize.2025-11-25", Status::Fail),
                ("initialize.2025-06-18", Status::Fail),
                ("initialize.2025-03-26", Status::Fail),
            ],
        ),
        (
            Flaw::MadeUpVersion,
            &[
                ("initialize.2025-11-25", Status::Fail),
                ("initialize.2025-06-18", Status::Fail),
                ("initialize.2025-03-26", Status::Fail),
            ],
        ),
        (Flaw::DiscoverIs500, &[("discover", Status::Fail)]),
        (Flaw::NoCacheHints, &[("tools.2026-07-28", Status::Warn)]),
        (Flaw::EndlessPages, &[("tools.pages", Status::Fail), ("tools.schema", Status::Fail)]),
        (Flaw::DuplicateTool, &[("tools.pages", Status::Fail), ("tools.schema", Status::Fail)]),
        (Flaw::TopLevelOneOf, &[("tools.schema", Status::Fail)]),
        (Flaw::ErasDiffer, &[("tools.same", Status::Warn)]),
        (Flaw::CallHasNoContent, &[("call", Status::Fail)]),
        (Flaw::CallReportsError, &[("call", Status::Warn)]),
        (Flaw::WrongId, &[("tools.2026-07-28", Status::Fail), ("tools.2025", Status::Fail), ("latency", Status::Fail)]),
    ] {
        let report = report(&start(flaw).await, &samples).await;
        let bad = report.findings.iter().filter(|finding| matches!(finding.status, Status::Warn | Status::Fail));
        let found: Vec<_> = bad.map(|finding| (finding.id, finding.status)).collect();
        assert_eq!(found, expected, "{flaw:?}: {:#?}", complaints(&report));
        let failed = expected.iter().any(|(_, status)| *status == Status::Fail);
        assert_eq!(report.exit_code(), u8::from(failed), "{flaw:?}");
    }
}

#[tokio::test]
async fn a_changing_order_is_found() {
    // The order turns with every second list, and a list of the other era lies between the two that are compared.
    let report = report(&start(Flaw::RandomOrder).await, &quick()).await;
    assert_eq!(report.finding("tools.order").unwrap().status, Status::Warn);
}

#[tokio::test]
async fn the_report_says_what_is_wrong_and_what_to_do() {
    let report = report(&start(Flaw::AnyOrigin).await, &quick()).await;
    insta::assert_snapshot!(shown(&report), @r#"
    [target]
    server  handmade 1.0.0
    speaks  2026-07-28, 2025-11-25, 2025-06-18, 2025-03-26
    lists   2 tools

      pass  reach                  answers over HTTP/1.1
      pass  tls                    plain HTTP on this machine only
      skip  health                 none at /health, /healthz or /ready
      skip  auth.token             no token was given, none was asked for
      skip  auth.missing           no token was given
      skip  auth.wrong             no token was given
      skip  auth.metadata          no token was given
      pass  plain                  works
      pass  discover               supports 2026-07-28, 2025-11-25
      pass  initialize.2025-11-25  negotiated as asked
      pass  initialize.2025-06-18  negotiated as asked
      pass  initialize.2025-03-26  negotiated as asked
      pass  initialized            202
      pass  tools.2026-07-28       2 tools
      pass  tools.2025             2 tools
      pass  tools.same             the same names
      pass  tools.pages            2 tools on 1 page
      pass  tools.order            the same twice
      pass  tools.schema           2 definitions well formed
      pass  call                   called `look`
      pass  error.method           error -32601
      pass  error.tool             error -32602
      pass  error.json             HTTP 400 with error -32700
      pass  error.version          HTTP 400 with error -32022
      pass  error.headers          HTTP 400 with error -32020
      pass  guard.host             HTTP 403
      WARN  guard.origin           a foreign Origin header is refused (DNS rebinding)
                                   accepted with HTTP 200
                                   -> answer an Origin you do not know with 403, or a web page can call the tools
      pass  http.get               405
      pass  http.delete            405
      skip  body.large             only with --thorough
      pass  latency                p50 [time]
      pass  reuse                  5 requests on 1 connection

      tools/call: p50 [time]
      tools/list: p50 [time]

    25 passed, 1 warning, 0 failed, 6 skipped in [time]
    "#);
}

#[tokio::test]
async fn a_name_cannot_steer_the_terminal() {
    let report = report(&start(Flaw::HostileName).await, &quick()).await;
    assert_eq!(report.server.name, "\u{fffd}]0;pwned\u{fffd}");
    assert!(!windlass_client::text(&report, false).contains(['\u{1b}', '\u{7}']));
    assert!(!windlass_client::junit(&report).contains(['\u{1b}', '\u{7}']));
}

#[tokio::test]
async fn a_wrong_path_is_told_from_a_broken_server() {
    for (status, found) in [(StatusCode::NOT_FOUND, "no MCP endpoint"), (StatusCode::BAD_GATEWAY, "a proxy answers")] {
        let url = serve(Router::new().fallback(move || async move { status })).await;
        let report = report(&url, &quick()).await;
        assert_eq!(report.exit_code(), 4, "{status}");
        assert!(report.finding("reach").unwrap().hint.contains(found), "{status}");
    }
}

/// A server that repeats the token it was given must not get it into a report through the back door.
#[tokio::test]
async fn a_token_that_comes_back_is_not_repeated() {
    let echo = |headers: HeaderMap| async move {
        let token = headers.get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
        let error = json!({ "code": -32000, "message": format!("bad {token}") });
        axum::Json(json!({ "jsonrpc": "2.0", "id": null, "error": error }))
    };
    let mut target = windlass_client::HttpTarget::new(&serve(Router::new().fallback(echo)).await).unwrap();
    target.bearer = Some("canary-in-the-report".into());
    let report = windlass_client::check(&windlass_client::Target::Http(target), &quick()).await.unwrap();
    let everything = serde_json::to_string(&report).unwrap();
    assert!(everything.contains("bad Bearer [secret]"), "{everything}");
    assert!(!everything.contains("canary"), "{everything}");
}

/// The announced metadata may not lead the checking machine into its own network.
#[tokio::test]
async fn metadata_elsewhere_is_not_fetched() {
    let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
    let inside = serve(Router::new().fallback(move || {
        let sender = sender.clone();
        async move { sender.send(()).unwrap() }
    }))
    .await;
    let challenge = format!(r#"Bearer resource_metadata="{inside}""#);
    let outside = serve(Router::new().fallback(move || {
        let challenge = challenge.clone();
        async move { (StatusCode::UNAUTHORIZED, [("www-authenticate", challenge)]) }
    }))
    .await;
    let report = report(&outside, &quick()).await;
    assert_eq!(report.finding("auth.metadata").unwrap().status, Status::Warn);
    assert!(receiver.try_recv().is_err(), "the other origin was asked");
}
