use std::{collections::BTreeMap, time::Duration};

use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use url::Url;
use windlass_core::ExposeSecret;

use super::Checker;
use crate::{
    SecretError, SecretRef, mask,
    node::Path,
    settings::{AuthSettings, KeySettings, OidcSettings},
};

/// Below this a shared token can be guessed.
const SHORT_TOKEN: usize = 16;

pub(super) fn check(checker: &mut Checker, auth: &AuthSettings) {
    let mut seen = BTreeMap::new();
    for (index, key) in auth.keys.iter().enumerate() {
        let path = Path::dotted("auth.keys").index(index);
        check_key(checker, &path, key);
        if let Some(first) = seen.insert(key.hash.to_ascii_lowercase(), index) {
            let message = format!("the same key stands in `auth.keys[{first}]`");
            checker.refuse(&path.key("hash"), message, "a second key needs a hash of its own: `windlass key new`");
        }
    }
    if let Some(file) = &auth.keys_file {
        checker.file(&Path::dotted("auth.keys_file"), file);
    }
    if let Some(token) = &auth.token {
        check_token(checker, token);
    }
    for (index, oidc) in auth.oidc.iter().enumerate() {
        let path = Path::dotted("auth.oidc").index(index);
        check_oidc(checker, &path, oidc);
        if auth.oidc[..index].iter().any(|earlier| earlier.issuer == oidc.issuer) {
            let message = format!("{} stands here a second time", oidc.issuer);
            checker.refuse(&path.key("issuer"), message, "put all audiences under one entry");
        }
    }
}

fn check_key(checker: &mut Checker, path: &Path, key: &KeySettings) {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '@');
    if key.name.is_empty() || key.name.len() > 64 || !key.name.chars().all(plain) {
        checker.refuse(
            &path.clone().key("name"),
            "a key's name is 1 to 64 letters, digits or `-_.@`",
            "it becomes the principal `key:NAME` in policies and the audit log",
        );
    }
    // The value is not repeated: it may be the key itself.
    let hex = key.hash.strip_prefix("sha256:").unwrap_or_default();
    if hex.len() != 64 || !hex.bytes().all(|b| b.is_ascii_hexdigit()) {
        checker.refuse(
            &path.clone().key("hash"),
            "this is not `sha256:` and 64 hex digits",
            "`windlass key new` prints the hash to put here; the key itself stays with its user",
        );
    }
    if let Some(expires) = &key.expires {
        let path = path.clone().key("expires");
        match OffsetDateTime::parse(expires, &Rfc3339) {
            Err(_) => checker.refuse(
                &path,
                format!("`{expires}` is not a time"),
                "write it as RFC 3339 has it: 2027-01-31T00:00:00Z",
            ),
            Ok(time) if time <= OffsetDateTime::now_utc() => {
                checker.notice(&path, format!("the key `{}` has expired and is refused", key.name));
            }
            Ok(_) => {}
        }
    }
    if key.groups.iter().any(|group| group.trim().is_empty()) {
        checker.refuse(&path.clone().key("groups"), "a group has no name", "take it out");
    }
}

fn check_token(checker: &mut Checker, token: &str) {
    let path = Path::dotted("auth.token");
    let reference: SecretRef = match token.parse() {
        Ok(reference) => reference,
        Err(error) => {
            return checker.refuse(
                &path,
                error.to_string(),
                "put the secret into a variable or a file of the server; better, use `windlass key new` and `auth.keys`",
            );
        }
    };
    match reference.resolve(checker.env, checker.base) {
        Ok(secret) if secret.expose_secret().chars().count() < SHORT_TOKEN => {
            checker.notice(&path, format!("the token has fewer than {SHORT_TOKEN} characters and can be guessed"));
        }
        Ok(_) => {}
        Err(error @ SecretError::Unset(_)) => {
            checker.refuse(&path, error.to_string(), "set it, or take `auth.token` out");
        }
        Err(error) => checker.refuse(&path, error.to_string(), "check the path and its permissions"),
    }
}

fn check_oidc(checker: &mut Checker, path: &Path, oidc: &OidcSettings) {
    if oidc.audience.is_empty() || oidc.audience.iter().any(|audience| audience.trim().is_empty()) {
        checker.refuse(
            &path.clone().key("audience"),
            "without an audience a token made for any other service would open this one",
            "name what your identity provider puts into `aud` for this server",
        );
    }
    match Url::parse(&oidc.issuer) {
        Ok(url) => checker.web_url(&path.clone().key("issuer"), &url, true),
        Err(error) => {
            let message = format!("`{}` is not a URL: {error}", mask::user_info(&oidc.issuer));
            checker.refuse(&path.clone().key("issuer"), message, "write it as the issuer's tokens have it in `iss`");
        }
    }
    if let Some(url) = &oidc.jwks_url {
        let path = path.clone().key("jwks_url");
        // Some providers do have a query here, so only what is secret or unsafe is refused.
        let mut bare = url.clone();
        bare.set_query(None);
        checker.web_url(&path, &bare, true);
    }
    if oidc.groups_claim.trim().is_empty() {
        checker.refuse(&path.clone().key("groups_claim"), "a claim needs a name", "the usual one is `groups`");
    }
    if oidc.jwks_ttl.0 < Duration::from_secs(10) {
        checker.refuse(
            &path.clone().key("jwks_ttl"),
            format!("{} would ask the issuer for its keys all the time", oidc.jwks_ttl),
            "10s or more; 10m is usual",
        );
    }
}
