//! HTTP to issuers: small answers, soon, from where they were asked for.

use std::time::Duration;

use reqwest::{Certificate, Client, ClientBuilder, redirect};
use serde::Deserialize;
use url::{Host, Url};

const LONGEST_BODY: usize = 512 * 1024;

#[derive(Clone)]
pub(super) struct Fetcher {
    client: Client,
}

impl Fetcher {
    pub fn new() -> reqwest::Result<Self> {
        // The first one in a process wins, and the binary may have chosen already: either way there is one.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        // The machine's own roots are the operator's choice and go first. An image made from scratch has none, and the
        // client cannot even be built there: then Mozilla's, as compiled in.
        let client = builder().build().or_else(|_| builder().tls_certs_only(bundled()).build())?;
        Ok(Self { client })
    }

    /// Fetches an issuer's keys from `jwks_url`, or from where its metadata says.
    pub async fn keys(&self, issuer: &str, jwks_url: Option<&Url>) -> Result<Vec<u8>, String> {
        let url = match jwks_url {
            Some(url) => url.clone(),
            None => self.discover(issuer).await?,
        };
        self.get(&url).await
    }

    async fn discover(&self, issuer: &str) -> Result<Url, String> {
        let mut last = String::new();
        for url in metadata_urls(issuer)? {
            let found = match self.get(&url).await {
                Ok(body) => read_metadata(issuer, &body),
                Err(error) => Err(error),
            };
            match found {
                Ok(url) => return Ok(url),
                Err(error) => last = format!("{url}: {error}"),
            }
        }
        Err(last)
    }

    async fn get(&self, url: &Url) -> Result<Vec<u8>, String> {
        let error = |error: reqwest::Error| windlass_core::chain(&error.without_url());
        let mut response = self.client.get(url.clone()).send().await.map_err(error)?;
        if !response.status().is_success() {
            return Err(format!("answered {}", response.status()));
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(error)? {
            if body.len() + chunk.len() > LONGEST_BODY {
                return Err(format!("answered more than {LONGEST_BODY} bytes"));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }
}

fn builder() -> ClientBuilder {
    Client::builder()
        .user_agent(concat!("windlass/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(Duration::from_secs(3))
        .timeout(Duration::from_secs(5))
        .redirect(redirect::Policy::custom(|attempt| {
            let same_place = attempt.previous().first().is_some_and(|first| first.origin() == attempt.url().origin());
            if same_place && attempt.previous().len() <= 3 { attempt.follow() } else { attempt.stop() }
        }))
}

fn bundled() -> impl Iterator<Item = Certificate> {
    webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().filter_map(|der| Certificate::from_der(der).ok())
}

/// Where an issuer's metadata may be: OpenID Connect Discovery puts the well-known part last, RFC 8414 first.
fn metadata_urls(issuer: &str) -> Result<[Url; 2], String> {
    let base = Url::parse(issuer).map_err(|error| error.to_string())?;
    let path = base.path().trim_end_matches('/').to_owned();
    let at = |path: String| {
        let mut url = base.clone();
        url.set_path(&path);
        url
    };
    Ok([
        at(format!("{path}/.well-known/openid-configuration")),
        at(format!("/.well-known/oauth-authorization-server{path}")),
    ])
}

fn read_metadata(issuer: &str, body: &[u8]) -> Result<Url, String> {
    #[derive(Deserialize)]
    struct Metadata {
        issuer: String,
        jwks_uri: Url,
    }
    let metadata: Metadata = serde_json::from_slice(body).map_err(|error| format!("is no issuer metadata: {error}"))?;
    if metadata.issuer != issuer {
        return Err(format!("speaks for {:?}, not for {issuer:?}: write the issuer exactly so", metadata.issuer));
    }
    // Plain HTTP is for issuers on this machine, and only those may send us back to it.
    let local = Url::parse(issuer).is_ok_and(|url| is_loopback(&url));
    match is_safe(&metadata.jwks_uri) && (local || !is_loopback(&metadata.jwks_uri)) {
        true => Ok(metadata.jwks_uri),
        false => Err("names a `jwks_uri` that is not https".into()),
    }
}

/// Whether keys from there can be trusted to come from there: https, or this very machine.
pub(super) fn is_safe(url: &Url) -> bool {
    url.scheme() == "https" || (url.scheme() == "http" && is_loopback(url))
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_can_be_made_without_the_machines_roots() {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        assert!(bundled().count() > 50);
        builder().tls_certs_only(bundled()).build().unwrap();
    }

    #[test]
    fn metadata_is_looked_for_in_both_places() {
        for (issuer, urls) in [
            (
                "https://a.example",
                [
                    "https://a.example/.well-known/openid-configuration",
                    "https://a.example/.well-known/oauth-authorization-server",
                ],
            ),
            (
                "https://a.example/t/1/",
                [
                    "https://a.example/t/1/.well-known/openid-configuration",
                    "https://a.example/.well-known/oauth-authorization-server/t/1",
                ],
            ),
        ] {
            assert_eq!(metadata_urls(issuer).unwrap().map(String::from), urls);
        }
    }

    #[test]
    fn metadata_must_speak_for_its_issuer_and_name_a_safe_place() {
        let check = |issuer: &str, claimed: &str, jwks: &str| {
            read_metadata(issuer, format!(r#"{{"issuer":"{claimed}","jwks_uri":"{jwks}"}}"#).as_bytes()).is_ok()
        };
        assert!(check("https://a.example", "https://a.example", "https://keys.example/jwks"));
        assert!(!check("https://a.example", "https://a.example/", "https://keys.example/jwks"));
        assert!(!check("https://a.example", "https://evil.example", "https://keys.example/jwks"));
        assert!(!check("https://a.example", "https://a.example", "http://keys.example/jwks"));
        assert!(!check("https://a.example", "https://a.example", "http://127.0.0.1/jwks"));
        assert!(!check("https://a.example", "https://a.example", "https://localhost/jwks"));
        assert!(!check("https://a.example", "https://a.example", "file:///etc/passwd"));
        assert!(check("http://127.0.0.1:1", "http://127.0.0.1:1", "http://127.0.0.1:1/jwks"));
    }
}
