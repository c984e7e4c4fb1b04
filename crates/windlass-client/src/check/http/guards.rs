//! Who may ask, how much, and the verbs beside POST.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;

use super::super::{
    peer::{Era, HttpPeer},
    recorder::{Recorder, Verdict, fail, pass, skip, warn},
    wire::{Ask, Exchange, Http, WireError},
};

/// A name that cannot be registered.
const STRANGER: &str = "rebind.windlass.invalid";

const LARGE: usize = 5 << 20;

pub(super) async fn host(http: &Http, era: &Era, recorder: &mut Recorder) {
    let (ask, _) = HttpPeer::new(http, era.clone()).ask("tools/list", json!({}));
    let sent = http.send(ask.header("host", STRANGER)).await;
    guard("guard.host", sent, "accept only the Host names you serve, or a web page can reach the server", recorder);
}

pub(super) async fn origin(http: &Http, era: &Era, recorder: &mut Recorder) {
    let (ask, _) = HttpPeer::new(http, era.clone()).ask("tools/list", json!({}));
    let sent = http.send(ask.header("origin", format!("http://{STRANGER}"))).await;
    guard(
        "guard.origin",
        sent,
        "answer an Origin you do not know with 403, or a web page can call the tools",
        recorder,
    );
}

fn guard(id: &str, sent: Result<Exchange, WireError>, hint: &str, recorder: &mut Recorder) {
    match sent {
        Ok(exchange) if exchange.is_refusal() => {
            recorder.add(id, pass(format!("HTTP {}", exchange.status)), exchange.took);
        }
        Ok(exchange) if exchange.is_success() => {
            recorder.add(id, warn(format!("accepted with HTTP {}", exchange.status), hint), exchange.took);
        }
        Ok(exchange) => recorder.add(id, fail(exchange.describe(), hint), exchange.took),
        // Hanging up is a refusal too.
        Err(error) => recorder.add(id, pass(format!("refused: {}", error.text)), error.took),
    }
}

pub(super) async fn get(http: &Http, era: &Era, recorder: &mut Recorder) {
    let ask = Ask::bare(Method::GET, Some("text/event-stream"));
    let sent = http.send(HttpPeer::new(http, era.clone()).dress(ask)).await;
    let hint = "answer GET with 405, or with an event stream";
    let (verdict, took) = match sent {
        Ok(exchange) => {
            let stream = exchange.text_header("content-type").starts_with("text/event-stream");
            let verdict = match exchange.status {
                200 if stream => pass("an event stream"),
                405 => pass("405"),
                _ if exchange.is_success() || exchange.is_refusal() => warn(exchange.describe(), hint),
                _ => fail(exchange.describe(), hint),
            };
            (verdict, exchange.took)
        }
        Err(error) => (fail(error.text, hint), error.took),
    };
    recorder.add("http.get", verdict, took);
}

/// The last check: it ends the session the others used.
pub(super) async fn delete(http: &Http, legacy: &Option<Era>, recorder: &mut Recorder) {
    let era = legacy.clone().unwrap_or(Era::Modern);
    let has_session = matches!(era, Era::Legacy { session: Some(_), .. });
    let hint = "answer DELETE with 405 if clients cannot end sessions";
    let (verdict, took) = match send_delete(http, &era).await {
        Ok(exchange) => (deleted(&exchange, has_session, hint), exchange.took),
        Err(error) => (fail(error.text, hint), error.took),
    };
    recorder.add("http.delete", verdict, took);
}

fn deleted(exchange: &Exchange, has_session: bool, hint: &str) -> Verdict {
    match exchange.status {
        405 => pass("405"),
        status if exchange.is_success() && has_session => pass(format!("HTTP {status}, the session is over")),
        _ if exchange.is_success() || exchange.is_refusal() => warn(exchange.describe(), hint),
        _ => fail(exchange.describe(), hint),
    }
}

/// Ends a session that was opened only to be looked at. Its fate is no finding.
pub(super) async fn end_session(http: &Http, era: &Era) {
    if matches!(era, Era::Legacy { session: Some(_), .. }) {
        let _ = send_delete(http, era).await;
    }
}

async fn send_delete(http: &Http, era: &Era) -> Result<Exchange, WireError> {
    http.send(HttpPeer::new(http, era.clone()).dress(Ask::bare(Method::DELETE, None))).await
}

/// A modest flood: enough to see a limit, too little to hurt a server without one.
pub(super) async fn large_body(http: &Http, era: &Era, thorough: bool, recorder: &mut Recorder) {
    if !thorough {
        return recorder.add("body.large", skip("only with --thorough"), Duration::ZERO);
    }
    let params = json!({ "padding": "x".repeat(LARGE) });
    let (ask, _) = HttpPeer::new(http, era.clone()).ask("tools/list", params);
    let (verdict, took) = match http.send(ask).await {
        Ok(exchange) if exchange.status == 413 => (pass("413"), exchange.took),
        Ok(exchange) if exchange.is_success() => {
            (warn("accepted 5 MiB", "limit the size of requests and answer larger ones with 413"), exchange.took)
        }
        Ok(exchange) if exchange.is_refusal() => (pass(exchange.describe()), exchange.took),
        Ok(exchange) => (fail(exchange.describe(), "answer with 413"), exchange.took),
        // A server may hang up while we still send; that protects it just as well.
        Err(error) => (pass(format!("hung up: {}", error.text)), error.took),
    };
    recorder.add("body.large", verdict, took);
}
