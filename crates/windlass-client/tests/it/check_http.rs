use serde_json::json;
use windlass_client::{CATALOGUE, CheckOptions, HttpTarget, Status, Target, check, junit};

use crate::serve::{complaints, echo, guarded, quick, report, shown};

/// The one thing rmcp does that the specification does not foresee: 415 for JSON that cannot be read.
const RMCP: &str =
    "error.json: HTTP 415 (): fail to deserialize request body EOF while parsing a value at line 1 column 33";

#[tokio::test]
async fn a_server_of_rmcp_passes_with_json_and_without_sessions() {
    let report = report(&echo(true, false).await, &quick()).await;
    insta::assert_snapshot!(shown(&report), @r#"
    [target]
    server  echo 1.0.0
    speaks  2026-07-28, 2025-11-25, 2025-06-18, 2025-03-26
    lists   3 tools

      pass  reach                  answers over HTTP/1.1
      pass  tls                    plain HTTP on this machine only
      skip  health                 none at /health, /healthz or /ready
      skip  auth.token             no token was given, none was asked for
      skip  auth.missing           no token was given
      skip  auth.wrong             no token was given
      skip  auth.metadata          no token was given
      skip  plain                  not offered: HTTP 406 (): Not Acceptable: Client must accept both application/json and text/event-stream
      pass  discover               supports 2024-11-05, 2025-03-26, 2025-06-18, 2025-11-25, 2026-07-28
      pass  initialize.2025-11-25  negotiated as asked
      pass  initialize.2025-06-18  negotiated as asked
      pass  initialize.2025-03-26  negotiated as asked
      pass  initialized            202
      pass  tools.2026-07-28       3 tools
      pass  tools.2025             3 tools
      pass  tools.same             the same names
      pass  tools.pages            3 tools on 1 page
      pass  tools.order            the same twice
      pass  tools.schema           3 definitions well formed
      pass  call                   called `status`
      pass  error.method           error -32601
      pass  error.tool             error -32602
      WARN  error.json             malformed JSON is refused and survived
                                   HTTP 415 (): fail to deserialize request body EOF while parsing a value at line 1 column 33
                                   -> answer with HTTP 400 and error -32700
      pass  error.version          HTTP 400 with error -32022
      pass  error.headers          HTTP 400 with error -32020
      pass  guard.host             HTTP 403
      pass  guard.origin           HTTP 403
      pass  http.get               405
      pass  http.delete            405
      skip  body.large             only with --thorough
      pass  latency                p50 [time]
      pass  reuse                  5 requests on 1 connection

      tools/call: p50 [time]
      tools/list: p50 [time]

    24 passed, 1 warning, 0 failed, 7 skipped in [time]
    "#);
    assert_eq!(report.exit_code(), 0);
}

#[tokio::test]
async fn a_server_of_rmcp_passes_with_streams_and_sessions() {
    for (json, sessions) in [(false, true), (false, false)] {
        let report = report(&echo(json, sessions).await, &quick()).await;
        assert_eq!(complaints(&report), [RMCP], "json {json} sessions {sessions}");
        assert_eq!(report.server.revisions, ["2026-07-28", "2025-11-25", "2025-06-18", "2025-03-26"]);
        let delete = &report.finding("http.delete").unwrap().detail;
        assert_eq!(delete.contains("the session is over"), sessions, "{delete}");
    }
}

#[tokio::test]
async fn a_token_is_used_and_missed() {
    let url = guarded("canary-token").await;
    let mut target = HttpTarget::new(&url).unwrap();
    target.bearer = Some("canary-token".into());
    let good = check(&Target::Http(target.clone()), &quick()).await.unwrap();
    assert_eq!(complaints(&good), [RMCP]);
    for id in ["auth.token", "auth.missing", "auth.wrong", "auth.metadata"] {
        assert_eq!(good.finding(id).unwrap().status, Status::Pass, "{id}");
    }

    let without = report(&url, &quick()).await;
    assert_eq!(complaints(&without), ["auth.token: HTTP 401: the server wants a token"]);
    assert_eq!(without.finding("auth.missing").unwrap().status, Status::Pass);
    assert_eq!((without.exit_code(), without.reachable), (1, true));

    target.bearer = Some("canary-wrong".into());
    let wrong = check(&Target::Http(target), &quick()).await.unwrap();
    assert_eq!(complaints(&wrong), ["auth.token: HTTP 401"]);
}

#[tokio::test]
async fn nobody_there() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/mcp", listener.local_addr().unwrap());
    drop(listener);
    let report = report(&url, &quick()).await;
    assert_eq!(report.exit_code(), 4);
    let reach = report.finding("reach").unwrap();
    assert_eq!(reach.status, Status::Fail);
    assert!(reach.detail.contains("refused"), "{}", reach.detail);
    let judged = report.findings.iter().filter(|finding| finding.status != Status::Skip).count();
    assert_eq!(judged, 1, "everything else is an explicit skip");
}

#[tokio::test]
async fn a_required_check_must_pass() {
    let url = echo(true, false).await;
    let options = CheckOptions { require: vec!["health".into()], ..quick() };
    let report = report(&url, &options).await;
    assert_eq!(report.exit_code(), 1);
    assert_eq!(complaints(&report), ["health: required, but: none at /health, /healthz or /ready", RMCP]);

    let options = CheckOptions { require: vec!["stdio.exit".into()], ..quick() };
    let error = check(&Target::http(&url).unwrap(), &options).await.unwrap_err();
    assert_eq!(
        (error.exit_code(), error.to_string().as_str()),
        (2, "there is no check `stdio.exit` for this transport")
    );
}

#[tokio::test]
async fn a_named_tool_is_called() {
    let url = echo(true, false).await;
    for (tool, arguments, status) in [
        ("echo", json!({ "text": "hi" }), Status::Pass),
        ("fail", json!({}), Status::Fail),
        ("gone", json!({}), Status::Fail),
    ] {
        let options = CheckOptions { call: Some((tool.into(), arguments)), ..quick() };
        assert_eq!(report(&url, &options).await.finding("call").unwrap().status, status, "{tool}");
    }
}

#[tokio::test]
async fn thorough_sends_a_large_body() {
    let options = CheckOptions { thorough: true, ..quick() };
    let report = report(&echo(true, false).await, &options).await;
    assert_eq!(report.finding("body.large").unwrap().status, Status::Pass);
}

#[tokio::test]
async fn every_format_has_every_finding() {
    let report = report(&echo(true, false).await, &quick()).await;
    let ids: Vec<&str> = report.findings.iter().map(|finding| finding.id).collect();
    let expected: Vec<&str> = CATALOGUE.iter().filter(|info| info.http).map(|info| info.id).collect();
    assert_eq!(ids, expected);
    let xml = junit(&report);
    assert_eq!(xml.matches("<testcase ").count(), ids.len());
    assert!(xml.contains(&format!(r#"tests="{}" failures="0""#, ids.len())), "{xml}");
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["findings"][0]["status"], "pass");
    assert_eq!(json["latency"]["tools/list"]["n"], 5);
}

/// The page for users names every check.
#[test]
fn the_documentation_lists_every_check() {
    let page = include_str!("../../../../docs/check.md");
    for info in CATALOGUE {
        let row = format!("| `{}` | {} |", info.id, info.title);
        assert!(page.contains(&row), "docs/check.md lacks: {row}");
    }
}
