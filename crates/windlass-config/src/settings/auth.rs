use std::{collections::BTreeSet, path::PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use url::Url;
use windlass_core::units::Span;

/// Who may connect. With neither keys, token nor OIDC the server serves loopback only, as the principal `local`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AuthSettings {
    /// API keys, as printed by `windlass key new`.
    pub keys: Vec<KeySettings>,
    /// A file with more keys, one per line in the same form, read again when it changes.
    pub keys_file: Option<PathBuf>,
    /// Names an environment variable or a file (`env:NAME`, `file:PATH`) with one shared token, as go-mcp-commander has it. The
    /// principal is `key:token`. Prefer keys: they are hashed, expire and can be rotated.
    pub token: Option<String>,
    /// OIDC issuers whose JWTs are accepted.
    pub oidc: Vec<OidcSettings>,
}

/// One API key. Only its hash stands here; the key itself was shown once.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KeySettings {
    /// The principal becomes `key:NAME`. Two keys of one name are both valid: that is how to rotate.
    pub name: String,
    /// `sha256:HEX` of the key.
    pub hash: String,
    /// RFC 3339 time after which the key is refused.
    #[serde(default)]
    pub expires: Option<String>,
    /// Groups for policies.
    #[serde(default)]
    pub groups: BTreeSet<String>,
}

/// One OIDC issuer.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OidcSettings {
    /// The `iss` claim, character for character: an https URL, with a trailing slash only where the issuer has one.
    pub issuer: String,
    /// Accepted `aud` claims; at least one.
    pub audience: Vec<String>,
    /// Where the keys are; found through the issuer's metadata when left out.
    #[serde(default)]
    pub jwks_url: Option<Url>,
    /// Scopes every token must have.
    #[serde(default)]
    pub required_scopes: BTreeSet<String>,
    /// Claim that lists groups.
    #[serde(default = "groups_claim")]
    pub groups_claim: String,
    /// How long fetched keys are used before they are fetched again.
    #[serde(default = "jwks_ttl")]
    pub jwks_ttl: Span,
}

fn groups_claim() -> String {
    "groups".into()
}

fn jwks_ttl() -> Span {
    Span(std::time::Duration::from_secs(600))
}
