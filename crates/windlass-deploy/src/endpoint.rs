//! The promises any endpoint can be asked for, from outside.

use std::{
    net::IpAddr,
    time::{Duration, Instant},
};

use reqwest::{Client, StatusCode, header};
use serde_json::{Value, json};
use url::Url;
use windlass_client::{CheckOptions, HttpTarget, Report, Status, Target};
use windlass_core::{ExposeSecret, SecretString, chain};

use crate::{DeployError, Kind, Outcome, Proof, Version};

/// What is asked.
pub(crate) struct Question<'a> {
    /// The endpoint, without a path.
    pub endpoint: &'a Url,
    /// The release that should answer; `None` where any may.
    pub version: Option<&'a Version>,
    /// A valid credential.
    pub credential: Option<&'a SecretString>,
    /// Whether a caller without one must be refused.
    pub closed: bool,
    /// Slowest answer for 95 of 100 calls, where that was promised.
    pub p95: Option<Duration>,
}

/// Requests measured for the latency.
const SAMPLES: usize = 60;
const TIMEOUT: Duration = Duration::from_secs(15);

impl Question<'_> {
    /// Asks for all of them.
    pub async fn ask(&self) -> Result<Vec<Proof>, DeployError> {
        let client = client()?;
        let tls = self.tls().await;
        if tls.outcome == Outcome::Failed {
            // Nothing that carries the token goes there.
            return Ok(vec![self.health(&client).await, tls]);
        }
        let mut proofs = vec![self.health(&client).await, self.ready(&client).await, tls];
        if self.closed {
            proofs.push(self.refuses(&client).await);
        }
        proofs.extend(self.protocol().await?);
        Ok(proofs)
    }

    fn at(&self, path: &str) -> Url {
        let mut url = self.endpoint.clone();
        url.set_path(path);
        url
    }

    async fn health(&self, client: &Client) -> Proof {
        let asked = Instant::now();
        let promise = match self.version {
            Some(version) => format!("/health answers 200 and names release {version}"),
            None => "/health answers 200".to_owned(),
        };
        let ask = async |path| {
            let response = client.get(self.at(path)).send().await?.error_for_status()?;
            response.json::<Value>().await
        };
        let mut answer = ask("/health").await;
        // Some gateways have a page of their own there; the other name is the same page of ours.
        if answer.as_ref().is_ok_and(|body| body["server"] != "windlass") {
            answer = ask("/healthz").await;
        }
        match answer {
            Err(error) => Proof::new("health", promise, false).detail(chain(&error)),
            Ok(body) => {
                let named = body["release"].as_str();
                let kept = self.version.is_none_or(|version| named == Some(version.as_str()));
                let detail = if kept { String::new() } else { format!("it names {}", named.unwrap_or("none")) };
                Proof::new("health", promise, kept).measured(milliseconds(asked.elapsed())).detail(detail)
            }
        }
    }

    async fn ready(&self, client: &Client) -> Proof {
        let promise = "/ready answers 200: everything it needs is there";
        let mut request = client.get(self.at("/ready"));
        if let Some(credential) = self.credential {
            request = request.bearer_auth(credential.expose_secret());
        }
        match request.send().await {
            Err(error) => Proof::new("ready", promise, false).detail(chain(&error)),
            Ok(response) => {
                let kept = response.status() == StatusCode::OK;
                let body = response.json::<Value>().await.unwrap_or_default();
                let unwell = body["checks"].as_array().into_iter().flatten().filter(|check| check["health"] != "ok");
                let unwell: Vec<String> =
                    unwell.map(|check| format!("{}: {}", text(&check["name"]), text(&check["detail"]))).collect();
                Proof::new("ready", promise, kept).detail(unwell.join("; "))
            }
        }
    }

    async fn tls(&self) -> Proof {
        let promise = "the certificate is valid";
        match self.endpoint.scheme() {
            // Whatever else is asked goes through the same verification, and fails without it.
            "https" => Proof::new("tls", promise, true),
            _ if windlass_config::is_loopback(self.endpoint) => {
                Proof::skipped("tls", promise, "plain HTTP, and only on this machine")
            }
            _ if is_private(self.endpoint).await => {
                Proof::skipped("tls", promise, "plain HTTP, and only within a private network")
            }
            _ => Proof::new("tls", promise, false).detail("plain HTTP: anyone between may read the token"),
        }
    }

    async fn refuses(&self, client: &Client) -> Proof {
        let promise = "401 without a token";
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {} });
        let request = client.post(self.at("/mcp")).header(header::ACCEPT, "application/json, text/event-stream");
        match request.json(&body).send().await {
            Err(error) => Proof::new("closed", promise, false).detail(chain(&error)),
            Ok(response) => {
                let status = response.status();
                Proof::new("closed", promise, status == StatusCode::UNAUTHORIZED).measured(status.as_str())
            }
        }
    }

    /// Everything `windlass check` knows, on the revisions before and after 2026-07-28.
    async fn protocol(&self) -> Result<Vec<Proof>, DeployError> {
        let promise = "every MCP check passes";
        if self.closed && self.credential.is_none() {
            let why = "no credential at hand: set WINDLASS_TOKEN to a key of this server";
            // A release that takes requests is not proven by what nobody asked it.
            return Ok(vec![match self.p95 {
                Some(_) => Proof::new("protocol", promise, false).detail(why),
                None => Proof::skipped("protocol", promise, why),
            }]);
        }
        let unasked = |error: windlass_client::ClientError| DeployError::new(Kind::Failed, error.to_string());
        let mut target = HttpTarget::new(self.at("/mcp").as_str()).map_err(unasked)?;
        target.bearer = self.credential.cloned();
        let options = CheckOptions { samples: SAMPLES, timeout: TIMEOUT, ..CheckOptions::default() };
        let report = windlass_client::check(&Target::Http(target), &options).await.map_err(unasked)?;
        let latency = self.p95.map(|bound| latency(&report, bound));
        Ok([self.findings(&report, promise), revisions(&report), tools(&report)].into_iter().chain(latency).collect())
    }

    fn findings(&self, report: &Report, promise: &str) -> Proof {
        let failed = report.findings.iter().filter(|finding| finding.status == Status::Fail);
        let failed: Vec<String> = failed.map(|finding| format!("{}: {}", finding.id, finding.detail)).collect();
        let summary = report.summary;
        Proof::new("protocol", promise, report.reachable && failed.is_empty())
            .measured(format!("{} passed, {} failed", summary.passed, summary.failed))
            .detail(if report.reachable { failed.join("; ") } else { format!("{} cannot be reached", report.target) })
    }
}

