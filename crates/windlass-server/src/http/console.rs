//! The console page: the tools, a form that calls one, and decisions as they are made. Plain files, no build step.

use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use http::{HeaderValue, Response, StatusCode, header};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use tokio_stream::wrappers::{BroadcastStream, IntervalStream};
use tokio_util::sync::CancellationToken;
use windlass_core::{AuditFeed, Principal, PrincipalSource};

use super::reply::{self, Body};
use crate::gate::Caller;

/// Scripts, styles and requests from this server alone; nothing inline, no framing, no forms that leave the page.
const CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                   base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'";

/// Members of this group see everybody's decisions; others see their own.
const OPERATORS: &str = "operators";

const STYLE: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

const FILES: [(&str, &str, &str); 8] = [
    ("/", "text/html; charset=utf-8", include_str!("../../console/index.html")),
    ("/console/console.css", STYLE, include_str!("../../console/console.css")),
    ("/console/console.js", SCRIPT, include_str!("../../console/console.js")),
    ("/console/api.js", SCRIPT, include_str!("../../console/api.js")),
    ("/console/form.js", SCRIPT, include_str!("../../console/form.js")),
    ("/console/parts.js", SCRIPT, include_str!("../../console/parts.js")),
    ("/console/watch.js", SCRIPT, include_str!("../../console/watch.js")),
    ("/console/icon.svg", "image/svg+xml", include_str!("../../console/icon.svg")),
];

/// How often a quiet stream says that it lives, so that neither side nor a proxy between them gives up.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

pub(super) fn page(path: &str) -> Option<Response<Body>> {
    let (_, kind, text) = FILES.iter().find(|(known, ..)| *known == path)?;
    let mut response = reply::bytes(StatusCode::OK, kind, *text);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CSP));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert("cross-origin-opener-policy", HeaderValue::from_static("same-origin"));
    headers.insert("cross-origin-resource-policy", HeaderValue::from_static("same-origin"));
    Some(response)
}

/// The decisions `caller` may see: the last ones, then each as it is made.
pub(super) fn events(feed: AuditFeed, caller: &Caller, draining: CancellationToken) -> Response<Body> {
    let principal = caller.principal.clone();
    let lines = futures::stream::iter(feed.recent)
        .chain(BroadcastStream::new(feed.live).filter_map(|line| async move { line.ok() }))
        .filter(move |line| std::future::ready(may_see(&principal, line)))
        .map(|line| format!("data: {line}\n\n"));
    let alive = IntervalStream::new(tokio::time::interval(KEEP_ALIVE)).map(|_| ":\n\n".to_owned());
    let frames = futures::stream::select(lines, alive)
        .map(|text| Ok(Frame::data(Bytes::from(text))))
        .take_until(draining.cancelled_owned());
    let mut response = Response::new(StreamBody::new(frames).boxed_unsync());
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

fn may_see(who: &Principal, line: &str) -> bool {
    if who.source == PrincipalSource::Local || who.groups.contains(OPERATORS) {
        return true;
    }
    serde_json::from_str::<serde_json::Value>(line)
        .is_ok_and(|event| event.get("principal").and_then(serde_json::Value::as_str) == Some(who.id.as_str()))
}
