//! OAuth 2.0 Protected Resource Metadata (RFC 9728): how a client that was refused finds out where to get a token.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use url::Url;
use windlass_config::settings::AuthSettings;

const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";

/// The metadata document of `resource`, the URL clients know this endpoint by. There is one only where there is an
/// issuer: a server with keys alone must not send clients looking for OAuth.
pub fn document(settings: &AuthSettings, resource: &Url) -> Option<Value> {
    if settings.oidc.is_empty() {
        return None;
    }
    let issuers: Vec<&str> = settings.oidc.iter().map(|oidc| oidc.issuer.as_str()).collect();
    let scopes: BTreeSet<&String> = settings.oidc.iter().flat_map(|oidc| &oidc.required_scopes).collect();
    let mut document = json!({
        "resource": text(resource),
        "resource_name": "Windlass",
        "authorization_servers": issuers,
        "bearer_methods_supported": ["header"],
    });
    if !scopes.is_empty() {
        document["scopes_supported"] = json!(scopes);
    }
    Some(document)
}

/// Where the document of `resource` is found: the well-known part goes between host and path.
pub fn url(resource: &Url) -> Url {
    let mut url = resource.clone();
    url.set_path(&path(resource.path()));
    url.set_fragment(None);
    url
}

/// Paths to serve the document at, for an endpoint at `endpoint` (such as `/mcp`): its own, and the bare one that some
/// clients try.
pub fn paths(endpoint: &str) -> Vec<String> {
    let own = path(endpoint);
    match own == WELL_KNOWN {
        true => vec![own],
        false => vec![own, WELL_KNOWN.to_owned()],
    }
}

fn path(endpoint: &str) -> String {
    format!("{WELL_KNOWN}{}", endpoint.trim_end_matches('/'))
}

/// The resource identifier as clients write it: no slash after a bare host.
fn text(resource: &Url) -> &str {
    match resource.path() {
        "/" => resource.as_str().trim_end_matches('/'),
        _ => resource.as_str(),
    }
}
