//! The proof of an HTTP endpoint.

mod auth;
mod errors;
mod guards;
mod reach;

use std::time::Duration;

use serde_json::{Value, json};

use super::{
    CheckOptions,
    handshake::{self, server_info},
    peer::{Era, HttpPeer},
    protocol::{LEGACY, MODERN, initialize_params},
    recorder::{Recorder, fail, pass, skip, warn},
    tools::{self, Listing},
    wire::Http,
};

/// What was found out about the eras of a server.
struct Eras {
    modern: bool,
    /// The newest handshake that worked.
    legacy: Option<Era>,
    /// Whether the server says it has tools, as far as it says anything.
    has_tools: bool,
}

pub(super) async fn check(http: &Http, options: &CheckOptions, recorder: &mut Recorder) {
    if !reach::reach(http, recorder).await {
        return;
    }
    reach::health(http, recorder).await;
    if !auth::token(http, recorder).await {
        return;
    }
    auth::missing_and_wrong(http, recorder).await;
    reach::plain(http, recorder).await;
    let eras = handshakes(http, recorder).await;
    // The guards and errors are judged in the era most clients of this server will use.
    let Some(main) = eras.main() else { return };
    lists(http, &eras, options, recorder).await;
    errors::json(http, &main, recorder).await;
    errors::version(http, &main, recorder).await;
    errors::headers(http, eras.modern, recorder).await;
    guards::host(http, &main, recorder).await;
    guards::origin(http, &main, recorder).await;
    guards::large_body(http, &main, options.thorough, recorder).await;
    guards::get(http, &main, recorder).await;
    latency(http, &eras, &main, options, recorder).await;
    guards::delete(http, &eras.legacy, recorder).await;
}

impl Eras {
    fn main(&self) -> Option<Era> {
        if self.modern { Some(Era::Modern) } else { self.legacy.clone() }
    }
}

async fn handshakes(http: &Http, recorder: &mut Recorder) -> Eras {
    let reply = HttpPeer::new(http, Era::Modern).exchange("server/discover", json!({})).await.0;
    let (verdict, modern) = handshake::discover(&reply);
    let mut has_tools = false;
    if let (true, Ok(result)) = (modern, reply.result()) {
        recorder.speaks(MODERN, server_info(result));
        has_tools |= offers_tools(result);
    }
    recorder.add("discover", verdict, reply.took);

    let mut legacy = None;
    for version in LEGACY {
        let id = format!("initialize.{version}");
        let (reply, exchange) =
            HttpPeer::new(http, Era::Greeting).exchange("initialize", initialize_params(version)).await;
        let (verdict, negotiated) = handshake::initialize(&reply, version, modern);
        recorder.add(&id, verdict, reply.took);
        let (Some(negotiated), Ok(result)) = (negotiated, reply.result()) else { continue };
        recorder.speaks(&negotiated, server_info(result));
        has_tools |= offers_tools(result);
        let session = exchange.map(|exchange| exchange.text_header("mcp-session-id").to_owned());
        let era = Era::Legacy { version: negotiated, session: session.filter(|session| !session.is_empty()) };
        if legacy.is_none() {
            initialized(http, &era, recorder).await;
            legacy = Some(era);
        } else {
            // The handshake was all there was to see; leave nothing behind on the server.
            guards::end_session(http, &era).await;
        }
    }
    if legacy.is_none() {
        recorder.add("initialized", skip("no handshake to complete"), Duration::ZERO);
    }
    Eras { modern, legacy, has_tools }
}

fn offers_tools(result: &Value) -> bool {
    result.pointer("/capabilities/tools").is_some()
}

async fn initialized(http: &Http, era: &Era, recorder: &mut Recorder) {
    let sent = HttpPeer::new(http, era.clone()).notify("notifications/initialized").await;
    let (verdict, took) = match &sent {
        Ok(exchange) if exchange.status == 202 => (pass("202"), exchange.took),
        Ok(exchange) if exchange.is_success() => {
            (warn(format!("HTTP {}", exchange.status), "answer notifications with 202 and no body"), exchange.took)
        }
        Ok(exchange) => (fail(exchange.describe(), "answer notifications with 202 and no body"), exchange.took),
        Err(error) => (fail(error.text.clone(), ""), error.took),
    };
    recorder.add("initialized", verdict, took);
}

async fn lists(http: &Http, eras: &Eras, options: &CheckOptions, recorder: &mut Recorder) {
    let modern = match eras.modern {
        true => list(http, Era::Modern, "tools.2026-07-28", eras.has_tools, recorder).await,
        false => {
            recorder.add("tools.2026-07-28", skip(format!("the server does not speak {MODERN}")), Duration::ZERO);
            None
        }
    };
    let legacy = match &eras.legacy {
        Some(era) => list(http, era.clone(), "tools.2025", eras.has_tools, recorder).await,
        None => {
            recorder.add("tools.2025", skip("the server has no initialize handshake"), Duration::ZERO);
            None
        }
    };
    let same = match (&modern, &legacy) {
        (Some(modern), Some(legacy)) if modern.names() == legacy.names() => pass("the same names"),
        (Some(_), Some(_)) => warn("the names differ", "clients of both eras expect the same tools"),
        _ => skip("needs a list from both eras"),
    };
    recorder.add("tools.same", same, Duration::ZERO);
    let judged = match (&modern, &eras.legacy, &legacy) {
        (Some(listing), _, _) => Some((Era::Modern, listing)),
        (None, Some(era), Some(listing)) => Some((era.clone(), listing)),
        _ => None,
    };
    if let Some((era, listing)) = judged {
        tools::judge(&mut HttpPeer::new(http, era), listing, options, recorder).await;
    }
}

async fn list(http: &Http, era: Era, id: &str, has_tools: bool, recorder: &mut Recorder) -> Option<Listing> {
    let modern = matches!(era, Era::Modern);
    match tools::list(&mut HttpPeer::new(http, era)).await {
        Ok(listing) if modern => {
            recorder.add(id, tools::modern_page(&listing), listing.took);
            Some(listing)
        }
        Ok(listing) => {
            recorder.add(id, pass(crate::text::count(listing.tools.len(), "tool")), listing.took);
            Some(listing)
        }
        Err((what, took)) => {
            let verdict = if has_tools { fail(what, "") } else { skip("the server declares no tools") };
            recorder.add(id, verdict, took);
            None
        }
    }
}

async fn latency(http: &Http, eras: &Eras, main: &Era, options: &CheckOptions, recorder: &mut Recorder) {
    if !eras.has_tools {
        recorder.add("latency", skip("the server declares no tools"), Duration::ZERO);
        recorder.add("reuse", skip("the server declares no tools"), Duration::ZERO);
        return;
    }
    let near = http.target.is_loopback();
    let mut ports = tools::measure(&mut HttpPeer::new(http, main.clone()), options.samples, near, recorder).await;
    let requests = ports.len();
    ports.sort_unstable();
    ports.dedup();
    let verdict = match (requests, ports.len()) {
        (0 | 1, _) => skip("needs two measured requests"),
        (n, 1) => pass(format!("{n} requests on 1 connection")),
        (n, c) if c * 2 > n => warn(
            format!("{n} requests needed {c} connections"),
            "end the stream after the answer and keep the connection open",
        ),
        (n, c) => pass(format!("{n} requests on {c} connections")),
    };
    recorder.add("reuse", verdict, Duration::ZERO);
}

/// A refusal is any 4xx but 401: that one is about us, not about what we sent.
fn refused(status: u16) -> bool {
    (400..500).contains(&status) && status != 401
}
