//! Who gets in, and what the others are told.

use std::time::Duration;

use reqwest::Method;
use serde_json::Value;
use url::Url;

use super::super::{
    peer::{Era, HttpPeer},
    protocol::{LEGACY, initialize_params},
    recorder::{Recorder, Verdict, fail, pass, skip, warn},
    wire::{Ask, Credentials, Exchange, Http, WireError},
};

/// Whether our credentials, or the lack of any, are good enough to go on.
pub(super) async fn token(http: &Http, recorder: &mut Recorder) -> bool {
    let sent = probe(http, Credentials::Own).await;
    let (verdict, took) = match &sent {
        Err(error) => (fail(error.text.clone(), ""), error.took),
        Ok(exchange) => (accepted(http, exchange), exchange.took),
    };
    let goes_on = !sent.as_ref().is_ok_and(|exchange| matches!(exchange.status, 401 | 403));
    recorder.add("auth.token", verdict, took);
    if let (false, Ok(exchange)) = (goes_on, &sent) {
        // The refusal itself can still be judged.
        if !http.has_credentials() {
            recorder.add("auth.missing", challenge(exchange), exchange.took);
        }
        metadata(http, exchange, recorder).await;
    }
    goes_on
}

fn accepted(http: &Http, exchange: &Exchange) -> Verdict {
    match (exchange.status, http.has_credentials()) {
        (401 | 403, true) => {
            fail(format!("HTTP {}", exchange.status), "the token is wrong, expired or not for this server")
        }
        (401 | 403, false) => fail(format!("HTTP {}: the server wants a token", exchange.status), "give one"),
        (_, true) => pass("accepted"),
        (_, false) => skip("no token was given, none was asked for"),
    }
}

pub(super) async fn missing_and_wrong(http: &Http, recorder: &mut Recorder) {
    if !http.has_credentials() {
        for id in ["auth.missing", "auth.wrong", "auth.metadata"] {
            recorder.add(id, skip("no token was given"), Duration::ZERO);
        }
        return;
    }
    match probe(http, Credentials::None).await {
        Ok(exchange) => {
            recorder.add("auth.missing", challenge(&exchange), exchange.took);
            metadata(http, &exchange, recorder).await;
        }
        Err(error) => recorder.add("auth.missing", fail(error.text, "answer with 401"), error.took),
    }
    let (verdict, took) = match probe(http, Credentials::Wrong).await {
        Ok(exchange) if exchange.status == 401 => (pass("401"), exchange.took),
        Ok(exchange) if exchange.is_refusal() => {
            (warn(exchange.describe(), "answer with 401 so that clients ask for a new token"), exchange.took)
        }
        Ok(exchange) => (fail(exchange.describe(), "any token is accepted"), exchange.took),
        Err(error) => (fail(error.text, "answer with 401"), error.took),
    };
    recorder.add("auth.wrong", verdict, took);
}

/// `initialize` is the request that every server knows, in whatever era.
async fn probe(http: &Http, credentials: Credentials) -> Result<Exchange, WireError> {
    let (ask, _) = HttpPeer::new(http, Era::Greeting).ask("initialize", initialize_params(LEGACY[0]));
    let exchange = http.send(ask.credentials(credentials)).await?;
    let session = exchange.text_header("mcp-session-id").to_owned();
    if !session.is_empty() {
        let era = Era::Legacy { version: LEGACY[0].into(), session: Some(session) };
        super::guards::end_session(http, &era).await;
    }
    Ok(exchange)
}

fn challenge(exchange: &Exchange) -> Verdict {
    let challenge = exchange.text_header("www-authenticate");
    match exchange.status {
        401 if challenge.is_empty() => fail(
            "401 without WWW-Authenticate",
            "say `WWW-Authenticate: Bearer`, with resource_metadata if you have it",
        ),
        401 => pass(format!("401, {challenge}")),
        status if exchange.is_refusal() => warn(format!("HTTP {status}"), "401 is what makes a client ask for a token"),
        _ => fail(format!("{} without a token", exchange.describe()), "refuse requests without a token"),
    }
}

/// Follows the announced metadata document, but only on the server's own origin: a server must not be able to point the
/// machine that checks it at an address inside its network.
async fn metadata(http: &Http, exchange: &Exchange, recorder: &mut Recorder) {
    let Some(announced) = parameter(exchange.text_header("www-authenticate"), "resource_metadata") else {
        return recorder.add("auth.metadata", skip("none is announced"), Duration::ZERO);
    };
    let Ok(url) = Url::parse(&announced) else {
        let verdict = fail(format!("resource_metadata `{announced}` is not a URL"), "announce an absolute URL");
        return recorder.add("auth.metadata", verdict, Duration::ZERO);
    };
    if url.origin() != http.target.url.origin() {
        let verdict = warn(
            format!("{announced} is on another origin and was not fetched"),
            "serve the metadata of a resource from the resource's own origin",
        );
        return recorder.add("auth.metadata", verdict, Duration::ZERO);
    }
    let ask = Ask::bare(Method::GET, Some("application/json")).credentials(Credentials::None);
    let (verdict, took) = match http.send_to(url, ask).await {
        Err(error) => (fail(error.text, ""), error.took),
        Ok(exchange) => (document(&exchange, &http.target.url), exchange.took),
    };
    recorder.add("auth.metadata", verdict, took);
}

fn document(exchange: &Exchange, endpoint: &Url) -> Verdict {
    let (200, Some(document)) = (exchange.status, exchange.messages.first()) else {
        return fail(exchange.describe(), "serve the announced document as JSON, without a token");
    };
    let resource = document.get("resource").and_then(Value::as_str).unwrap_or_default();
    let servers = document.get("authorization_servers").and_then(Value::as_array).map_or(0, Vec::len);
    let covers = Url::parse(resource).is_ok_and(|resource| {
        resource.origin() == endpoint.origin() && endpoint.path().starts_with(resource.path().trim_end_matches('/'))
    });
    if !covers {
        return fail(
            format!("resource `{resource}` is not this endpoint"),
            "clients refuse a token for another resource",
        );
    }
    if servers == 0 {
        return warn("it names no authorization_servers", "clients cannot find out where to get a token");
    }
    pass(format!("resource {resource}, {}", crate::text::count(servers, "authorization server")))
}

/// A parameter of a challenge. Quoted values may hold commas, so splitting at them would be wrong.
fn parameter(challenge: &str, name: &str) -> Option<String> {
    let start = challenge.match_indices(name).find_map(|(at, _)| {
        let before = challenge[..at].chars().next_back();
        let whole_word = before.is_none_or(|c| c == ' ' || c == ',');
        let rest = challenge[at + name.len()..].trim_start().strip_prefix('=')?;
        whole_word.then(|| rest.trim_start())
    })?;
    match start.strip_prefix('"') {
        Some(quoted) => quoted.split_once('"').map(|(value, _)| value.to_owned()),
        None => start.split([',', ' ']).next().map(str::to_owned),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn challenge_parameters() {
        for (challenge, expected) in [
            (r#"Bearer resource_metadata="http://h/x", scope="a, b""#, Some("http://h/x")),
            (r#"Bearer scope="a,b",resource_metadata=http://h/x"#, Some("http://h/x")),
            (r#"Bearer x_resource_metadata="no""#, None),
            ("Bearer", None),
            ("", None),
        ] {
            assert_eq!(parameter(challenge, "resource_metadata").as_deref(), expected, "{challenge}");
        }
    }
}
