use serde_json::json;
use windlass_client::{CATALOGUE, CheckOptions, HttpTarget, Status, Target, check, junit};

use crate::serve::{complaints, echo, guarded, quick, report, shown};

#[tokio::test]
async fn a_server_of_rmcp_passes_with_json_and_without_sessions() {
    let report = report(&echo(true, false).await, &quick()).await;
    insta::assert_snapshot!(shown(&report), @"");
    assert_eq!(report.exit_code(), 0);
}

#[tokio::test]
async fn a_server_of_rmcp_passes_with_streams_and_sessions() {
    for (json, sessions) in [(false, true), (false, false)] {
        let report = report(&echo(json, sessions).await, &quick()).await;
        assert_eq!(complaints(&report), Vec::<String>::new(), "json {json} sessions {sessions}");
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
    assert_eq!(complaints(&good), Vec::<String>::new());
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
    assert_eq!(complaints(&report), ["health: required, but: none at /health, /healthz or /ready"]);

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
