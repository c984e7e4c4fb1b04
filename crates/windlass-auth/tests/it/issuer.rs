//! A small issuer on loopback that signs with keys of its own.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use aws_lc_rs::{
    encoding::AsDer,
    rand::SystemRandom,
    rsa::{KeyPair as RsaKeyPair, KeySize},
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair},
};
use axum::{Json, Router, extract::State, http::StatusCode, response::IntoResponse, routing::get};
use base64::Engine as _;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode, jwk::Jwk};
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinHandle};
use url::Url;
use windlass_auth::{Authenticator, Timing};
use windlass_config::settings::{AuthSettings, OidcSettings};
use windlass_core::units::Span;

pub const AUDIENCE: &str = "https://mcp.example/mcp";

/// Times short enough for tests, and long enough that nothing happens twice by accident.
pub const TIMING: Timing = Timing {
    refetch: Duration::from_millis(200),
    retry: Duration::from_millis(20),
    stale: Duration::from_secs(3600),
    remember: Duration::ZERO,
};

/// A signing key and how it is published.
pub struct Signer {
    pub algorithm: Algorithm,
    pub key: EncodingKey,
    pub jwk: Value,
    pub id: String,
}

impl Signer {
    pub fn new(algorithm: Algorithm, id: &str) -> Self {
        let random = SystemRandom::new();
        let key = match algorithm {
            Algorithm::ES256 => {
                let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
                EncodingKey::from_ec_der(pkcs8.as_ref())
            }
            Algorithm::EdDSA => EncodingKey::from_ed_der(Ed25519KeyPair::generate_pkcs8v1(&random).unwrap().as_ref()),
            _ => {
                let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
                let pkcs8 = AsDer::<aws_lc_rs::encoding::Pkcs8V1Der<'_>>::as_der(&pair).unwrap();
                let base64 = base64::engine::general_purpose::STANDARD.encode(pkcs8.as_ref());
                let pem = format!("-----BEGIN PRIVATE KEY-----\n{base64}\n-----END PRIVATE KEY-----\n");
                EncodingKey::from_rsa_pem(pem.as_bytes()).unwrap()
            }
        };
        let mut jwk = Jwk::from_encoding_key(&key, algorithm).unwrap();
        jwk.common.key_id = Some(id.into());
        Self { algorithm, key, jwk: serde_json::to_value(jwk).unwrap(), id: id.into() }
    }

    pub fn header(&self) -> Header {
        Header { kid: Some(self.id.clone()), ..Header::new(self.algorithm) }
    }

    pub fn sign(&self, claims: &Value) -> String {
        self.sign_as(&self.header(), claims)
    }

    pub fn sign_as(&self, header: &Header, claims: &Value) -> String {
        encode(header, claims, &self.key).unwrap()
    }
}

/// What the issuer answers with, by path.
#[derive(Default)]
struct Shared {
    pages: Mutex<HashMap<String, (u16, Value)>>,
    fetches: AtomicUsize,
}

pub struct Issuer {
    pub url: String,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

impl Drop for Issuer {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Issuer {
    pub async fn start(signers: &[&Signer]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self::on(listener, signers)
    }

    pub fn on(listener: TcpListener, signers: &[&Signer]) -> Self {
        let url = format!("http://{}", listener.local_addr().unwrap());
        let shared = Arc::new(Shared::default());
        let app = Router::new().fallback(get(answer)).with_state(shared.clone());
        let server = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        let issuer = Self { url, shared, server };
        let metadata = json!({ "issuer": issuer.url, "jwks_uri": format!("{}/jwks", issuer.url) });
        issuer.page("/.well-known/openid-configuration", 200, metadata);
        issuer.publish(signers);
        issuer
    }

    pub fn publish(&self, signers: &[&Signer]) {
        let keys: Vec<&Value> = signers.iter().map(|signer| &signer.jwk).collect();
        self.page("/jwks", 200, json!({ "keys": keys }));
    }

    pub fn page(&self, path: &str, status: u16, body: Value) {
        self.shared.pages.lock().unwrap().insert(path.into(), (status, body));
    }

    /// How often the keys were fetched.
    pub fn fetches(&self) -> usize {
        self.shared.fetches.load(Ordering::SeqCst)
    }

    /// Claims of a good token.
    pub fn claims(&self) -> Value {
        json!({ "iss": self.url, "aud": AUDIENCE, "sub": "alice", "exp": now() + 300, "scope": "mcp:call" })
    }

    pub fn settings(&self) -> OidcSettings {
        oidc(&self.url)
    }

    pub fn authenticator(&self) -> Authenticator {
        authenticator(self.settings(), TIMING)
    }
}

async fn answer(State(shared): State<Arc<Shared>>, uri: axum::http::Uri) -> axum::response::Response {
    if uri.path() == "/jwks" {
        shared.fetches.fetch_add(1, Ordering::SeqCst);
    }
    let page = shared.pages.lock().unwrap().get(uri.path()).cloned();
    match page {
        Some((302, to)) => (StatusCode::FOUND, [("location", to.as_str().unwrap().to_owned())]).into_response(),
        Some((status, body)) => (StatusCode::from_u16(status).unwrap(), Json(body)).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

pub fn oidc(issuer: &str) -> OidcSettings {
    OidcSettings {
        issuer: issuer.into(),
        audience: vec![AUDIENCE.into(), "other-of-ours".into()],
        jwks_url: None,
        required_scopes: Default::default(),
        groups_claim: "groups".into(),
        jwks_ttl: Span(Duration::from_secs(600)),
    }
}

pub fn authenticator(oidc: OidcSettings, timing: Timing) -> Authenticator {
    let settings = AuthSettings { oidc: vec![oidc], ..AuthSettings::default() };
    Authenticator::with_timing(&settings, None, timing).unwrap_or_else(|errors| panic!("{errors}"))
}

pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

pub fn jwks_url(issuer: &Issuer) -> Url {
    format!("{}/jwks", issuer.url).parse().unwrap()
}
