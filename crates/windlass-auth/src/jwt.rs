//! JWTs of OIDC issuers: which issuer, which of its keys, what the claims make of the caller.

mod claims;
mod fetch;
mod issuer;
mod keyring;
mod keyset;
mod remembered;

use std::{sync::Arc, time::Duration};

use serde::Deserialize;
use windlass_config::settings::OidcSettings;
use windlass_core::{Check, Principal};

use self::{fetch::Fetcher, issuer::Issuer, remembered::Remembered};
use crate::{AuthError, SetupError, keys::Digest};

/// How long things are remembered and how often an issuer is asked. The defaults are right for servers; tests shorten
/// them.
#[derive(Debug, Clone, Copy)]
pub struct Timing {
    /// The least time between two fetches of an issuer's keys, however many unknown key ids strangers send.
    pub refetch: Duration,
    /// The least time between two attempts while no keys could be fetched yet.
    pub retry: Duration,
    /// How long past their time keys still count while the issuer is down.
    pub stale: Duration,
    /// How long a verified token is taken as verified. A withdrawn signing key counts for so long at most.
    pub remember: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            refetch: Duration::from_secs(30),
            retry: Duration::from_secs(2),
            stale: Duration::from_secs(3600),
            remember: Duration::from_secs(60),
        }
    }
}

/// Verifies tokens of every configured issuer.
pub(crate) struct Tokens {
    issuers: Vec<Arc<Issuer>>,
    remembered: Remembered,
    timing: Timing,
}

impl Tokens {
    pub fn new(settings: &[OidcSettings], timing: Timing) -> Result<Self, Vec<SetupError>> {
        let remembered = Remembered::default();
        if settings.is_empty() {
            return Ok(Self { issuers: Vec::new(), remembered, timing });
        }
        let fetcher = Fetcher::new().map_err(|error| {
            let message = format!("the HTTP client for issuers cannot start: {error}");
            vec![SetupError::new("auth.oidc", message, "check the certificates of this machine (SSL_CERT_FILE)")]
        })?;
        let mut issuers: Vec<Arc<Issuer>> = Vec::new();
        let mut errors = Vec::new();
        for (n, settings) in settings.iter().enumerate() {
            let place = format!("auth.oidc[{n}]");
            match Issuer::new(&place, settings, fetcher.clone(), timing) {
                Ok(issuer) if issuers.iter().any(|other| other.name() == issuer.name()) => {
                    errors.push(SetupError::new(
                        format!("{place}.issuer"),
                        "this issuer is already there",
                        "put all accepted audiences into one entry",
                    ))
                }
                Ok(issuer) => issuers.push(Arc::new(issuer)),
                Err(found) => errors.extend(found),
            }
        }
        if errors.is_empty() { Ok(Self { issuers, remembered, timing }) } else { Err(errors) }
    }

    pub fn is_empty(&self) -> bool {
        self.issuers.is_empty()
    }

    /// Whether `text` has the shape of a signed JWT.
    pub fn looks_like_one(text: &str) -> bool {
        text.starts_with("ey") && text.bytes().filter(|&byte| byte == b'.').count() == 2
    }

    /// The holder of a token verified a moment ago.
    pub fn remembered(&self, hash: &Digest) -> Option<Arc<Principal>> {
        self.remembered.find(hash)
    }

    /// Verifies `token` from scratch.
    pub async fn verify(&self, token: &str, hash: Digest) -> Result<Arc<Principal>, AuthError> {
        let claimed: Claimed = jsonwebtoken::dangerous::insecure_decode_claims(token)
            .map_err(|error| AuthError::unknown(format!("a token that cannot be read: {error}")))?;
        // Unverified as yet: this only chooses whose keys have to hold.
        let issuer = self.issuers.iter().find(|issuer| issuer.name() == claimed.iss).ok_or_else(|| {
            let start: String = claimed.iss.chars().take(120).collect();
            AuthError::unknown(format!("a token of the issuer {start:?}, which is not configured"))
        })?;
        let verified = issuer.verify(token).await?;
        let principal = Arc::new(verified.principal);
        self.remembered.keep(hash, principal.clone(), verified.expires, self.timing.remember);
        Ok(principal)
    }

    pub async fn ready(&self) -> Vec<Check> {
        let mut checks = Vec::new();
        for issuer in &self.issuers {
            checks.push(issuer.ready().await);
        }
        checks
    }
}

#[derive(Deserialize)]
struct Claimed {
    iss: String,
}
