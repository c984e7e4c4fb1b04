//! What the endpoint says to requests that are wrong.

use std::time::Duration;

use serde_json::json;

use super::{
    super::{
        peer::{Era, HttpPeer},
        protocol::{HEADER_MISMATCH, MODERN, PARSE_ERROR, UNSUPPORTED_VERSION, request, with_meta},
        recorder::{Recorder, Verdict, fail, pass, skip, warn},
        wire::{Ask, Exchange, Http},
    },
    refused,
};

/// A revision that never was.
const NO_REVISION: &str = "1999-01-01";

pub(super) async fn json(http: &Http, era: &Era, recorder: &mut Recorder) {
    let peer = HttpPeer::new(http, era.clone());
    let ask = peer.dress(Ask::post(r#"{"jsonrpc":"2.0","id":1,"method":"#));
    send(http, ask, "error.json", recorder, |exchange| {
        let hint = "answer with HTTP 400 and error -32700";
        match (exchange.status, exchange.code()) {
            (400, Some(PARSE_ERROR)) => pass("HTTP 400 with error -32700"),
            (400, None) => pass("HTTP 400"),
            (_, Some(PARSE_ERROR)) => warn(exchange.describe(), hint),
            (status, _) if refused(status) => warn(exchange.describe(), hint),
            _ => fail(exchange.describe(), hint),
        }
    })
    .await;
}

pub(super) async fn version(http: &Http, era: &Era, recorder: &mut Recorder) {
    let id = json!(1);
    let modern = matches!(era, Era::Modern);
    let mut ask = if modern {
        Ask::rpc(&request(&id, "tools/list", with_meta(json!({}), NO_REVISION))).header("mcp-method", "tools/list")
    } else {
        Ask::rpc(&request(&id, "tools/list", json!({})))
    };
    if let Era::Legacy { session: Some(session), .. } = era {
        ask = ask.header("mcp-session-id", session.as_str());
    }
    send(http, ask.header("mcp-protocol-version", NO_REVISION), "error.version", recorder, |exchange| {
        match (exchange.status, exchange.code()) {
            (400, Some(UNSUPPORTED_VERSION)) => pass("HTTP 400 with error -32022"),
            (400, _) if !modern => pass("HTTP 400"),
            (400, _) => warn(exchange.describe(), "name the supported revisions: error -32022 with data.supported"),
            (status, _) if refused(status) => warn(exchange.describe(), "answer with HTTP 400"),
            _ => fail(exchange.describe(), "refuse an MCP-Protocol-Version you do not know with HTTP 400"),
        }
    })
    .await;
}

pub(super) async fn headers(http: &Http, modern: bool, recorder: &mut Recorder) {
    if !modern {
        return recorder.add("error.headers", skip(format!("a rule of {MODERN} only")), Duration::ZERO);
    }
    let message = request(&json!(1), "tools/list", with_meta(json!({}), MODERN));
    let ask = Ask::rpc(&message).header("mcp-protocol-version", MODERN).header("mcp-method", "server/discover");
    send(http, ask, "error.headers", recorder, |exchange| match (exchange.status, exchange.code()) {
        (400, Some(HEADER_MISMATCH)) => pass("HTTP 400 with error -32020"),
        (status, _) if refused(status) => warn(exchange.describe(), "answer with HTTP 400 and error -32020"),
        _ => fail(
            exchange.describe(),
            "a proxy that routes by Mcp-Method is deceived; refuse with HTTP 400 and error -32020",
        ),
    })
    .await;
}

async fn send(http: &Http, ask: Ask, id: &str, recorder: &mut Recorder, judge: impl FnOnce(&Exchange) -> Verdict) {
    match http.send(ask).await {
        Ok(exchange) => recorder.add(id, judge(&exchange), exchange.took),
        Err(error) => recorder.add(id, fail(error.text, "refuse it with an answer"), error.took),
    }
}