fn latency(report: &Report, bound: Duration) -> Proof {
    let bound = bound.as_secs_f64() * 1000.0;
    let promise = format!("95 of 100 calls answer within {bound:.0} ms");
    match report.latency.get("tools/list") {
        None => Proof::new("latency", promise, false).detail("nothing answered"),
        Some(latency) => Proof::new("latency", promise, latency.p95 <= bound)
            .measured(format!("{:.1} ms", latency.p95))
            .detail(format!("{} calls of tools/list, one after another", latency.n)),
    }
}

fn revisions(report: &Report) -> Proof {
    let seen = &report.server.revisions;
    let newest = seen.iter().any(|revision| revision.as_str() >= "2026-07-28");
    let older = seen.iter().any(|revision| revision.as_str() < "2026-07-28");
    Proof::new("revisions", "a full round trip on the current revision and on an older one", newest && older)
        .measured(seen.join(", "))
}

fn tools(report: &Report) -> Proof {
    let count = report.server.tools.unwrap_or_default();
    Proof::new("tools", "every tool lists", count > 0).measured(format!("{count} tools"))
}

/// Whether every address of the host is one that no router of the internet knows.
async fn is_private(url: &Url) -> bool {
    let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else { return false };
    let Ok(found) = tokio::net::lookup_host((host.trim_matches(['[', ']']), port)).await else { return false };
    let addresses: Vec<IpAddr> = found.map(|address| address.ip()).collect();
    let private = |address: &IpAddr| match address {
        IpAddr::V4(address) => address.is_private() || address.is_loopback(),
        IpAddr::V6(address) => address.is_unique_local() || address.is_loopback(),
    };
    !addresses.is_empty() && addresses.iter().all(private)
}

/// A client that keeps no connection for longer than a question, and follows nobody.
fn client() -> Result<Client, DeployError> {
    windlass_client::install_tls();
    let builder = Client::builder().timeout(TIMEOUT).dns_resolver(windlass_client::Localhost::resolver());
    builder
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .map_err(|error| DeployError::new(Kind::Failed, format!("no HTTP client could be made: {}", chain(&error))))
}

/// Waits until `/health` names `version`; `false` when it does not within `patience`.
pub(crate) async fn answers(endpoint: &Url, version: &Version, patience: Duration) -> Result<bool, DeployError> {
    let client = client()?;
    let question = Question { endpoint, version: Some(version), credential: None, closed: false, p95: None };
    let until = Instant::now() + patience;
    loop {
        let health = tokio::time::timeout(Duration::from_secs(5), question.health(&client)).await;
        if health.is_ok_and(|proof| proof.outcome == Outcome::Passed) {
            return Ok(true);
        }
        if Instant::now() >= until {
            return Ok(false);
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}

/// Waits until `/health` names `version` and `/ready` answers 200; `false` when they do not within `patience`.
pub(crate) async fn ready(endpoint: &Url, version: &Version, patience: Duration) -> Result<bool, DeployError> {
    let client = client()?;
    let question = Question { endpoint, version: Some(version), credential: None, closed: false, p95: None };
    let until = Instant::now() + patience;
    while answers(endpoint, version, until.saturating_duration_since(Instant::now())).await? {
        if question.ready(&client).await.outcome == Outcome::Passed {
            return Ok(true);
        }
        if Instant::now() >= until {
            break;
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    Ok(false)
}

fn milliseconds(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1000.0)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
