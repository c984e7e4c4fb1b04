//! Health, readiness, metrics, and where a client finds the authorisation server.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use http::{Request, Response, StatusCode};
use serde_json::{Value, json};
use url::Url;
use windlass_auth::metadata;
use windlass_config::settings::ServerSettings;
use windlass_core::{Check, Health};

use super::reply::{self, Body};
use crate::gate::Gate;

/// Readiness is asked for by load balancers and by anyone who cares to: the checks run at most this often.
const READY_TTL: Duration = Duration::from_secs(1);

pub(super) struct Pages {
    gate: Arc<Gate>,
    public_url: Option<Url>,
    release: Option<String>,
    ready: Mutex<Option<(Instant, Vec<Check>)>>,
}

impl Pages {
    pub fn new(gate: Arc<Gate>, server: &ServerSettings) -> Self {
        let (public_url, release) = (server.public_url.clone(), server.release.clone());
        Self { gate, public_url, release, ready: Mutex::default() }
    }

    /// The process is alive. Says nothing of what it needs: that is readiness.
    pub fn health(&self) -> Response<Body> {
        let mut health = json!({ "status": "healthy", "server": "windlass", "version": crate::VERSION });
        if let Some(release) = &self.release {
            health["release"] = json!(release);
        }
        reply::json(StatusCode::OK, &health)
    }

    /// Each check by name; what it found only to those who may know.
    pub async fn ready(&self, trusted: bool, draining: bool) -> Response<Body> {
        let known = self.ready.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut checks = match known.filter(|(at, _)| at.elapsed() < READY_TTL) {
            Some((_, checks)) => checks,
            None => {
                let checks = self.gate.ready().await;
                *self.ready.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), checks.clone()));
                checks
            }
        };
        if draining {
            checks.push(Check::failed("server", "stopping"));
        }
        let failed = checks.iter().any(|check| check.health == Health::Failed);
        let listed: Vec<Value> = checks
            .iter()
            .map(|check| match trusted {
                true => json!(check),
                false => json!({ "name": check.name, "health": check.health }),
            })
            .collect();
        let (status, word) =
            if failed { (StatusCode::SERVICE_UNAVAILABLE, "not ready") } else { (StatusCode::OK, "ready") };
        reply::json(status, &json!({ "status": word, "checks": listed }))
    }

    pub fn metrics(&self) -> Response<Body> {
        reply::bytes(StatusCode::OK, "text/plain; version=0.0.4; charset=utf-8", self.gate.metrics().render())
    }

    /// RFC 9728.
    pub fn resource_metadata<B>(&self, request: &Request<B>) -> Response<Body> {
        let path = request.uri().path().trim_start_matches("/.well-known/oauth-protected-resource");
        if !(path.is_empty() || path == "/mcp" || path.starts_with("/mcp/")) {
            return reply::not_found();
        }
        let resource = resource_url(self.public_url.as_ref(), request, if path.is_empty() { "/mcp" } else { path });
        let rules = self.gate.rules();
        match resource.and_then(|resource| metadata::document(&rules.live.auth_settings, &resource)) {
            Some(document) => reply::json(StatusCode::OK, &document),
            None => reply::not_found(),
        }
    }
}

/// The address the client used, as the resource's identifier.
pub(super) fn resource_url<B>(public: Option<&Url>, request: &Request<B>, path: &str) -> Option<Url> {
    let mut url = match public {
        Some(url) => url.clone(),
        None => {
            let host = request.headers().get(http::header::HOST).and_then(|host| host.to_str().ok())?;
            // A listener sees a path alone; who hands on what somebody else received may know the scheme.
            let scheme = request.uri().scheme_str().unwrap_or("http");
            Url::parse(&format!("{scheme}://{host}")).ok()?
        }
    };
    url.set_path(path);
    Some(url)
}
