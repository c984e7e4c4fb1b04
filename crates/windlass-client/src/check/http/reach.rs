//! Is there a server, is the way there safe, and what does it do without ceremony?

use std::time::{Duration, SystemTime};

use reqwest::{Method, Version};
use serde_json::json;
use x509_cert::{Certificate, der::Decode};

use super::super::{
    peer::{Era, HttpPeer},
    protocol::{Outcome, request},
    recorder::{Recorder, Verdict, fail, pass, skip, warn},
    wire::{Ask, Credentials, Exchange, Http},
};

/// A certificate that ends sooner than this deserves a warning.
const SOON: Duration = Duration::from_hours(14 * 24);

/// Whether there is anything to check.
pub(super) async fn reach(http: &Http, recorder: &mut Recorder) -> bool {
    // A request no server has a reason to log as an attack, and which shows whether a token is wanted.
    let (ask, _) = HttpPeer::new(http, Era::Modern).ask("server/discover", json!({}));
    let exchange = match http.send(ask).await {
        Ok(exchange) => exchange,
        Err(error) => {
            recorder.reachable = false;
            let hint = "is the server running, and is the address right?";
            recorder.add("reach", fail(error.text, hint), error.took);
            return false;
        }
    };
    recorder.add("tls", tls(http, &exchange), Duration::ZERO);
    let verdict = match exchange.status {
        301 | 302 | 303 | 307 | 308 => {
            let to = exchange.text_header("location").to_owned();
            fail(format!("HTTP {} to {to}", exchange.status), "check the address it points to; clients may not follow")
        }
        404 | 405 | 410 if exchange.messages.is_empty() && !speaks_legacy(http).await => {
            fail(exchange.describe(), "there is no MCP endpoint at this path; most servers use /mcp")
        }
        502..=504 => fail(exchange.describe(), "a proxy answers, the server behind it does not"),
        _ => pass(match exchange.version {
            Version::HTTP_2 => "answers over HTTP/2",
            _ => "answers over HTTP/1.1",
        }),
    };
    let found = verdict.status != super::super::report::Status::Fail;
    recorder.reachable = found;
    recorder.add("reach", verdict, exchange.took);
    found
}

/// Whether `initialize` gets any JSON-RPC answer: old servers refuse unknown methods with a bare 404 or 405.
async fn speaks_legacy(http: &Http) -> bool {
    let params = super::super::protocol::initialize_params(super::LEGACY[0]);
    let (_, exchange) = HttpPeer::new(http, Era::Greeting).exchange("initialize", params).await;
    exchange.is_some_and(|exchange| !exchange.messages.is_empty() || exchange.status == 401)
}

fn tls(http: &Http, exchange: &Exchange) -> Verdict {
    if http.target.url.scheme() == "https" {
        return certificate(exchange.certificate.as_deref(), SystemTime::now());
    }
    if http.target.is_loopback() {
        pass("plain HTTP on this machine only")
    } else if http.has_credentials() {
        fail("the token crosses the network in the clear", "use https, or a tunnel to the machine")
    } else {
        warn("plain HTTP across the network", "use https")
    }
}

/// The chain was verified by the connection; what is left to say is how long it stays valid.
fn certificate(der: Option<&[u8]>, now: SystemTime) -> Verdict {
    let Some(certificate) = der.and_then(|der| Certificate::from_der(der).ok()) else {
        return warn("the certificate cannot be read", "");
    };
    let end = certificate.tbs_certificate().validity().not_after.to_system_time();
    match end.duration_since(now) {
        Ok(left) if left < SOON => warn(format!("the certificate ends in {} days", days(left)), "renew it"),
        Ok(left) => pass(format!("certificate valid for {} more days", days(left))),
        Err(_) => fail("the certificate has expired", "renew it"),
    }
}

fn days(span: Duration) -> u64 {
    span.as_secs() / 86_400
}

/// Informative: not every server has one, and the specification asks for none.
pub(super) async fn health(http: &Http, recorder: &mut Recorder) {
    let mut took = Duration::ZERO;
    let mut found = Vec::new();
    for path in ["/health", "/healthz", "/ready"] {
        let mut url = http.target.url.clone();
        url.set_path(path);
        url.set_query(None);
        // A health endpoint needs no token, so it gets none.
        let ask = Ask::bare(Method::GET, None).credentials(Credentials::None);
        if let Ok(exchange) = http.send_to(url, ask).await {
            took += exchange.took;
            if exchange.is_success() || exchange.status == 503 {
                found.push(format!("{path} is {}", exchange.status));
            }
        }
    }
    let verdict = if found.is_empty() { skip("none at /health, /healthz or /ready") } else { pass(found.join(", ")) };
    recorder.add("health", verdict, took);
}

/// Informative: what a person types into curl, with nothing but a content type.
pub(super) async fn plain(http: &Http, recorder: &mut Recorder) {
    let id = json!(1);
    let mut ask = Ask::rpc(&request(&id, "tools/list", json!({})));
    ask.accept = None;
    let (verdict, took) = match http.send(ask).await {
        Ok(exchange) => match exchange.outcome(&id) {
            Outcome::Result(_) => (pass("works"), exchange.took),
            other => (skip(format!("not offered: {}", other.describe())), exchange.took),
        },
        Err(error) => (skip(format!("not offered: {}", error.text)), error.took),
    };
    recorder.add("plain", verdict, took);
}

#[cfg(test)]
mod tests {
    use super::{super::super::report::Status, *};

    #[test]
    fn certificates_run_out() {
        let key = rcgen::KeyPair::generate().unwrap();
        let params = rcgen::CertificateParams::new(vec!["localhost".into()]).unwrap();
        let der = params.self_signed(&key).unwrap().der().to_vec();
        // rcgen's default certificate is valid from 1975 to 4096.
        let at = |years: u64| SystemTime::UNIX_EPOCH + Duration::from_secs(years * 31_556_952);
        for (now, status) in [(at(56), Status::Pass), (at(2500), Status::Fail)] {
            assert_eq!(certificate(Some(&der), now).status, status);
        }
        let Ok(parsed) = Certificate::from_der(&der) else { panic!("rcgen writes certificates") };
        let end = parsed.tbs_certificate().validity().not_after.to_system_time();
        assert_eq!(certificate(Some(&der), end - Duration::from_hours(24)).status, Status::Warn);
        assert_eq!(certificate(Some(b"junk"), end).status, Status::Warn);
    }
}
