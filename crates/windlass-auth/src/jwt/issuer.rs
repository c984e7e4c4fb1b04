use std::{collections::BTreeSet, sync::Arc};

use jsonwebtoken::{Algorithm, Header, Validation, decode, decode_header, errors::ErrorKind};
use serde_json::{Map, Value};
use url::Url;
use windlass_config::settings::OidcSettings;
use windlass_core::{Check, Principal};

use super::{
    Timing, claims,
    fetch::{Fetcher, is_safe},
    keyring::Keyring,
    keyset,
};
use crate::{AuthError, AuthErrorKind, SetupError};

/// Clocks differ; by more than this one of them is wrong.
const LEEWAY_SECONDS: u64 = 30;

/// One configured issuer.
pub(super) struct Issuer {
    name: String,
    audience: Vec<String>,
    required_scopes: BTreeSet<String>,
    groups_claim: String,
    keyring: Arc<Keyring>,
}

/// A token that held.
pub(super) struct Verified {
    pub principal: Principal,
    /// Seconds since 1970.
    pub expires: u64,
}

impl Issuer {
    pub fn new(
        place: &str,
        settings: &OidcSettings,
        fetcher: Fetcher,
        timing: Timing,
    ) -> Result<Self, Vec<SetupError>> {
        let errors = problems(place, settings);
        if !errors.is_empty() {
            return Err(errors);
        }
        let name = settings.issuer.as_str().to_owned();
        let keyring = Keyring::new(name.clone(), settings.jwks_url.clone(), settings.jwks_ttl.0, fetcher, timing);
        Ok(Self {
            name,
            audience: settings.audience.clone(),
            required_scopes: settings.required_scopes.clone(),
            groups_claim: settings.groups_claim.clone(),
            keyring: Arc::new(keyring),
        })
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub async fn verify(&self, token: &str) -> Result<Verified, AuthError> {
        let header = decode_header(token)
            .map_err(|error| AuthError::unknown(format!("a token header that cannot be read: {error}")))?;
        check_header(&header)?;
        // `jwk`, `jku`, `x5c` and `x5u` in the header are not looked at: whoever made the token chose them.
        let key = self.keyring.key(header.kid.as_deref(), header.alg).await?;
        let claims: Map<String, Value> =
            decode(token, &key, &self.validation(header.alg)).map_err(|error| refusal(error.kind()))?.claims;
        let expires = claims.get("exp").and_then(Value::as_f64).unwrap_or_default() as u64;
        let principal = claims::principal(&claims, &self.name, &self.groups_claim)?;
        if !self.required_scopes.is_subset(&principal.scopes) {
            let reason = format!("{} lacks a required scope", principal.id);
            let kind = AuthErrorKind::InsufficientScope { required: self.required_scopes.clone() };
            return Err(AuthError::new(kind, reason));
        }
        Ok(Verified { principal, expires })
    }

    fn validation(&self, algorithm: Algorithm) -> Validation {
        let mut validation = Validation::new(algorithm);
        validation.leeway = LEEWAY_SECONDS;
        validation.validate_nbf = true;
        validation.set_audience(&self.audience);
        validation.set_issuer(&[&self.name]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        validation
    }

    pub async fn ready(&self) -> Check {
        self.keyring.ready().await
    }
}

fn check_header(header: &Header) -> Result<(), AuthError> {
    if !keyset::accepted(header.alg) {
        return Err(AuthError::unknown(format!("the algorithm {:?} is not accepted", header.alg)));
    }
    // A critical extension we do not know may change what the token means.
    if header.crit.is_some() {
        return Err(AuthError::unknown("a header with `crit`"));
    }
    // Issuers sign other things with the same keys: logout tokens, security events, proofs of possession.
    let kind = header.typ.as_deref().unwrap_or("JWT").to_ascii_lowercase();
    match kind.strip_prefix("application/").unwrap_or(&kind) {
        "jwt" | "at+jwt" => Ok(()),
        other => Err(AuthError::unknown(format!("a {other:.40} is no access token"))),
    }
}

fn refusal(error: &ErrorKind) -> AuthError {
    let kind = match error {
        ErrorKind::ExpiredSignature => AuthErrorKind::Expired,
        ErrorKind::ImmatureSignature => AuthErrorKind::NotYetValid,
        ErrorKind::InvalidAudience => AuthErrorKind::WrongAudience,
        ErrorKind::MissingRequiredClaim(claim) if claim == "aud" => AuthErrorKind::WrongAudience,
        _ => AuthErrorKind::Unknown,
    };
    AuthError::new(kind, format!("the token does not hold: {error:?}"))
}

fn problems(place: &str, settings: &OidcSettings) -> Vec<SetupError> {
    let mut errors = Vec::new();
    let mut wrong = |field: &str, message: &str, hint: &'static str| {
        errors.push(SetupError::new(format!("{place}.{field}"), message, hint));
    };
    match Url::parse(settings.issuer.as_str()) {
        Ok(url) if url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() => {
            wrong("issuer", "has a query, a fragment or a user", "write it as the `iss` claim of a token has it");
        }
        Ok(url) if !is_safe(&url) => wrong("issuer", "is not https", "plain http is for issuers on loopback only"),
        Ok(_) => {}
        Err(_) => wrong("issuer", "is no URL", "write it as the `iss` claim of a token has it"),
    }
    if settings.jwks_url.as_ref().is_some_and(|url| !is_safe(url)) {
        wrong("jwks_url", "is not https", "plain http is for issuers on loopback only");
    }
    if settings.audience.is_empty() || settings.audience.iter().any(String::is_empty) {
        wrong(
            "audience",
            "names no audience, so tokens made for any other service would do",
            "write what your issuer puts into `aud` for this server, usually its URL",
        );
    }
    // RFC 6749's scope-token. The names also stand in a quoted header value.
    let fits = |c: char| c.is_ascii_graphic() && c != '"' && c != '\\';
    if settings.required_scopes.iter().any(|scope| scope.is_empty() || !scope.chars().all(fits)) {
        wrong("required_scopes", "has a scope with characters no scope has", "use visible ASCII without quotes");
    }
    errors
}
